// A Chromium without a window, driven by chromedriver over the WebDriver protocol (https://www.w3.org/TR/webdriver2/).
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace browser {

using Json = nlohmann::json;

// What is missing on this machine, or "".
std::string missing();

class Browser {
 public:
  // `scratch`: an empty folder for the profile.
  Browser(const std::filesystem::path& scratch, int width, int height);
  ~Browser();
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  void open(const std::filesystem::path& page);
  void resize(int width, int height);
  // The body of a function, with what it returns.
  Json run(const std::string& script);
  // Of the first element that the CSS selector finds; a real click, that fails where something lies above it.
  void click(const std::string& selector);
  // Goes to the element that has the focus. Keys beyond ASCII are WebDriver's, below.
  void press(const std::string& keys);
  void type(const std::string& selector, const std::string& text);
  void hover(const std::string& selector);
  // Waits for the expression to become true, for at most a minute: other tests may keep the machine busy.
  bool until(const std::string& expression);
  void preferDark(bool dark);
  // Errors on the console since the last call.
  std::vector<std::string> errors();
  void screenshot(const std::filesystem::path& file);

  static constexpr const char* kEscape = "\uE00C";
  static constexpr const char* kEnter = "\uE007";
  static constexpr const char* kLeft = "\uE012";
  static constexpr const char* kUp = "\uE013";
  static constexpr const char* kRight = "\uE014";
  static constexpr const char* kDown = "\uE015";
  static constexpr const char* kTab = "\uE004";

 private:
  Json call(const std::string& method, const std::string& path, const Json& body = Json::object());
  Json inSession(const std::string& path, const Json& body = Json::object());
  std::string find(const std::string& selector);
  void startDriver(const std::filesystem::path& scratch);
  void startSession(const std::filesystem::path& scratch, int width, int height);
  void stopDriver();

  pid_t driver_ = -1;
  int port_ = 0;
  std::string session_;
};

}  // namespace browser

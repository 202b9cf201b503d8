#include "browser.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace browser {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

fs::path onPath(const std::string& program) {
  std::istringstream folders(std::getenv("PATH") ? std::getenv("PATH") : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (access((fs::path(folder) / program).c_str(), X_OK) == 0) return fs::path(folder) / program;
  return {};
}

fs::path chromium() {
  return !onPath("chromium").empty() ? onPath("chromium") : onPath("google-chrome");
}

class Connection {
 public:
  explicit Connection(int port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{60, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("no connection to chromedriver");
  }
  ~Connection() { close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void send(const std::string& text) const {
    for (std::size_t sent = 0; sent < text.size();) {
      const ssize_t count = ::send(socket_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) throw std::runtime_error("cannot send to chromedriver");
      sent += static_cast<std::size_t>(count);
    }
  }
  // False when the other side has said everything.
  bool receive(std::string& text) const {
    char buffer[65536];
    const ssize_t count = recv(socket_, buffer, sizeof buffer, 0);
    if (count < 0) throw std::runtime_error("chromedriver does not answer");
    text.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
  }

 private:
  int socket_;
};

std::size_t contentLength(const std::string& head) {
  static const std::regex line("content-length: *([0-9]+)", std::regex::icase);
  std::smatch found;
  return std::regex_search(head, found, line) ? std::stoul(found[1]) : 0;
}

// The body of the answer; the connection may stay open after it.
std::string exchange(int port, const std::string& method, const std::string& path, const std::string& body) {
  const Connection connection(port);
  connection.send(method + " " + path +
                  " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: " +
                  std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body);
  std::string answer;
  std::size_t end = std::string::npos;
  while ((end = answer.find("\r\n\r\n")) == std::string::npos && connection.receive(answer)) {
  }
  if (end == std::string::npos) throw std::runtime_error("chromedriver broke off");
  const std::size_t total = end + 4 + contentLength(answer.substr(0, end));
  while (answer.size() < total && connection.receive(answer)) {
  }
  return answer.substr(end + 4);
}

std::string textOf(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

// chromedriver chooses a free port and says which.
int portFrom(const fs::path& log) {
  static const std::regex line("successfully on port ([0-9]+)");
  for (int i = 0; i < 600; ++i, std::this_thread::sleep_for(50ms)) {
    const std::string text = textOf(log);
    std::smatch found;
    if (std::regex_search(text, found, line)) return std::stoi(found[1]);
  }
  throw std::runtime_error("chromedriver did not start: " + textOf(log));
}

std::string decoded(const std::string& base64) {
  static const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned value = 0;
  int bits = 0;
  for (const char c : base64) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string::npos) break;
    value = (value << 6 | static_cast<unsigned>(digit)) & 0xFFFFFF;
    bits += 6;
    if (bits >= 8) bits -= 8, bytes += static_cast<char>(value >> bits & 0xFF);
  }
  return bytes;
}

// Nothing of it may ask the network.
Json argumentsOf(const fs::path& scratch, int width, int height) {
  return {"--headless=new",
          "--no-sandbox",
          "--disable-gpu",
          "--disable-quic",
          "--disable-dev-shm-usage",
          "--no-first-run",
          "--disable-background-networking",
          "--disable-component-update",
          "--disable-sync",
          "--disable-default-apps",
          "--hide-scrollbars",
          "--user-data-dir=" + (scratch / "profile").string(),
          "--window-size=" + std::to_string(width) + "," + std::to_string(height)};
}

}  // namespace

std::string missing() {
  if (chromium().empty()) return "chromium";
  return onPath("chromedriver").empty() ? "chromedriver (package chromium-driver)" : "";
}

Browser::Browser(const fs::path& scratch, int width, int height) {
  try {
    startDriver(scratch);
    startSession(scratch, width, height);
  } catch (...) {
    stopDriver();
    throw;
  }
}

Browser::~Browser() {
  try {
    call("DELETE", "/session/" + session_);
  } catch (const std::exception&) {
    // The end of the driver ends the browser as well.
  }
  stopDriver();
}

void Browser::startDriver(const fs::path& scratch) {
  const fs::path log = scratch / "chromedriver.log";
  driver_ = fork();
  if (driver_ == 0) {
    const int file = ::open(log.c_str(), O_WRONLY | O_CREAT, 0644);
    dup2(file, STDOUT_FILENO), dup2(file, STDERR_FILENO);
    setpgid(0, 0);
    execl(onPath("chromedriver").c_str(), "chromedriver", "--port=0", static_cast<char*>(nullptr));
    _exit(127);
  }
  port_ = portFrom(log);
}

void Browser::startSession(const fs::path& scratch, int width, int height) {
  const Json options = {{"binary", chromium().string()}, {"args", argumentsOf(scratch, width, height)}};
  const Json wanted = {
      {"browserName", "chrome"}, {"goog:chromeOptions", options}, {"goog:loggingPrefs", {{"browser", "ALL"}}}};
  session_ = call("POST", "/session", {{"capabilities", {{"alwaysMatch", wanted}}}}).at("sessionId");
}

// The browser is a child of the driver and in its process group.
void Browser::stopDriver() {
  kill(-driver_, SIGTERM);
  int status = 0;
  waitpid(driver_, &status, 0);
}

Json Browser::call(const std::string& method, const std::string& path, const Json& body) {
  const Json value = Json::parse(exchange(port_, method, path, method == "POST" ? body.dump() : "")).at("value");
  if (value.is_object() && value.contains("error"))
    throw std::runtime_error(path + ": " + value["error"].get<std::string>() + ": " +
                             value["message"].get<std::string>());
  return value;
}

Json Browser::inSession(const std::string& path, const Json& body) {
  return call("POST", "/session/" + session_ + path, body);
}

void Browser::open(const fs::path& page) {
  inSession("/url", {{"url", "file://" + page.string()}});
}

void Browser::resize(int width, int height) {
  inSession("/window/rect", {{"width", width}, {"height", height}});
}

Json Browser::run(const std::string& script) {
  return inSession("/execute/sync", {{"script", script}, {"args", Json::array()}});
}

std::string Browser::find(const std::string& selector) {
  return inSession("/element", {{"using", "css selector"}, {"value", selector}}).begin().value();
}

void Browser::click(const std::string& selector) {
  inSession("/element/" + find(selector) + "/click");
}

void Browser::type(const std::string& selector, const std::string& text) {
  inSession("/element/" + find(selector) + "/value", {{"text", text}});
}

void Browser::press(const std::string& keys) {
  const Json strokes = {{{"type", "keyDown"}, {"value", keys}}, {{"type", "keyUp"}, {"value", keys}}};
  inSession("/actions", {{"actions", {{{"type", "key"}, {"id", "keyboard"}, {"actions", strokes}}}}});
}

void Browser::hover(const std::string& selector) {
  const Json place = {{"element-6066-11e4-a52e-4f735466cecf", find(selector)}};
  const Json move = {{"type", "pointerMove"}, {"duration", 0}, {"x", 0}, {"y", 0}, {"origin", place}};
  inSession("/actions", {{"actions", {{{"type", "pointer"}, {"id", "mouse"}, {"actions", Json::array({move})}}}}});
}

bool Browser::until(const std::string& expression) {
  for (int i = 0; i < 1200; ++i, std::this_thread::sleep_for(50ms))
    if (run("return Boolean(" + expression + ")").get<bool>()) return true;
  return false;
}

void Browser::preferDark(bool dark) {
  const Json feature = {{"name", "prefers-color-scheme"}, {"value", dark ? "dark" : "light"}};
  inSession("/goog/cdp/execute",
            {{"cmd", "Emulation.setEmulatedMedia"}, {"params", {{"features", Json::array({feature})}}}});
}

std::vector<std::string> Browser::errors() {
  std::vector<std::string> messages;
  for (const Json& entry : inSession("/se/log", {{"type", "browser"}}))
    if (entry.at("level") == "SEVERE") messages.push_back(entry.at("message"));
  return messages;
}

void Browser::screenshot(const fs::path& file) {
  std::ofstream stream(file, std::ios::binary);
  stream << decoded(call("GET", "/session/" + session_ + "/screenshot"));
}

}  // namespace browser

#include "method_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>
#include <system_error>

#include "relprop/choices.h"
#include "relprop/explain.h"

namespace relprop::cli {
namespace {

bool has(const std::vector<std::pair<std::string, std::string>>& parameters, const std::string& key) {
  return std::any_of(parameters.begin(), parameters.end(), [&](const auto& one) { return one.first == key; });
}

bool given(const std::vector<Shortcut>& shortcuts, const std::string& key) {
  return std::any_of(shortcuts.begin(), shortcuts.end(), [&](const Shortcut& one) { return one.key == key; });
}

// "samples" belongs to the methods that draw samples and, with "noise", to all.
bool takes(const MethodInfo& method, const std::string& key, const std::vector<Shortcut>& shortcuts) {
  if (has(method.parameters, key) || has(commonParameters(), key)) return true;
  return key == "samples" && given(shortcuts, "noise");
}

bool continuesMethod(const std::string& part) {
  const std::size_t equals = part.find('=');
  return equals != std::string::npos && part.find(':') >= equals;
}

void addFolder(const std::filesystem::path& folder, std::vector<std::filesystem::path>& files) {
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed))
    files.push_back(entry->path());
}

// Options by the methods that do not take them.
using LeftOut = std::map<std::string, std::vector<std::string>>;

std::string applicable(const MethodInfo& method, const std::vector<Shortcut>& shortcuts, LeftOut& leftOut) {
  std::string text = method.name;
  for (const Shortcut& shortcut : shortcuts) {
    if (takes(method, shortcut.key, shortcuts))
      text = withParameter(text, shortcut.key, shortcut.value);
    else
      leftOut[shortcut.option].push_back(method.name);
  }
  return text;
}

std::vector<MethodChoice> everyMethod(const std::vector<Shortcut>& shortcuts, const MethodsFor& what,
                                      std::vector<std::string>& notes) {
  std::vector<MethodChoice> all;
  LeftOut leftOut;
  for (const MethodInfo& method : methods()) {
    if (!(what.bagOfWords ? method.ofBags : method.ofNetworks)) continue;
    if (method.name.starts_with("pattern-") && !what.havePatterns)
      notes.push_back(method.name + " is left out: it needs --patterns");
    else
      all.push_back({applicable(method, shortcuts, leftOut), true});
  }
  for (const auto& [option, names] : leftOut)
    notes.push_back(fmt::format("{} does not apply to {}", option, fmt::join(names, ", ")));
  return all;
}

}  // namespace

std::vector<std::string> splitMethods(const std::string& list) {
  std::vector<std::string> methods;
  std::istringstream stream(list);
  for (std::string part; std::getline(stream, part, ',');) {
    if (continuesMethod(part) && !methods.empty())
      methods.back() += "," + part;
    else
      methods.push_back(part);
  }
  if (methods.empty()) methods.emplace_back();  // the library says what is wrong with a method without a name
  return methods;
}

std::vector<MethodChoice> chooseMethods(const std::vector<std::string>& names, const std::vector<Shortcut>& shortcuts,
                                        const MethodsFor& what, std::vector<std::string>& notes) {
  std::vector<MethodChoice> chosen;
  const auto add = [&](const MethodChoice& choice) {
    const auto same = [&](const MethodChoice& other) { return other.text == choice.text; };
    if (std::none_of(chosen.begin(), chosen.end(), same)) chosen.push_back(choice);
  };
  for (std::string name : names) {
    if (name == "all") {
      for (const MethodChoice& choice : everyMethod(shortcuts, what, notes)) add(choice);
      continue;
    }
    for (const Shortcut& shortcut : shortcuts) name = withParameter(name, shortcut.key, shortcut.value);
    add({name});
  }
  return chosen;
}

void addFilesOf(const std::string& method, std::vector<std::filesystem::path>& files) {
  const std::size_t colon = method.find(':');
  std::istringstream parameters(colon == std::string::npos ? "" : method.substr(colon + 1));
  for (std::string part; std::getline(parameters, part, ',');) {
    const std::size_t equals = part.find('=');
    const std::string key = part.substr(0, equals), value = equals == std::string::npos ? "" : part.substr(equals + 1);
    if (key != "baseline" && key != "baselines") continue;
    files.emplace_back(value);
    if (key == "baselines" && value != "uniform") addFolder(value, files);  // uniform: a word, whatever is called so
  }
}

std::string fileNamePart(const std::string& method) {
  std::string part = method;
  for (char& c : part)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '_' && c != '+') c = '-';
  return part;
}

}  // namespace relprop::cli

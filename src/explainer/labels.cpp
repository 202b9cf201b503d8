#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>

#include "core/json_depth.h"
#include "image/preprocess_json.h"
#include "relprop/error.h"
#include "relprop/explain.h"

namespace relprop {
namespace {

using Json = nlohmann::json;

const char* const kImageNet[] = {
#include "explainer/imagenet_labels.inc"
};

constexpr const char* kJsonForms = "a JSON list of names, or an object from class number to name";

[[noreturn]] void refuse(const std::string& where, const std::string& got, const std::string& expected,
                         const std::string& hint = {}) {
  throw Error(ErrorCode::InvalidArgument, where, got, expected, hint);
}

// What some editors call Unicode is UTF-16: read by bytes, names would have a zero behind every letter.
void requireUtf8(const std::string& text, const std::string& where) {
  const bool marked = text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");
  if (marked || text.find('\0') != std::string::npos)
    refuse(where, marked ? "UTF-16" : "a byte 0 among the names", "text in UTF-8", "save it as UTF-8");
}

// "n01440764 tench, Tinca tinca" → "tench, Tinca tinca"
std::string withoutSynset(const std::string& line) {
  std::size_t i = 1;
  while (i < line.size() && std::isdigit(static_cast<unsigned char>(line[i]))) ++i;
  const bool synset = line.size() > 10 && line[0] == 'n' && i == 9 && line[i] == ' ';
  return synset ? line.substr(i + 1) : line;
}

// Windows' editors put a byte order mark in front, and leave blank lines behind as all editors do.
std::vector<std::string> namesOfLines(std::string_view lines) {
  std::istringstream text{std::string(lines)};
  std::vector<std::string> labels;
  for (std::string line; std::getline(text, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    labels.push_back(withoutSynset(line));
  }
  while (!labels.empty() && labels.back().empty()) labels.pop_back();
  return labels;
}

Json parsed(std::string_view text, const std::string& where) {
  requireShallowJson(text, ErrorCode::InvalidArgument, where);
  requireKeysOnce(text, ErrorCode::InvalidArgument, where);
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const Json::parse_error& error) {
    refuse(where, fmt::format("broken JSON at byte {}", error.byte), kJsonForms);
  } catch (const Json::out_of_range&) {
    refuse(where, "JSON with a number that is too large", kJsonForms);
  }
}

// A name, or the synset and the name of imagenet_class_index.json.
std::string nameOf(const Json& value, std::size_t index, const std::string& where) {
  if (value.is_string()) return withoutSynset(value.get<std::string>());
  if (!value.is_array() || value.size() != 2 || !value[0].is_string() || !value[1].is_string())
    refuse(where, fmt::format("class {}: {}", index, value.type_name()), "a name, or [synset, name]");
  return value[1].get<std::string>();
}

std::size_t indexOf(const std::string& key, const std::string& where) {
  std::size_t index = 0;
  std::from_chars(key.data(), key.data() + key.size(), index);
  if (std::to_string(index) != key) refuse(where, fmt::format("key '{}'", key), "class numbers from 0 as keys");
  return index;
}

std::vector<std::string> namesOfObject(const Json& object, const std::string& where) {
  std::map<std::size_t, std::string> names;
  for (const auto& [key, value] : object.items()) {
    const std::size_t index = indexOf(key, where);
    names[index] = nameOf(value, index, where);
  }
  std::vector<std::string> labels;
  for (const auto& [index, name] : names) {
    if (index != labels.size())
      refuse(where, fmt::format("no class {}", labels.size()),
             fmt::format("a name for every class from 0 to {}", names.rbegin()->first));
    labels.push_back(name);
  }
  return labels;
}

std::vector<std::string> namesOfJson(const Json& json, const std::string& where) {
  if (json.is_object()) return namesOfObject(json, where);
  if (!json.is_array()) refuse(where, fmt::format("id2label: {}", json.type_name()), kJsonForms);
  std::vector<std::string> labels;
  for (const Json& value : json) labels.push_back(nameOf(value, labels.size(), where));
  return labels;
}

}  // namespace

std::vector<std::string> parseLabels(const std::string& text, const std::string& where) {
  requireUtf8(text, where);
  constexpr std::string_view mark = "\xEF\xBB\xBF", space = " \t\r\n";
  const std::string_view content = std::string_view(text).substr(text.starts_with(mark) ? mark.size() : 0);
  const std::size_t first = content.find_first_not_of(space);
  const bool isJson = first != std::string_view::npos && (content[first] == '[' || content[first] == '{');
  std::vector<std::string> labels;
  if (isJson) {
    const Json json = parsed(content, where);
    labels = namesOfJson(json.is_object() && json.contains("id2label") ? json["id2label"] : json, where);
  } else {
    labels = namesOfLines(content);
  }
  if (labels.empty()) refuse(where, "no labels", "one class name a line");
  return labels;
}

std::vector<std::string> readLabels(const std::string& nameOrPath) {
  if (nameOrPath == "imagenet") return {std::begin(kImageNet), std::end(kImageNet)};
  const std::vector<std::uint8_t> bytes = readFile(nameOrPath);
  return parseLabels(std::string(bytes.begin(), bytes.end()), nameOrPath);
}

void requireLabelsFor(std::int64_t classes, const std::vector<std::string>& labels, const std::string& where) {
  if (classes < 0 || labels.empty() || labels.size() == static_cast<std::size_t>(classes)) return;
  if (classes == 1 && labels.size() == 2) return;
  refuse(where, fmt::format("{} class names", labels.size()),
         classes == 1 ? "1 or 2, as the network has one output"
                      : fmt::format("{}, one for each class of the network", classes));
}

}  // namespace relprop

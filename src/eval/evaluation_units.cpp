#include "eval/evaluation_units.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "core/lower_case.h"
#include "explainer/synsets.h"
#include "relprop/error.h"
#include "relprop/explain.h"

namespace relprop {
namespace {

// "001.Black_footed_Albatross" → "black footed albatross"
std::string plain(const std::string& name) {
  std::size_t start = 0;
  while (start < name.size() && std::isdigit(static_cast<unsigned char>(name[start]))) ++start;
  if (start == name.size() || name[start] != '.')
    start = 0;
  else
    ++start;
  std::string text;
  for (const char c : name.substr(start)) text += c == '_' ? ' ' : lowerCase(c);
  return text;
}

std::map<std::string, int> numbersOf(const std::vector<std::string>& labels) {
  std::map<std::string, int> numbers;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    numbers.emplace(plain(labels[i]), static_cast<int>(i));
    numbers.emplace(plain(labels[i].substr(0, labels[i].find(','))), static_cast<int>(i));  // "tench, Tinca tinca"
  }
  // Where the names are ImageNet's own, folders may be called by their synsets.
  const std::map<std::string, int>& synsets = synsetsOf(labels);
  numbers.insert(synsets.begin(), synsets.end());
  return numbers;
}

// More classes than a network has: as many as a bag of visual words may have.
constexpr int kMostNumbers = 65536;

const std::vector<std::string>& imagenetNames() {
  static const std::vector<std::string> names = readLabels("imagenet");
  return names;
}

bool isImagenet(const Dataset& dataset) {
  return dataset.kind().starts_with("imagenet");
}

// The classes that samples really have; a layout may name many more.
std::vector<bool> usedClasses(const Dataset& dataset, std::size_t classes) {
  std::vector<bool> used(classes);
  for (std::size_t i = 0; i < dataset.size(); ++i)
    for (const int c : dataset.sample(i).classes) used.at(static_cast<std::size_t>(c)) = true;
  return used;
}

[[noreturn]] void foreign(const Dataset& dataset, const std::string& got, int classes) {
  throw Error(ErrorCode::UnknownTarget, dataset.name(), got,
              fmt::format("classes of the network, which has {}", classes),
              "give the network's class names with --labels, or explain what it predicts with --target predicted");
}

// Below `limit`, of a network with so many classes.
void requireNumbers(const Dataset& dataset, int limit, int classes) {
  for (std::size_t i = 0; i < dataset.size(); ++i)
    for (const int c : dataset.sample(i).classes)
      if (c < 0 || c >= limit) foreign(dataset, fmt::format("class {} of {}", c, dataset.sample(i).id), classes);
}

// Of classes that are numbers, those that pictures have; the others are empty. None where a number is too high.
std::vector<std::string> namesOfNumbers(const Dataset& dataset) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < dataset.size(); ++i)
    for (const int c : dataset.sample(i).classes) {
      const auto k = static_cast<std::size_t>(c);
      if (c < 0 || c >= kMostNumbers) return {};
      if (k >= names.size()) names.resize(k + 1);
      if (names[k].empty()) names[k] = classNameIn(dataset, c);
    }
  return names;
}

// "class 3": such labels say of themselves which numbers they are.
bool isNumbered(const std::string& label) {
  const std::string text = plain(label), start = "class ";
  return text.starts_with(start) && text.size() > start.size() &&
         text.find_first_not_of("0123456789", start.size()) == std::string::npos;
}

bool knowsAll(const std::vector<std::string>& names, const std::vector<std::string>& labels) {
  const std::map<std::string, int> known = numbersOf(names);
  return !labels.empty() && std::all_of(labels.begin(), labels.end(),
                                        [&](const std::string& label) { return known.contains(plain(label)); });
}

struct ByName {
  std::vector<int> mapping;
  std::string missing;    // the first class that the network does not know
  bool complete = false;  // none is missing, or the network knows no others
};

ByName mapByName(const Dataset& dataset, const std::vector<std::string>& names,
                 const std::vector<std::string>& labels) {
  const std::map<std::string, int> numbers = numbersOf(labels);
  const std::vector<bool> used = usedClasses(dataset, names.size());
  ByName found{std::vector<int>(names.size(), -1), "", false};
  for (std::size_t k = 0; k < names.size(); ++k) {
    const auto place = numbers.find(plain(names[k]));
    if (place != numbers.end())
      found.mapping[k] = place->second;
    else if (used[k] && found.missing.empty())
      found.missing = names[k];
  }
  found.complete = found.missing.empty() || knowsAll(names, labels);
  return found;
}

// The numbers are the network's own. A bag of visual words that was trained on some of them has the names they were
// given then, and other places.
std::vector<int> mapNumbers(const Dataset& dataset, const std::vector<std::string>& labels, int classes) {
  const std::vector<std::string> names = namesOfNumbers(dataset);
  const bool numbered = !labels.empty() && std::all_of(labels.begin(), labels.end(), isNumbered);
  const bool someOfImagenet = isImagenet(dataset) && !labels.empty() && labels.size() < imagenetNames().size();
  if (!names.empty() && (numbered || someOfImagenet)) {
    const ByName found = mapByName(dataset, names, labels);
    if (found.complete) return found.mapping;
    if (numbered) foreign(dataset, fmt::format("'{}' and perhaps others", found.missing), classes);
  }
  requireNumbers(dataset, numbered ? kMostNumbers : classes, classes);
  return {};
}

}  // namespace

std::string classNameIn(const Dataset& dataset, int aClass) {
  const std::vector<std::string>& names =
      isImagenet(dataset) && dataset.classNames().empty() ? imagenetNames() : dataset.classNames();
  const auto k = static_cast<std::size_t>(aClass);
  return k < names.size() ? names[k] : fmt::format("class {}", aClass);
}

std::vector<EvaluationUnit> unitsOf(const Dataset& dataset, const std::string& target, bool onlyCorrect) {
  const bool predicted = target == "predicted";
  std::vector<EvaluationUnit> units;
  for (std::size_t i = 0; i < dataset.size(); ++i) {
    const std::vector<int>& classes = dataset.sample(i).classes;
    if (predicted || classes.empty())
      units.push_back({i, {}, target});
    else
      for (const int c : classes)
        units.push_back({i, c, classes.size() == 1 ? target : fmt::format("{}:{}", target, c)});
  }
  if (onlyCorrect)
    for (EvaluationUnit& unit : units) unit.target += "+correct";
  return units;
}

std::vector<int> classMapping(const Dataset& dataset, const std::vector<std::string>& labels, int classes) {
  const std::vector<std::string>& names = dataset.classNames();
  if (names.empty()) return mapNumbers(dataset, labels, classes);
  const ByName found = mapByName(dataset, names, labels);
  if (found.complete) return found.mapping;
  if (labels.empty() && names.size() == static_cast<std::size_t>(classes)) return {};
  foreign(dataset, fmt::format("class '{}' and perhaps others", found.missing), classes);
}

}  // namespace relprop

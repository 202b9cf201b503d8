#include "eval/evaluation_units.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "core/lower_case.h"
#include "explainer/synsets.h"
#include "relprop/error.h"

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

// The classes that samples really have; a layout may name many more.
std::vector<bool> usedClasses(const Dataset& dataset) {
  std::vector<bool> used(dataset.classNames().size());
  for (std::size_t i = 0; i < dataset.size(); ++i)
    for (const int c : dataset.sample(i).classes) used.at(static_cast<std::size_t>(c)) = true;
  return used;
}

[[noreturn]] void foreign(const Dataset& dataset, const std::string& got, int classes) {
  throw Error(ErrorCode::UnknownTarget, dataset.name(), got,
              fmt::format("classes of the network, which has {}", classes),
              "give the network's class names with --labels, or explain what it predicts with --target predicted");
}

void requireNumbers(const Dataset& dataset, int classes) {
  for (std::size_t i = 0; i < dataset.size(); ++i)
    for (const int c : dataset.sample(i).classes)
      if (c < 0 || c >= classes) foreign(dataset, fmt::format("class {} of {}", c, dataset.sample(i).id), classes);
}

bool knowsAll(const std::vector<std::string>& names, const std::vector<std::string>& labels) {
  const std::map<std::string, int> known = numbersOf(names);
  return !labels.empty() && std::all_of(labels.begin(), labels.end(),
                                        [&](const std::string& label) { return known.contains(plain(label)); });
}

}  // namespace

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
  if (names.empty()) {
    requireNumbers(dataset, classes);
    return {};
  }
  const std::map<std::string, int> numbers = numbersOf(labels);
  const std::vector<bool> used = usedClasses(dataset);
  std::vector<int> mapping(names.size(), -1);
  std::string missing;
  for (std::size_t k = 0; k < names.size(); ++k) {
    const auto found = numbers.find(plain(names[k]));
    if (found != numbers.end())
      mapping[k] = found->second;
    else if (used[k] && missing.empty())
      missing = names[k];
  }
  if (missing.empty() || knowsAll(names, labels)) return mapping;
  if (labels.empty() && names.size() == static_cast<std::size_t>(classes)) return {};
  foreign(dataset, fmt::format("class '{}' and perhaps others", missing), classes);
}

}  // namespace relprop

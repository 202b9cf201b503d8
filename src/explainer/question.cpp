#include "relprop/question.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>

#include "core/lower_case.h"
#include "explain/layers.h"
#include "explainer/model_impl.h"
#include "explainer/prepare.h"
#include "explainer/synsets.h"
#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop {
namespace {

using Labels = std::vector<std::string>;

// Where a class is named, and what may stand there.
struct WordPlace {
  const char *option, *expected;
};
constexpr WordPlace kTarget{"--target", "argmax, top:K, a class index or name, not:CLASS, or a .npy file"},
    kAfterNot{"--target", "not: before a class index or name"},
    kRival{"--contrast", "a class index or name, or no value for all others"};

std::optional<int> wholeNumber(const std::string& text) {
  int value = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

bool isFile(const std::string& text) {
  return text.size() > 4 && lowerCase(text).ends_with(".npy");
}

using InnerNode = std::pair<std::string, std::optional<int>>;

// The node and its channel; what stands behind the last colon is a channel when it is a number.
InnerNode splitNode(const std::string& from) {
  const std::size_t colon = from.rfind(':');
  if (colon == std::string::npos) return {from, std::nullopt};
  const std::optional<int> channel = wholeNumber(from.substr(colon + 1));
  return {channel ? from.substr(0, colon) : from, channel};
}

// Many exporters write colons and numbers into names.
InnerNode innerNode(const std::string& from, const Model& model) {
  const bool whole = !from.empty() && !model.isBagOfWords() && !nodesCalled(ModelAccess::graph(model), from).empty();
  return whole ? InnerNode{from, std::nullopt} : splitNode(from);
}

std::vector<int> classesCalled(const std::string& text, const Labels& labels, bool whole) {
  const std::string wanted = lowerCase(text);
  std::vector<int> found;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::string label = lowerCase(labels[i]);
    if (whole ? label == wanted : label.starts_with(wanted)) found.push_back(static_cast<int>(i));
  }
  return found;
}

// Classes of that name or synset, or else those whose names begin so.
std::vector<int> candidates(const std::string& text, const Labels& labels) {
  if (isSynset(text)) {
    const std::map<std::string, int>& synsets = synsetsOf(labels);
    if (const auto found = synsets.find(text); found != synsets.end()) return {found->second};
  }
  std::vector<int> found = classesCalled(text, labels, true);
  return found.empty() && !text.empty() ? classesCalled(text, labels, false) : found;
}

[[noreturn]] void refuseAmbiguous(const std::string& text, const std::vector<int>& found, const Labels& labels,
                                  const char* option) {
  constexpr std::size_t kShown = 10;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(found.size(), kShown); ++i)
    names.push_back(fmt::format("{} {}", found[i], labels[static_cast<std::size_t>(found[i])]));
  const std::string rest = found.size() > kShown ? fmt::format(" and {} more", found.size() - kShown) : "";
  throw Error(ErrorCode::UnknownTarget, option, fmt::format("'{}' may be {}{}", text, fmt::join(names, ", "), rest),
              "one class", "write more of the name, or the index");
}

// A number is an index. A class that is called like it and has another index is as likely to be meant.
[[noreturn]] void refuseNumber(int index, int called, const Labels& labels, const char* option) {
  const auto at = static_cast<std::size_t>(index);
  const std::string other = at < labels.size() ? fmt::format(", which is called '{}'", labels[at]) : "";
  throw Error(
      ErrorCode::UnknownTarget, option,
      fmt::format("'{}', which is the name of class {} and the index of class {}{}", index, called, index, other),
      "one class", fmt::format("write 0{} for the one called so, 0{} for the index {}", called, index, index));
}

// What says how classes are chosen, rather than naming one.
bool isForm(const std::string& text) {
  return text == "argmax" || text.starts_with("top:") || text.starts_with("not:") || isFile(text);
}

[[noreturn]] void refuseUnknown(const std::string& text, const Labels& labels, const WordPlace& place) {
  if (isForm(text)) throw Error(ErrorCode::UnknownTarget, place.option, "'" + text + "'", place.expected);
  if (labels.empty())
    throw Error(ErrorCode::UnknownTarget, place.option, "'" + text + "', but there are no class names", "a class index",
                "give the names with --labels");
  const std::size_t reach = text.size() < 3 ? 1 : std::max<std::size_t>(2, text.size() / 2);
  const std::string nearest = nearestName(lowerCase(text), labels, reach);
  throw Error(ErrorCode::UnknownTarget, place.option, "no class is called '" + text + "'", place.expected,
              nearest.empty() ? "" : "did you mean '" + nearest + "'?");
}

// Reads the words of --target and --contrast.
class Reader {
 public:
  // `inner`: of the channels of a node, which have no names.
  Reader(const Labels& labels, const std::string& other, std::int64_t classes, bool inner)
      : labels_(labels), other_(other), classes_(classes), inner_(inner) {}

  std::vector<NamedTarget> targets(const std::string& text) const {
    if (text.find(',') == std::string::npos || !candidates(text, labels_).empty()) return one(text);
    std::vector<NamedTarget> all;
    std::size_t begin = 0;
    while (begin <= text.size()) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      const std::size_t word = text.find_first_not_of(' ', begin);
      if (word >= end)
        throw Error(ErrorCode::UnknownTarget, "--target", "'" + text + "'", "a target on each side of a comma",
                    "leave out a comma, or write what is missing");
      const std::vector<NamedTarget> some = one(text.substr(word, end - word));
      all.insert(all.end(), some.begin(), some.end());
      begin = end + 1;
    }
    return all;
  }

  int classOf(const std::string& text, const WordPlace& place) const {
    if (const std::optional<int> index = wholeNumber(text)) return numbered(text, *index, place.option);
    if (inner_)
      throw Error(ErrorCode::UnknownTarget, place.option,
                  "'" + text + "', but the channels of an inner node have no class names", "the number of a channel");
    const std::vector<int> found = candidates(text, labels_);
    if (found.empty()) refuseUnknown(text, labels_, place);
    if (found.size() > 1) refuseAmbiguous(text, found, labels_, place.option);
    return checked(found.front(), place.option);
  }

 private:
  // Of a number that is no index the name is left.
  int numbered(const std::string& text, int index, const char* option) const {
    const std::vector<int> called = classesCalled(text, labels_, true);
    const bool own = std::find(called.begin(), called.end(), index) != called.end();
    if (called.empty() || own) return checked(index, option);
    if (index >= 0 && (classes_ <= 0 || index < classes_)) refuseNumber(index, called.front(), labels_, option);
    if (called.size() > 1) refuseAmbiguous(text, called, labels_, option);
    return checked(called.front(), option);
  }

  int checked(int index, const char* option) const {
    if (index < 0 || (classes_ > 0 && index >= classes_))
      throw Error(ErrorCode::UnknownTarget, option, std::to_string(index),
                  classes_ > 0 ? fmt::format("a class index from 0 to {}", classes_ - 1) : "a class index",
                  classes_ == 1 ? "the other answer of a network with one output is not:0" : "");
    return index;
  }

  std::vector<NamedTarget> one(const std::string& text) const {
    if (text.starts_with("top:")) return ranks(text);
    if (isOther(text)) return {{Target::notOf(0), text}};
    if (text.starts_with("not:") && candidates(text, labels_).empty())
      return {{Target::notOf(classOf(text.substr(4), kAfterNot)), text}};
    std::vector<NamedTarget> result;
    if (text == "argmax")
      result.push_back({Target::highest(), text});
    else if (isFile(text))
      result.push_back(vectorFrom(text));
    else
      result.push_back(classCalled(text));
    return result;
  }

  // An index is called by its digits, however many zeros stand before them.
  NamedTarget classCalled(const std::string& text) const {
    const int index = classOf(text, kTarget);
    return {Target::of(index), wholeNumber(text) == index ? std::to_string(index) : text};
  }

  // Is it the name of the other answer of a network with one output, and not of the one?
  bool isOther(const std::string& text) const {
    return !other_.empty() && !candidates(text, {other_}).empty() && classesCalled(text, labels_, true).empty() &&
           (candidates(text, labels_).empty() || lowerCase(text) == lowerCase(other_));
  }

  std::vector<NamedTarget> ranks(const std::string& text) const {
    const std::int64_t most = classes_ > 0 ? std::min<std::int64_t>(classes_, 1000) : 1000;
    const std::optional<int> count = wholeNumber(text.substr(4));
    if (!count || *count < 1 || *count > most)
      throw Error(ErrorCode::UnknownTarget, "--target", "'" + text + "'",
                  fmt::format("top:K with K from 1 to {}", most));
    std::vector<NamedTarget> all;
    for (int k = 0; k < *count; ++k) all.push_back({Target::rank(k), fmt::format("top{}", k + 1)});
    return all;
  }

  NamedTarget vectorFrom(const std::string& path) const {
    Tensor values = readNpy(path);
    if (classes_ > 0 && static_cast<std::int64_t>(values.data.size()) != classes_)
      throw Error(ErrorCode::UnknownTarget, path, toString(values.shape) + " values",
                  fmt::format("{}, one for each class", classes_));
    requireFinite(values.data.data(), static_cast<std::int64_t>(values.data.size()), ErrorCode::NonFiniteInput,
                  path.c_str(), "check the array");
    return {Target::withRelevance(std::move(values.data)), std::filesystem::path(path).stem().string()};
  }

  const Labels& labels_;
  const std::string& other_;
  std::int64_t classes_;
  bool inner_;
};

void addOnce(std::vector<NamedTarget>& targets, const NamedTarget& target) {
  const auto same = [&](const NamedTarget& earlier) { return earlier.target == target.target; };
  if (std::none_of(targets.begin(), targets.end(), same)) targets.push_back(target);
}

Target contrasted(const Target& target, const std::string& text, const Reader& reader) {
  if (text.empty()) return target.againstOthers();
  const int rival = reader.classOf(text, kRival);
  if (target.kind() == Target::Kind::Class && target.index() == rival)
    throw Error(ErrorCode::UnknownTarget, "--contrast", fmt::format("class {}, which is the target", rival),
                "another class");
  return target.against(rival);
}

std::string contradictionWith(const TargetText& text, bool channel) {
  if (!text.contrast) return "";
  if (!text.from.empty() && !channel && text.targets.empty())
    return "--contrast needs one channel: --from NODE:CHANNEL, or --target";
  for (const std::string& words : text.targets)
    if (isFile(words)) return "--contrast cannot be combined with relevance from " + words;
  return "";
}

TargetChoice choose(const TargetText& text, const InnerNode& inner, const Labels& labels, std::int64_t classes) {
  const auto& [node, channel] = inner;
  TargetChoice choice{node, {}, node.empty() ? labels : Labels{}};
  if (node.empty() && classes == 1 && labels.size() == 2) choice.labels = {labels[1]}, choice.other = labels[0];
  const Reader reader(choice.labels, choice.other, node.empty() ? classes : -1, !node.empty());
  if (channel)
    choice.targets.push_back({Target::of(*channel), std::to_string(*channel)});
  else if (text.targets.empty())
    choice.targets.push_back(node.empty() ? NamedTarget{Target::highest(), "argmax"}
                                          : NamedTarget{Target::all(), "all"});
  for (const std::string& words : text.targets)
    for (const NamedTarget& target : reader.targets(words)) addOnce(choice.targets, target);
  if (text.contrast)
    for (NamedTarget& one : choice.targets) one.target = contrasted(one.target, *text.contrast, reader);
  return choice;
}

}  // namespace

std::string contradiction(const TargetText& text) {
  return contradictionWith(text, splitNode(text.from).second.has_value());
}

std::string contradiction(const TargetText& text, const Model& model) {
  const bool channel = innerNode(text.from, model).second.has_value();
  if (channel && !text.targets.empty()) return "--from NODE:CHANNEL and --target both say what is explained";
  return contradictionWith(text, channel);
}

std::string namesNote(const TargetChoice& choice) {
  if (choice.other.empty()) return "";
  return fmt::format(
      "the network has one output, taken as the probability of '{}', the second of the two class names; "
      "'{}' is the other answer, not:0",
      choice.labels.at(0), choice.other);
}

std::vector<Target> targetsOf(const TargetChoice& choice) {
  std::vector<Target> targets;
  for (const NamedTarget& one : choice.targets) targets.push_back(one.target);
  return targets;
}

TargetChoice chooseTargets(const TargetText& text, const Labels& labels, std::int64_t classes) {
  return choose(text, splitNode(text.from), labels, classes);
}

TargetChoice chooseTargets(const TargetText& text, const Labels& labels, const Model& model) {
  return choose(text, innerNode(text.from, model), labels, model.outputClasses());
}

}  // namespace relprop

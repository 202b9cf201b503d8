#include "eval/evaluation_units.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "core/lower_case.h"
#include "eval/datasets/synsets.h"
#include "explainer/synsets.h"
#include "relprop/error.h"
#include "relprop/explain.h"

namespace relprop {
namespace {

using NameList = std::vector<std::string>;
using PlaceList = std::span<const int>;

// "001.Black_footed_Albatross " → "Black footed Albatross"
std::string spelled(const std::string& name) {
  std::size_t start = 0;
  while (start < name.size() && std::isdigit(static_cast<unsigned char>(name[start]))) ++start;
  start = start < name.size() && name[start] == '.' ? start + 1 : 0;
  std::string text = name.substr(start);
  std::replace(text.begin(), text.end(), '_', ' ');
  text.erase(text.find_last_not_of(" \t") + 1);
  return text.erase(0, std::min(text.find_first_not_of(" \t"), text.size()));
}

std::string plain(const std::string& name) {
  return lowerCase(spelled(name));
}

// "tench, Tinca tinca" → "tench"
std::string firstOf(const std::string& name) {
  return name.substr(0, name.find(','));
}

// More classes than a network has: as many as a bag of visual words may have.
constexpr int kMostNumbers = 65536;

const std::vector<std::string>& imagenetNames() {
  static const std::vector<std::string> names = readLabels("imagenet");
  return names;
}

// Which of a network's classes a name may mean. The first of these ways that any class fits counts, so that "cardigan"
// is the garment beside "Cardigan", the dog.
class ClassNames {
 public:
  explicit ClassNames(const NameList& labels) : synsets_(synsetsOf(labels)) {
    for (std::size_t i = 0; i < labels.size(); ++i) add(labels[i], static_cast<int>(i));
  }
  // Of this object: as many classes as a network has may share one name.
  PlaceList called(const std::string& name) const {
    const std::string asked[kWays] = {name, spelled(name), spelled(name), plain(name), plain(name), plain(name)};
    for (std::size_t way = 0; way < kWays; ++way)
      if (const auto found = ways_[way].find(asked[way]); found != ways_[way].end()) return found->second;
    // Where the names are ImageNet's own, folders may be called by their synsets.
    const auto found = synsets_.find(name);
    return found != synsets_.end() ? PlaceList(&found->second, 1) : PlaceList();
  }

 private:
  static constexpr std::size_t kWays = 6;

  void add(const std::string& label, int place) {
    const std::string forms[kWays - 1] = {label, spelled(label), spelled(firstOf(label)), plain(label),
                                          plain(firstOf(label))};
    for (std::size_t way = 0; way + 1 < kWays; ++way) ways_[way][forms[way]].push_back(place);
    if (const auto synset = ilsvrcNumbers().find(label); synset != ilsvrcNumbers().end())
      ways_.back()[plain(imagenetNames()[static_cast<std::size_t>(synset->second)])].push_back(place);
  }

  std::array<std::map<std::string, std::vector<int>>, kWays> ways_;
  const std::map<std::string, int>& synsets_;
};

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

constexpr const char* kWaysOut =
    "give the network's class names with --labels, or explain what it predicts with --target predicted";

[[noreturn]] void foreign(const Dataset& dataset, const std::string& got, int classes,
                          const std::string& hint = kWaysOut) {
  throw Error(ErrorCode::UnknownTarget, dataset.name(), got,
              fmt::format("classes of the network, which has {}", classes), hint);
}

[[noreturn]] void refuseAmbiguous(const Dataset& dataset, const std::string& name, PlaceList places,
                                  const NameList& labels) {
  constexpr std::size_t kShown = 10;
  NameList shown;
  for (std::size_t i = 0; i < std::min(places.size(), kShown); ++i)
    shown.push_back(fmt::format("{} {}", places[i], labels[static_cast<std::size_t>(places[i])]));
  const std::string rest = places.size() > kShown ? fmt::format(" and {} more", places.size() - kShown) : "";
  throw Error(ErrorCode::UnknownTarget, dataset.name(),
              fmt::format("class '{}', which may be {}{}", name, fmt::join(shown, ", "), rest),
              "one class of the network",
              "call it by the whole name of one, or give the network other names with --labels");
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

bool areNumbered(const NameList& labels) {
  return !labels.empty() && std::all_of(labels.begin(), labels.end(), isNumbered);
}

bool knowsAll(const NameList& names, const NameList& labels) {
  const ClassNames known(names);
  return !labels.empty() && std::all_of(labels.begin(), labels.end(),
                                        [&](const std::string& label) { return !known.called(label).empty(); });
}

struct ByName {
  std::vector<int> mapping;
  std::string missing;    // the first class that the network does not know
  bool complete = false;  // none is missing, or the network knows no others
};

ByName mapByName(const Dataset& dataset, const NameList& names, const NameList& labels) {
  const ClassNames network(labels);
  const std::vector<bool> used = usedClasses(dataset, names.size());
  ByName found{std::vector<int>(names.size(), -1), "", false};
  for (std::size_t k = 0; k < names.size(); ++k) {
    const PlaceList places = network.called(names[k]);
    if (places.size() == 1)
      found.mapping[k] = places.front();
    else if (used[k] && !places.empty())
      refuseAmbiguous(dataset, names[k], places, labels);
    else if (used[k] && found.missing.empty())
      found.missing = names[k];
  }
  found.complete = found.missing.empty() || knowsAll(names, labels);
  return found;
}

struct Mapped {
  std::vector<int> mapping;  // as classMapping
  NameList notes;
};

std::string labelAt(const NameList& labels, std::size_t place) {
  return place < labels.size() ? labels[place] : "";
}

// ---- numbers

// A class that is called like the number and stands elsewhere is as likely to be meant.
void requireNoOtherCalledSo(const Dataset& dataset, const NameList& labels, const std::vector<bool>& used) {
  std::map<std::string_view, std::size_t> places;  // of each name the first
  for (std::size_t i = 0; i < labels.size(); ++i) places.emplace(labels[i], i);
  for (std::size_t k = 0; k < used.size(); ++k) {
    if (!used[k]) continue;
    const std::string number = std::to_string(k);
    const auto called = places.find(number);
    if (called == places.end() || labelAt(labels, k) == number) continue;
    throw Error(ErrorCode::UnknownTarget, dataset.name(),
                fmt::format("class {}, which is the name of the network's class {} and the number of its class '{}'", k,
                            called->second, labelAt(labels, k)),
                "one class of the network", "give the network other names with --labels");
  }
}

// The numbers are the network's own. A bag of visual words that was trained on some of them has the names they were
// given then, and other places.
Mapped mapNumbers(const Dataset& dataset, const NameList& labels, int classes) {
  const NameList names = namesOfNumbers(dataset);
  const bool numbered = areNumbered(labels);
  if (numbered && !names.empty()) {
    const ByName found = mapByName(dataset, names, labels);
    if (found.complete) return {found.mapping, {}};
    foreign(dataset, fmt::format("'{}' and perhaps others", found.missing), classes);
  }
  requireNumbers(dataset, numbered ? kMostNumbers : classes, classes);
  if (!numbered) requireNoOtherCalledSo(dataset, labels, usedClasses(dataset, static_cast<std::size_t>(classes)));
  return {};
}

// ---- numbers of ImageNet's classes

// What is known of a data set of ImageNet's kinds: which of ILSVRC's thousand its numbers are.
struct ImagenetNumbers {
  std::map<int, int> ilsvrc;  // the data set's number → ILSVRC's
  std::size_t count = 0;      // of the classes that its list has, or ILSVRC
  bool certain = false;       // the pictures' synsets are seen; a list of labels may be about any network
};

// "n01440764/x.JPEG", "n01440764_18"
std::string synsetInId(const std::string& id) {
  const std::string start = id.substr(0, id.find_first_of("/_"));
  return isSynset(start) ? start : "";
}

// Where the layouts look for a list of synsets.
std::vector<std::filesystem::path> listFolders(const Dataset& dataset) {
  namespace fs = std::filesystem;
  const fs::path root = dataset.spec().substr(dataset.kind().size() + 1);
  if (dataset.kind() == "imagenet-segmentation") return {root.parent_path()};
  fs::path pictures = dataset.file(0).parent_path();
  if (dataset.sample(0).id.find('/') != std::string::npos) pictures = pictures.parent_path();
  return {root, root / "ILSVRC", pictures, pictures / "..", root / ".."};
}

ImagenetNumbers imagenetNumbers(const Dataset& dataset) {
  std::set<std::string> all, known;
  for (std::size_t i = 0; i < dataset.size(); ++i)
    if (const std::string synset = synsetInId(dataset.sample(i).id); !synset.empty()) all.insert(synset);
  std::copy_if(all.begin(), all.end(), std::inserter(known, known.end()),
               [](const std::string& synset) { return ilsvrcNumbers().contains(synset); });
  // Of a set some of whose synsets are none of ILSVRC's the others have classes all the same.
  const bool ofSome = dataset.kind() == "imagenet-segmentation" && !known.empty();
  const auto numbers = eval::synsetNumbers(listFolders(dataset), ofSome ? known : all);
  if (!numbers) return {};
  ImagenetNumbers result{{}, numbers->size(), !all.empty()};
  for (const auto& [synset, number] : *numbers)
    if (const auto found = ilsvrcNumbers().find(synset); found != ilsvrcNumbers().end())
      result.ilsvrc.emplace(number, found->second);
  return result;
}

// Whether one of the label's synonyms is the name, or the label the synset.
bool hasName(const std::string& label, std::size_t ilsvrc) {
  const std::string name = plain(imagenetNames()[ilsvrc]);
  if (const auto synset = ilsvrcNumbers().find(label); synset != ilsvrcNumbers().end())
    return synset->second == static_cast<int>(ilsvrc);
  for (std::size_t start = 0; start <= label.size();) {
    const std::size_t end = std::min(label.find(',', start), label.size());
    if (plain(label.substr(start, end - start)) == name) return true;
    start = end + 1;
  }
  return false;
}

// How far ILSVRC's thousand stand behind their numbers where a network has them in their order: 1 behind TensorFlow's
// "background". Half of the names are enough, as lists of them differ in their words; nothing where the order is
// another one.
std::optional<int> shiftOf(const NameList& labels) {
  const std::size_t count = imagenetNames().size();
  if (labels.size() != count && labels.size() != count + 1) return {};
  for (std::size_t shift = 0; shift + count <= labels.size(); ++shift) {
    std::size_t fitting = 0;
    for (std::size_t k = 0; k < count; ++k) fitting += hasName(labels[k + shift], k);
    if (2 * fitting >= count) return static_cast<int>(shift);
  }
  return {};
}

// Where it is called otherwise and another place has its name wrongly, the two have changed places.
int placeInOrder(const ClassNames& network, const NameList& labels, int ilsvrc, int shift) {
  const int place = ilsvrc + shift;
  const auto fits = [&](int at) {
    const int own = at - shift;
    return own >= 0 && own < static_cast<int>(imagenetNames().size()) &&
           hasName(labels[static_cast<std::size_t>(at)], static_cast<std::size_t>(own));
  };
  const PlaceList called = network.called(imagenetNames()[static_cast<std::size_t>(ilsvrc)]);
  return !fits(place) && called.size() == 1 && !fits(called.front()) ? called.front() : place;
}

Mapped byOrder(const Dataset& dataset, const ImagenetNumbers& numbers, const NameList& labels, int shift) {
  const NameList names = namesOfNumbers(dataset);
  const ClassNames network(labels);
  Mapped found{std::vector<int>(names.size(), -1), {}};
  for (std::size_t k = 0; k < names.size(); ++k)
    if (const auto ilsvrc = numbers.ilsvrc.find(static_cast<int>(k));
        !names[k].empty() && ilsvrc != numbers.ilsvrc.end())
      found.mapping[k] = placeInOrder(network, labels, ilsvrc->second, shift);
  if (shift != 0)
    found.notes.push_back(
        fmt::format("the network has '{}' in front of ILSVRC's classes, so ILSVRC's class 0 is its class {}",
                    labels.front(), shift));
  return found;
}

// The names that ILSVRC has for the data set's numbers; empty where a class is none of its.
NameList ilsvrcNames(const Dataset& dataset, const ImagenetNumbers& numbers) {
  NameList names = namesOfNumbers(dataset);
  for (std::size_t k = 0; k < names.size(); ++k) {
    const auto ilsvrc = numbers.ilsvrc.find(static_cast<int>(k));
    if (ilsvrc == numbers.ilsvrc.end())
      names[k].clear();
    else if (!names[k].empty())
      names[k] = imagenetNames()[static_cast<std::size_t>(ilsvrc->second)];
  }
  return names;
}

bool allNamed(const Dataset& dataset, const NameList& names) {
  const std::vector<bool> used = usedClasses(dataset, names.size());
  for (std::size_t k = 0; k < names.size(); ++k)
    if (used[k] && names[k].empty()) return false;
  return !names.empty();
}

bool areNumbers(const std::vector<int>& mapping) {
  for (std::size_t k = 0; k < mapping.size(); ++k)
    if (mapping[k] >= 0 && mapping[k] != static_cast<int>(k)) return false;
  return true;
}

constexpr const char* kImagenetWaysOut =
    "give the network's class names with --labels ('imagenet' where they are ILSVRC's thousand in their order), or "
    "explain what it predicts with --target predicted";

// The first class whose name the network has elsewhere or not at all.
std::optional<std::string> contradiction(const Dataset& dataset, const ImagenetNumbers& numbers,
                                         const NameList& labels) {
  const NameList names = ilsvrcNames(dataset, numbers);
  for (std::size_t k = 0; k < names.size(); ++k)
    if (!names[k].empty() &&
        !hasName(labelAt(labels, k), static_cast<std::size_t>(numbers.ilsvrc.at(static_cast<int>(k)))))
      return fmt::format("class {}, ImageNet's '{}', which the network calls '{}'", k, names[k], labelAt(labels, k));
  return {};
}

// Whether the data set's list is the network's, in other words here and there.
bool isListOf(const ImagenetNumbers& numbers, const NameList& labels) {
  std::size_t fitting = 0;
  for (const auto& [number, ilsvrc] : numbers.ilsvrc)
    fitting += hasName(labelAt(labels, static_cast<std::size_t>(number)), static_cast<std::size_t>(ilsvrc));
  return numbers.count == labels.size() && 2 * fitting >= numbers.count;
}

// The network's names do not say which classes they are.
Mapped imagenetByNumber(const Dataset& dataset, const ImagenetNumbers& numbers, const NameList& labels, int classes) {
  requireNumbers(dataset, classes, classes);
  const auto count = static_cast<std::size_t>(classes);
  if (labels.empty()) {
    if (numbers.count == count || numbers.ilsvrc.empty()) return {};
    if (numbers.certain)
      foreign(dataset, fmt::format("classes by their numbers among {}", numbers.count), classes, kImagenetWaysOut);
    return {{},
            {fmt::format("the data set's class numbers are taken for the network's, which has {} classes without "
                         "names",
                         classes)}};
  }
  const std::optional<std::string> other =
      isListOf(numbers, labels) ? std::nullopt : contradiction(dataset, numbers, labels);
  if (other && numbers.certain) foreign(dataset, *other, classes, kImagenetWaysOut);
  if (!other) return {};
  return {{},
          {fmt::format("the data set's class numbers are taken for the network's, although names differ: {}", *other)}};
}

constexpr const char* kOtherOrder =
    "the network's classes have other numbers than the data set's ImageNet classes: they are found by their names";

// By name, whatever the numbers, wherever the network's names are ILSVRC's.
Mapped mapImagenet(const Dataset& dataset, const NameList& labels, int classes) {
  if (areNumbered(labels)) return mapNumbers(dataset, labels, classes);
  const ImagenetNumbers numbers = imagenetNumbers(dataset);
  const NameList names = ilsvrcNames(dataset, numbers);
  const bool named = !labels.empty() && allNamed(dataset, names);
  if (!named) return imagenetByNumber(dataset, numbers, labels, classes);
  if (const std::optional<int> shift = shiftOf(labels)) {
    Mapped found = byOrder(dataset, numbers, labels, *shift);
    if (areNumbers(found.mapping)) return {};
    if (found.notes.empty()) found.notes.push_back(kOtherOrder);
    return found;
  }
  const ByName found = mapByName(dataset, names, labels);
  if (!found.complete) return imagenetByNumber(dataset, numbers, labels, classes);
  if (areNumbers(found.mapping)) return {found.mapping, {}};
  return {found.mapping, {kOtherOrder}};
}

// ---- names

// Pictures of either class are asked about the same one.
void noteShared(Mapped& found, const Dataset& dataset, const NameList& names, const NameList& labels) {
  std::map<int, NameList> sharing;
  const std::vector<bool> used = usedClasses(dataset, names.size());
  for (std::size_t k = 0; k < names.size(); ++k)
    if (used[k] && found.mapping[k] >= 0) sharing[found.mapping[k]].push_back("'" + names[k] + "'");
  for (const auto& [place, some] : sharing)
    if (some.size() > 1)
      found.notes.push_back(fmt::format("{} are one class of the network: {} {}", fmt::join(some, " and "), place,
                                        labelAt(labels, static_cast<std::size_t>(place))));
}

Mapped mapped(const Dataset& dataset, const NameList& labels, int classes) {
  const NameList& names = dataset.classNames();
  if (names.empty())
    return isImagenet(dataset) ? mapImagenet(dataset, labels, classes) : mapNumbers(dataset, labels, classes);
  const ByName found = mapByName(dataset, names, labels);
  if (!found.complete) {
    if (labels.empty() && names.size() == static_cast<std::size_t>(classes)) return {};
    foreign(dataset, fmt::format("class '{}' and perhaps others", found.missing), classes);
  }
  Mapped result{found.mapping, {}};
  noteShared(result, dataset, names, labels);
  return result;
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

std::vector<int> classMapping(const Dataset& dataset, const std::vector<std::string>& labels, int classes,
                              std::vector<std::string>* notes) {
  Mapped found = mapped(dataset, labels, classes);
  if (notes) notes->insert(notes->end(), found.notes.begin(), found.notes.end());
  return std::move(found.mapping);
}

}  // namespace relprop

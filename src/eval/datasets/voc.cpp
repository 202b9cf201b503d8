// Pascal VOC, Everingham et al., IJCV 2010, and data sets of other classes in the same layout.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "eval/datasets/files.h"
#include "eval/datasets/lists.h"
#include "eval/datasets/masks.h"
#include "eval/datasets/objects.h"
#include "eval/picture_failures.h"
#include "image/stored.h"
#include "relprop/error.h"

namespace relprop::eval {

namespace {

namespace fs = std::filesystem;

// In the order of the mask's values from 1.
const std::vector<std::string> kVocClasses = {
    "aeroplane",   "bicycle", "bird",  "boat",      "bottle", "bus",         "car",   "cat",  "chair", "cow",
    "diningtable", "dog",     "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"};

// Written like this by nobody else. Another set's classes may well be birds, cats and dogs, and its masks' values
// others.
const std::set<std::string> kVocsOwn = {"diningtable", "pottedplant", "tvmonitor"};

constexpr std::uint8_t kVoidIndex = 255;

struct Voc {
  fs::path root;
  std::vector<std::string> stems;
  std::vector<std::vector<int>> classes;  // of the picture's objects, as in Sample
  std::vector<std::string> classNames;
  bool maskHasClasses = false;  // a mask's value is 1 + the class
  bool perhapsVoc = false;      // all names are VOC's, and may be another set's
  bool partOfVoc = false;       // they are VOC's, but not all of them occur

  // Whether they exist or not.
  fs::path picture(std::size_t i) const { return pictureOf(root / "JPEGImages", stems[i], ".jpg"); }
  fs::path annotation(std::size_t i) const { return root / "Annotations" / (stems[i] + ".xml"); }
  fs::path mask(std::size_t i) const { return root / "SegmentationClass" / (stems[i] + ".png"); }
};

std::vector<fs::path> lists(const fs::path& root, const std::string& set) {
  std::vector<fs::path> candidates;
  for (const char* part : {"val.txt", "test.txt", "trainval.txt", "train.txt"})
    candidates.push_back(root / "ImageSets" / set / part);
  return candidates;
}

// Pictures with masks when there are masks.
std::optional<fs::path> listOf(const fs::path& root) {
  std::vector<fs::path> candidates = lists(root, "Segmentation");
  const std::vector<fs::path> main = lists(root, "Main");
  const bool masks = !filesIn(root / "SegmentationClass").empty();
  candidates.insert(masks ? candidates.end() : candidates.begin(), main.begin(), main.end());
  return firstFile(candidates);
}

std::vector<std::string> stemsOf(Contents& contents, const fs::path& root) {
  std::vector<std::string> stems;
  if (const std::optional<fs::path> list = listOf(root)) {
    std::set<std::string> seen;
    readList(*list, 1, 1, "NAME", [&](const ListLine& line) {
      stems.push_back(line.name(0));
      line.requireFresh(seen, stems.back());
    });
    if (stems.empty()) malformed(*list, "an empty list", "the names of pictures, one a line");
    return stems;
  }
  for (const std::string& name : picturesIn(root / "JPEGImages")) stems.push_back(fs::path(name).stem().string());
  contents.notes.push_back("ImageSets has no list, so every picture of JPEGImages is taken.");
  return stems;
}

// Names of each picture's objects. A broken file leaves its picture without classes; annotation() then says why.
std::vector<std::set<std::string>> objectNames(Contents& contents, const Voc& voc) {
  std::vector<std::set<std::string>> names(voc.stems.size());
  std::size_t broken = 0, missing = 0;
  std::string first;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const fs::path xml = voc.annotation(i);
    if (!isFile(xml)) {
      ++missing;
      continue;
    }
    const auto read = [&] {
      for (const NamedBox& object : readObjects(xml, FirstPixel::One).objects) names[i].insert(object.name);
    };
    forOnePicture(read, [&](const std::string& why) {
      if (broken++ == 0) first = why;
    });
  }
  if (broken > 0 && broken + missing == names.size())
    malformed(voc.root / "Annotations", fmt::format("no file that is not broken: {}", first),
              "the objects of pictures");
  contents.hasBoxes = missing < names.size();
  if (missing == names.size())
    contents.notes.push_back(
        "Annotations is missing, so there are no boxes and no classes: metrics that need boxes are left out.");
  else if (missing > 0)
    noteShare(contents, "have no file in Annotations, so no boxes and no classes", missing);
  if (broken > 0) noteShare(contents, "have a broken file in Annotations and will be counted as skipped", broken);
  return names;
}

// labelme's converter writes what the mask's values mean, the background first.
std::vector<std::string> listedClasses(const fs::path& root) {
  const fs::path list = root / "class_names.txt";
  std::vector<std::string> names;
  if (!isFile(list)) return names;
  std::set<std::string> seen;
  readList(list, 1, 1, "NAME", [&](const ListLine& line) {
    if (!seen.insert(line.text(0)).second)
      malformed(list, fmt::format("'{}' is there twice", line.text(0)), "every class once");
    names.push_back(line.text(0));
  });
  if (names.empty() || names.front() != "_background_")
    malformed(list, names.empty() ? "an empty list" : names.front(), "_background_ as the first name");
  names.erase(names.begin());
  return names;
}

std::map<std::string, int> classNumbers(const std::vector<std::string>& classNames) {
  std::map<std::string, int> numbers;
  for (const std::string& name : classNames) numbers.emplace(name, static_cast<int>(numbers.size()));
  return numbers;
}

void settleClasses(Voc& voc, const std::vector<std::set<std::string>>& names) {
  std::set<std::string> all;
  for (const std::set<std::string>& some : names) all.insert(some.begin(), some.end());
  const auto among = [&](const std::map<std::string, int>& known) {
    return std::all_of(all.begin(), all.end(), [&](const auto& name) { return known.contains(name); });
  };
  voc.classNames = listedClasses(voc.root);
  const bool listed = !voc.classNames.empty(), vocs = among(classNumbers(kVocClasses));
  const bool ofVoc = vocs && std::any_of(all.begin(), all.end(), [](const auto& n) { return kVocsOwn.contains(n); });
  if (all.empty() && !listed) return voc.classes.resize(names.size());
  if (!listed) voc.classNames = ofVoc ? kVocClasses : std::vector(all.begin(), all.end());
  const std::map<std::string, int> numbers = classNumbers(voc.classNames);
  if (!among(numbers)) malformed(voc.root / "class_names.txt", "not all names that Annotations has", "every class");
  voc.maskHasClasses = listed || ofVoc;
  voc.perhapsVoc = vocs && !listed && !ofVoc;
  voc.partOfVoc = ofVoc && !listed && all.size() < kVocClasses.size();
  for (const std::set<std::string>& some : names) {
    std::vector<int>& classes = voc.classes.emplace_back();
    for (const std::string& name : some) classes.push_back(numbers.at(name));
    std::sort(classes.begin(), classes.end());
  }
}

void noteMasks(Contents& contents, const Voc& voc) {
  std::size_t with = 0;
  for (std::size_t i = 0; i < voc.stems.size(); ++i) with += isFile(voc.mask(i));
  contents.hasMasks = with > 0;
  if (with == 0)
    contents.notes.push_back(
        "SegmentationClass is missing, so there are no masks: metrics that need them are left out.");
  else if (with < voc.stems.size())
    noteShare(contents, "have no mask", voc.stems.size() - with);
  const auto several =
      std::count_if(voc.classes.begin(), voc.classes.end(), [](const auto& c) { return c.size() > 1; });
  if (with > 0 && !voc.maskHasClasses && several > 0)
    noteShare(contents, "have objects of several classes, which masks without class_names.txt do not tell apart",
              static_cast<std::size_t>(several));
  if (with > 0 && voc.perhapsVoc && several > 0)
    contents.notes.push_back(
        "The names are some of VOC's twenty, but may be another set's, so masks are not read by VOC's numbers: write "
        "what their values mean to class_names.txt, _background_ first.");
}

// Annotations has an object of each class in a mask; where it has none the numbers are another set's.
void requireAnnotated(const Voc& voc, std::size_t i, std::uint8_t value) {
  if (!voc.partOfVoc || value == 0 || value == kVoidIndex || voc.classes[i].empty()) return;
  if (std::binary_search(voc.classes[i].begin(), voc.classes[i].end(), value - 1)) return;
  const std::size_t k = value - 1u;
  malformed(
      voc.mask(i),
      fmt::format("a pixel of {}, {}", value, k < kVocClasses.size() ? "VOC's " + kVocClasses[k] : "no class of VOC's"),
      "classes that Annotations has an object of",
      "where the values mean something else, write it to class_names.txt, _background_ first");
}

// What the mask's values mean to somebody who asks about a class; nothing where the mask cannot say.
std::optional<Meaning> meaningFor(const Voc& voc, std::size_t i, std::optional<int> aClass) {
  const auto objectIf = [&voc, i](auto isObject) {
    return [&voc, i, isObject](std::uint8_t value) {
      requireAnnotated(voc, i, value);
      if (value == kVoidIndex) return Mask::kVoid;
      return isObject(value) ? Mask::kObject : Mask::kBackground;
    };
  };
  if (!aClass) return objectIf([](int value) { return value != 0; });
  if (voc.maskHasClasses) return objectIf([c = *aClass](int value) { return value == c + 1; });
  if (voc.classes[i].size() != 1) return {};
  return objectIf([same = voc.classes[i].front() == *aClass](int value) { return same && value != 0; });
}

bool isOf(const Voc& voc, const NamedBox& object, std::optional<int> aClass) {
  if (!aClass) return true;
  const auto k = static_cast<std::size_t>(*aClass);
  return k < voc.classNames.size() && voc.classNames[k] == object.name;
}

void addBoxes(const Voc& voc, const fs::path& xml, std::optional<int> aClass, Annotation& annotation) {
  const PictureObjects read = readObjects(xml, FirstPixel::One);
  for (const NamedBox& object : read.objects)
    if (isOf(voc, object, aClass)) annotation.boxes.push_back(object.box);
  annotation.width = read.width, annotation.height = read.height;
}

Annotation annotationOf(const Voc& voc, std::size_t i, std::optional<int> aClass) {
  Annotation annotation;
  const fs::path xml = voc.annotation(i), mask = voc.mask(i);
  if (isFile(xml)) addBoxes(voc, xml, aClass, annotation);
  if (!isFile(mask)) return annotation;
  if (const std::optional<Meaning> meaning = meaningFor(voc, i, aClass))
    annotation.mask = readMask(mask, voc.picture(i), *meaning);
  return annotation;
}

}  // namespace

Contents openVoc(const fs::path& path) {
  requireFolder(path);
  if (std::error_code ignored; !fs::is_directory(path / "JPEGImages", ignored))
    malformed(path, "a folder without JPEGImages", "JPEGImages, Annotations, SegmentationClass and ImageSets",
              "Pascal's archives hold such a folder as VOCdevkit/VOC2012");
  Contents contents;
  Voc voc;
  voc.root = path;
  voc.stems = stemsOf(contents, path);
  for (const std::string& stem : voc.stems) contents.samples.push_back({stem, {}});
  requireDifferentIds(contents, path);
  notePictures(contents, path, [&](std::size_t i) { return voc.picture(i); });
  settleClasses(voc, objectNames(contents, voc));
  noteMasks(contents, voc);
  contents.classNames = voc.classNames;
  for (std::size_t i = 0; i < voc.classes.size(); ++i) contents.samples[i].classes = voc.classes[i];
  const auto shared = std::make_shared<const Voc>(std::move(voc));
  contents.file = [shared](std::size_t i) { return shared->picture(i); };
  contents.annotation = [shared](std::size_t i, std::optional<int> aClass) { return annotationOf(*shared, i, aClass); };
  return contents;
}

}  // namespace relprop::eval

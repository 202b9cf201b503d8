// ILSVRC's validation set, Russakovsky et al., IJCV 2015, as its archives lie or in the folders people sort it into.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <set>

#include "eval/datasets/files.h"
#include "eval/datasets/lists.h"
#include "eval/datasets/objects.h"
#include "eval/datasets/synsets.h"
#include "eval/picture_failures.h"
#include "explainer/synsets.h"
#include "image/stored.h"
#include "relprop/error.h"

namespace relprop::eval {

namespace {

namespace fs = std::filesystem;

constexpr const char* kExpected = "Data/CLS-LOC/val, or photos with val.txt beside them, or one subfolder a synset";

struct Picture {
  std::string id;                 // its path from the folder of pictures on
  int label = -1;                 // as the list says, or
  std::set<std::string> synsets;  // as its folder or its annotation says
  bool broken = false;            // the annotation
};

struct Imagenet {
  fs::path pictureFolder;
  std::optional<fs::path> annotationFolder;
  std::vector<fs::path> listFolders;
  std::vector<Picture> pictures;
  bool bareLabels = false;  // the list has labels of names without an extension

  fs::path picture(std::size_t i) const { return pictureFolder / pictures[i].id; }
  std::optional<fs::path> annotation(std::size_t i) const {
    if (!annotationFolder) return {};
    return firstFile({*annotationFolder / (fs::path(pictures[i].id).stem().string() + ".xml")});
  }
};

std::vector<std::string> synsetFolders(const fs::path& folder) {
  std::vector<std::string> names = foldersIn(folder);
  std::erase_if(names, [](const std::string& name) { return !isSynset(name); });
  return names;
}

fs::path pictureFolderOf(const fs::path& path) {
  for (const char* part : {"Data/CLS-LOC/val", "ILSVRC/Data/CLS-LOC/val", "val", ""}) {
    const fs::path folder = *part ? path / part : path;
    if (!picturesIn(folder).empty() || !synsetFolders(folder).empty()) return folder;
  }
  malformed(path, "no pictures", kExpected);
}

bool hasXml(const fs::path& folder) {
  const std::vector<std::string> names = filesIn(folder);
  return std::any_of(names.begin(), names.end(), [](const fs::path& name) { return name.extension() == ".xml"; });
}

std::optional<fs::path> annotationFolderOf(const fs::path& path, const fs::path& pictureFolder) {
  for (const fs::path& root : {path, path / "ILSVRC"})
    for (const char* part : {"Annotations/CLS-LOC/val", "Annotations/val", "Annotations", "val"})
      if (hasXml(root / part)) return root / part;
  if (hasXml(pictureFolder)) return pictureFolder;
  return {};
}

std::optional<fs::path> listOf(const Imagenet& set) {
  std::vector<fs::path> candidates;
  for (const fs::path& folder : set.listFolders)
    for (const char* part : {"ImageSets/CLS-LOC/val.txt", "val.txt"}) candidates.push_back(folder / part);
  return firstFile(candidates);
}

// -1 where it does not end with a number.
int numberAtEndOf(const std::string& name) {
  const std::size_t start = name.find_last_not_of("0123456789") + 1;
  int number = -1;
  std::from_chars(name.data() + start, name.data() + name.size(), number);
  return number;
}

// Names without an extension, as far as a list has them.
struct BareNames {
  std::vector<std::size_t> pictures;
  // ILSVRC's own list has "NAME NUMBER", where the number counts the lines; a part of it has that of its names.
  bool counted = true;

  void add(const Imagenet& set, const std::string& name, int number) {
    pictures.push_back(set.pictures.size());
    const bool ofLine = static_cast<std::size_t>(number) == set.pictures.size() + 1;
    counted = counted && (number < 0 || ofLine || number == numberAtEndOf(name));
  }
};

// "NAME.JPEG LABEL", or without the extension.
void addListed(Imagenet& set, const fs::path& list) {
  std::set<std::string> seen;
  BareNames bare;
  readList(list, 1, 2, "FILE LABEL", [&](const ListLine& line) {
    std::string name = line.name(0);
    const int label = line.size() == 1 ? -1 : line.whole(1, 0);
    if (!isPicture(name)) {
      bare.add(set, name, label);
      name += pictureOf(set.pictureFolder, name, ".JPEG").extension().string();
    }
    line.requireFresh(seen, name);
    set.pictures.push_back({name, label, {}});
  });
  if (set.pictures.empty()) malformed(list, "an empty list", "FILE LABEL on every line");
  set.bareLabels = !bare.counted;
  if (bare.counted)
    for (const std::size_t i : bare.pictures) set.pictures[i].label = -1;
}

void addPictures(Imagenet& set) {
  const std::vector<std::string> synsets = synsetFolders(set.pictureFolder);
  for (const std::string& synset : synsets)
    for (const std::string& name : picturesIn(set.pictureFolder / synset))
      set.pictures.push_back({synset + "/" + name, -1, {synset}});
  if (!synsets.empty()) return;
  if (const std::optional<fs::path> list = listOf(set)) return addListed(set, *list);
  for (const std::string& name : picturesIn(set.pictureFolder)) set.pictures.push_back({name, -1, {}});
}

// Of pictures that neither a list nor a folder gives a class. A broken file is reported when it is asked for.
void readSynsetsFromAnnotations(Imagenet& set) {
  std::size_t asked = 0, broken = 0;
  std::string first;
  for (std::size_t i = 0; i < set.pictures.size(); ++i) {
    Picture& picture = set.pictures[i];
    const std::optional<fs::path> xml = set.annotation(i);
    if (picture.label >= 0 || !picture.synsets.empty() || !xml) continue;
    ++asked;
    const auto read = [&] {
      for (const NamedBox& object : readObjects(*xml, FirstPixel::Zero).objects) picture.synsets.insert(object.name);
    };
    forOnePicture(read, [&](const std::string& why) {
      picture.broken = true;
      if (broken++ == 0) first = why;
    });
  }
  const auto hasClass = [](const Picture& picture) { return picture.label >= 0 || !picture.synsets.empty(); };
  if (broken == 0 || broken < asked || std::any_of(set.pictures.begin(), set.pictures.end(), hasClass)) return;
  malformed(*set.annotationFolder, fmt::format("no file that is not broken: {}", first), "the objects of pictures");
}

std::set<std::string> allSynsets(const Imagenet& set) {
  std::set<std::string> all;
  for (const Picture& picture : set.pictures) all.insert(picture.synsets.begin(), picture.synsets.end());
  return all;
}

std::vector<int> classesOf(const Picture& picture, const std::map<std::string, int>& numbers, const fs::path& where) {
  if (picture.label >= 0) return {picture.label};
  std::vector<int> classes;
  for (const std::string& synset : picture.synsets) {
    const auto found = numbers.find(synset);
    if (found == numbers.end())
      malformed(where, fmt::format("'{}', the class of {}", synset, picture.id), "a synset of the synset list");
    classes.push_back(found->second);
  }
  return classes;
}

void addSamples(Contents& contents, const Imagenet& set) {
  const std::set<std::string> found = allSynsets(set);
  const auto numbers = found.empty() ? std::nullopt : synsetNumbers(set.listFolders, found);
  const std::map<std::string, int> places = numbers.value_or(std::map<std::string, int>());
  for (const Picture& picture : set.pictures) {
    std::vector<int> classes;
    if (numbers || picture.label >= 0) classes = classesOf(picture, places, set.pictureFolder);
    contents.samples.push_back({picture.id, std::move(classes)});
  }
  if (set.bareLabels)
    contents.notes.push_back(
        "The list has names without an extension, and numbers that do not count its lines: they are taken as labels.");
  const auto none = [](const Sample& sample) { return sample.classes.empty(); };
  const auto without = std::count_if(contents.samples.begin(), contents.samples.end(), none);
  if (!found.empty() && !numbers)
    contents.notes.push_back(kNoSynsetList);
  else if (without > 0)
    noteShare(contents, "have no class: no list, folder or annotation gives one", static_cast<std::size_t>(without));
}

void noteAnnotations(Contents& contents, const Imagenet& set) {
  std::size_t with = 0;
  for (std::size_t i = 0; i < set.pictures.size(); ++i) with += set.annotation(i).has_value();
  const auto broken =
      std::count_if(set.pictures.begin(), set.pictures.end(), [](const Picture& p) { return p.broken; });
  contents.hasBoxes = with > 0;
  if (with == 0)
    contents.notes.push_back("Annotations is missing, so there are no boxes: metrics that need them are left out.");
  else if (with < set.pictures.size())
    noteShare(contents, "have no file in Annotations, so no boxes", set.pictures.size() - with);
  if (broken > 0)
    noteShare(contents, "have a broken file in Annotations and will be counted as skipped",
              static_cast<std::size_t>(broken));
  contents.notes.push_back("ImageNet has no masks: metrics that need them are left out.");
}

// A picture of this set has objects of one class, so the class asked about makes no difference.
Annotation annotationOf(const Imagenet& set, std::size_t i) {
  Annotation annotation;
  const std::optional<fs::path> xml = set.annotation(i);
  if (!xml) return annotation;
  const PictureObjects read = readObjects(*xml, FirstPixel::Zero);
  for (const NamedBox& object : read.objects) annotation.boxes.push_back(object.box);
  annotation.width = read.width, annotation.height = read.height;
  return annotation;
}

}  // namespace

Contents openImagenet(const fs::path& path) {
  requireFolder(path);
  Imagenet set;
  set.pictureFolder = pictureFolderOf(path);
  set.annotationFolder = annotationFolderOf(path, set.pictureFolder);
  set.listFolders = {path, path / "ILSVRC", set.pictureFolder, set.pictureFolder / "..", path / ".."};
  addPictures(set);
  readSynsetsFromAnnotations(set);
  Contents contents;
  addSamples(contents, set);
  requireDifferentIds(contents, path);
  notePictures(contents, path, [&](std::size_t i) { return set.picture(i); });
  noteAnnotations(contents, set);
  const auto shared = std::make_shared<const Imagenet>(std::move(set));
  contents.file = [shared](std::size_t i) { return shared->picture(i); };
  contents.annotation = [shared](std::size_t i, std::optional<int>) { return annotationOf(*shared, i); };
  return contents;
}

}  // namespace relprop::eval

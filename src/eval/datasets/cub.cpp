// CUB-200-2011, Wah et al., 2011.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "eval/datasets/files.h"
#include "eval/datasets/lists.h"
#include "eval/datasets/masks.h"
#include "image/stored.h"

namespace relprop::eval {

namespace {

namespace fs = std::filesystem;

struct Bird {
  std::string name;  // "001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.jpg"
  std::optional<int> label;
  std::optional<Box> box;
  std::optional<bool> training;
};

// By the number of the picture, in which all lists speak.
using Birds = std::map<int, Bird>;

struct Cub {
  fs::path root;
  std::vector<Bird> birds;

  fs::path picture(std::size_t i) const { return root / "images" / birds[i].name; }
  // The archive with the segmentations is a separate one, which people unpack inside or beside the other.
  std::optional<fs::path> mask(std::size_t i) const {
    const fs::path name = fs::path(birds[i].name).replace_extension(".png");
    return firstFile({root / "segmentations" / name, root / ".." / "segmentations" / name});
  }
};

[[noreturn]] void failTwice(const ListLine& line, const char* kind, const std::string& which) {
  malformed(line.where(), fmt::format("{} {} is there twice", kind, which), fmt::format("every {} once", kind));
}

// Hands each line of a list to `take` with the bird it speaks of; false when there is no such list.
bool readAbout(Contents& contents, Birds& birds, const fs::path& list, std::size_t fields, const std::string& expected,
               const std::function<void(Bird&, const ListLine&)>& take) {
  if (!isFile(list)) return false;
  std::set<int> seen;  // none of a bird that there is not, so that a long list is not kept
  std::size_t strangers = 0;
  readList(list, fields, fields, expected, [&](const ListLine& line) {
    const int number = line.whole(0, 0);
    const auto bird = birds.find(number);
    if (bird == birds.end()) {
      ++strangers;
      return;
    }
    if (!seen.insert(number).second) failTwice(line, "number", line.text(0));
    take(bird->second, line);
  });
  if (strangers > 0)
    contents.notes.push_back(
        fmt::format("{} lines of {} are about pictures that images.txt does not have, and are left out.", strangers,
                    list.filename().string()));
  return true;
}

Birds readNames(const fs::path& list) {
  Birds birds;
  readList(list, 2, 2, "NUMBER FILE", [&](const ListLine& line) {
    const int number = line.whole(0, 0);
    if (!birds.emplace(number, Bird{line.name(1), {}, {}, {}}).second) failTwice(line, "number", line.text(0));
  });
  if (birds.empty()) malformed(list, "an empty list", "NUMBER FILE on every line");
  return birds;
}

void readBoxes(Contents& contents, Birds& birds, const fs::path& root) {
  const auto take = [](Bird& bird, const ListLine& line) {
    bird.box = boxOfSides(line.number(1), line.number(2), line.number(3), line.number(4), line.where());
  };
  if (!readAbout(contents, birds, root / "bounding_boxes.txt", 5, "NUMBER X Y WIDTH HEIGHT", take))
    contents.notes.push_back(
        "bounding_boxes.txt is missing, so there are no boxes: metrics that need them are left out.");
}

void readLabels(Contents& contents, Birds& birds, const fs::path& root) {
  const auto take = [](Bird& bird, const ListLine& line) { bird.label = line.whole(1, 1) - 1; };
  if (!readAbout(contents, birds, root / "image_class_labels.txt", 2, "NUMBER CLASS", take))
    contents.notes.push_back("image_class_labels.txt is missing, so the classes are not known.");
}

void readSplit(Contents& contents, Birds& birds, const fs::path& root) {
  const auto take = [](Bird& bird, const ListLine& line) {
    const int training = line.whole(1, 0);
    if (training > 1) malformed(line.where(), fmt::format("'{}'", training), "1 (training) or 0 (test)");
    bird.training = training == 1;
  };
  const fs::path list = root / "train_test_split.txt";
  if (!readAbout(contents, birds, list, 2, "NUMBER TRAINING", take)) {
    contents.notes.push_back("train_test_split.txt is missing, so all pictures are taken.");
    return;
  }
  for (const auto& [number, bird] : birds)  // a picture that was trained on would count as a test one
    if (!bird.training)
      malformed(list, fmt::format("no line of picture {}", number), "one of every picture in images.txt",
                "the list may be cut short, or of another release");
}

std::vector<std::string> readClassNames(Contents& contents, const fs::path& list) {
  std::vector<std::string> names;
  if (!isFile(list)) {
    contents.notes.push_back("classes.txt is missing, so classes are taken for the network's own numbers.");
    return names;
  }
  std::set<std::string> seen;
  constexpr int most = 1 << 20;  // a larger number is a slip, not a reason to run out of memory
  readList(list, 2, 2, "CLASS NAME", [&](const ListLine& line) {
    const auto number = static_cast<std::size_t>(line.whole(0, 1));
    if (number > most) malformed(line.where(), fmt::format("class {}", number), fmt::format("at most {}", most));
    if (names.size() < number) names.resize(number);
    if (!names[number - 1].empty()) failTwice(line, "class", line.text(0));
    if (!seen.insert(line.text(1)).second) failTwice(line, "class", line.text(1));
    names[number - 1] = line.text(1);
  });
  return names;
}

// The test pictures, or all where none of those is there.
std::vector<Bird> chosen(Contents& contents, const Birds& birds, const fs::path& root) {
  std::vector<Bird> test, all;
  bool anyTest = false;
  for (const auto& [number, bird] : birds) {
    all.push_back(bird);
    if (bird.training.value_or(false)) continue;
    test.push_back(bird);
    anyTest = anyTest || isFile(root / "images" / bird.name);
  }
  if (anyTest) return test;
  contents.notes.push_back("No picture of the test split is there, so all pictures are taken.");
  return all;
}

void addSamples(Contents& contents, const Cub& cub) {
  for (const Bird& bird : cub.birds) {
    Sample sample{bird.name, {}};
    if (bird.label) sample.classes = {*bird.label};
    const bool named = !bird.label || contents.classNames.empty() ||
                       (static_cast<std::size_t>(*bird.label) < contents.classNames.size() &&
                        !contents.classNames[static_cast<std::size_t>(*bird.label)].empty());
    if (!named) malformed(cub.root / "classes.txt", fmt::format("no class {}", *bird.label + 1), "a name for it");
    contents.samples.push_back(std::move(sample));
  }
}

// Of a list that is there: that none is, has been said.
void noteUnlabelled(Contents& contents, const Cub& cub) {
  const char* list = "image_class_labels.txt";
  const auto unlabelled =
      std::count_if(cub.birds.begin(), cub.birds.end(), [](const Bird& bird) { return !bird.label; });
  if (unlabelled > 0 && isFile(cub.root / list))
    noteShare(contents, fmt::format("are not in {}, so their classes are not known", list),
              static_cast<std::size_t>(unlabelled));
}

void noteTruth(Contents& contents, const Cub& cub) {
  std::size_t masks = 0, boxes = 0;
  for (std::size_t i = 0; i < cub.birds.size(); ++i) {
    masks += cub.mask(i).has_value();
    boxes += cub.birds[i].box.has_value();
  }
  contents.hasMasks = masks > 0;
  contents.hasBoxes = boxes > 0;
  if (masks == 0)
    contents.notes.push_back("segmentations is missing, so there are no masks: metrics that need them are left out.");
  else if (masks < cub.birds.size())
    noteShare(contents, "have no mask", cub.birds.size() - masks);
  if (boxes > 0 && boxes < cub.birds.size()) noteShare(contents, "have no box", cub.birds.size() - boxes);
  if (boxes == 0 && isFile(cub.root / "bounding_boxes.txt"))
    contents.notes.push_back("bounding_boxes.txt has no box of these pictures: metrics that need them are left out.");
}

// The grey value says how many annotators saw the bird there; more than half of them decide.
std::uint8_t majority(std::uint8_t grey) {
  return grey > 127 ? Mask::kObject : Mask::kBackground;
}

Annotation annotationOf(const Cub& cub, std::size_t i, std::optional<int> aClass) {
  Annotation annotation;
  const Bird& bird = cub.birds[i];
  const bool other = aClass && bird.label && *bird.label != *aClass;
  if (bird.box && !other) annotation.boxes = {*bird.box};
  if (const std::optional<fs::path> png = cub.mask(i); png && !other)
    annotation.mask = readMask(*png, cub.picture(i), majority);
  return annotation;
}

}  // namespace

Contents openCub(const fs::path& path) {
  requireFolder(path);
  if (!isFile(path / "images.txt")) malformed(path, "a folder without images.txt", "the folder CUB_200_2011");
  Contents contents;
  Birds birds = readNames(path / "images.txt");
  readBoxes(contents, birds, path);
  readLabels(contents, birds, path);
  readSplit(contents, birds, path);
  contents.classNames = readClassNames(contents, path / "classes.txt");
  Cub cub{path, chosen(contents, birds, path)};
  addSamples(contents, cub);
  requireDifferentIds(contents, path / "images.txt");
  notePictures(contents, path, [&](std::size_t i) { return cub.picture(i); });
  noteUnlabelled(contents, cub);
  noteTruth(contents, cub);
  const auto shared = std::make_shared<const Cub>(std::move(cub));
  contents.file = [shared](std::size_t i) { return shared->picture(i); };
  contents.annotation = [shared](std::size_t i, std::optional<int> aClass) { return annotationOf(*shared, i, aClass); };
  return contents;
}

}  // namespace relprop::eval

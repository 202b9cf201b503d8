// COCO, Lin et al., ECCV 2014, and the many sets that are written like it: one JSON file with images, annotations (a
// box and a segmentation each) and categories; the pictures lie beside it or in the folder that its name speaks of.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "core/json_depth.h"
#include "eval/datasets/coco_segments.h"
#include "eval/datasets/files.h"
#include "eval/datasets/masks.h"
#include "image/preprocess_json.h"
#include "image/stored.h"

namespace relprop::eval {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct Instance {
  int aClass = 0;
  Box box;
  Json segmentation;  // null where there is none
  std::string where;
};

struct CocoPicture {
  std::string file;
  double width = 0, height = 0;  // as the file says; 0 where it does not
  std::vector<Instance> instances = {};
};

struct Coco {
  fs::path path;
  std::vector<CocoPicture> pictures;
  std::vector<std::string> names;
  std::map<std::int64_t, int> classes;           // by the file's category number
  std::map<std::int64_t, std::size_t> byNumber;  // pictures

  // annotations/instances_val2017.json speaks of val2017 beside annotations.
  fs::path picture(std::size_t i) const {
    const std::string stem = path.stem().string(), split = stem.substr(stem.find('_') + 1);
    const fs::path folder = path.parent_path(), &name = pictures[i].file;
    return firstFile(
               {folder / name, folder / ".." / split / name, folder / "images" / name, folder / ".." / "images" / name})
        .value_or(folder / ".." / split / name);
  }
};

Json parsed(const std::vector<std::uint8_t>& bytes, const fs::path& path) {
  try {
    return Json::parse(bytes.begin(), bytes.end());
  } catch (const Json::parse_error& error) {
    malformed(path, fmt::format("broken JSON at byte {}", error.byte), "COCO's JSON");
  } catch (const Json::out_of_range&) {
    malformed(path, "JSON with a number that is too large", "COCO's JSON");
  }
}

Json readJson(const fs::path& path) {
  const std::vector<std::uint8_t> bytes = readFile(regularFile(path));
  requireShallowJson(bytes, ErrorCode::MalformedDataset, path.string());
  requireKeysOnce({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, ErrorCode::MalformedDataset,
                  path.string(), "take one of the two out");
  Json json = parsed(bytes, path);
  if (!json.is_object()) malformed(path, "no JSON object", "images, annotations and categories");
  for (const char* part : {"images", "annotations", "categories"})
    if (!json.contains(part) || !json[part].is_array()) malformed(path, fmt::format("no list {}", part), "COCO's JSON");
  return json;
}

std::int64_t wholeOf(const Json& entry, const char* key, const std::string& where) {
  const auto found = entry.is_object() ? entry.find(key) : entry.end();
  if (found == entry.end() || !found->is_number_integer()) malformed(where, fmt::format("no number {}", key), key);
  if (!isWhole(*found)) malformed(where, fmt::format("{} {}", key, found->dump()), "a number up to 2^63-1");
  return found->get<std::int64_t>();
}

std::string textOf(const Json& entry, const char* key, const std::string& where) {
  const auto found = entry.is_object() ? entry.find(key) : entry.end();
  if (found == entry.end() || !found->is_string()) malformed(where, fmt::format("no text {}", key), key);
  return found->get<std::string>();
}

double sideOf(const Json& entry, const char* key) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_number() ? found->get<double>() : 0;
}

std::string entryName(const Coco& set, const char* part, std::size_t i) {
  return fmt::format("{}, {} {}", set.path.string(), part, i);
}

// Classes in the order of the categories' numbers.
void readCategories(Coco& set, const Json& list) {
  std::map<std::int64_t, std::string> names;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string where = entryName(set, "categories", i), name = textOf(list[i], "name", where);
    if (!names.emplace(wholeOf(list[i], "id", where), name).second)
      malformed(where, "an id that is there twice", "every id once");
    // A picture would be asked about one class twice, with a part of the truth each time.
    if (!seen.insert(name).second)
      malformed(where, fmt::format("'{}', the name of another category", name), "every name once",
                "give each its own name, or the annotations of both one category_id");
  }
  for (const auto& [number, name] : names) {
    set.classes[number] = static_cast<int>(set.names.size());
    set.names.push_back(name);
  }
}

void readPictures(Coco& set, const Json& list) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string where = entryName(set, "images", i);
    if (!set.byNumber.emplace(wholeOf(list[i], "id", where), i).second)
      malformed(where, "an id that is there twice", "every id once");
    set.pictures.push_back(
        {nameWithin(textOf(list[i], "file_name", where), where), sideOf(list[i], "width"), sideOf(list[i], "height")});
  }
  if (set.pictures.empty()) malformed(set.path, "an empty list images", "one picture or more");
}

Box boxOf(const Json& entry, const std::string& where) {
  const Json box = entry.value("bbox", Json());
  const bool numbers = box.is_array() && box.size() == 4 &&
                       std::all_of(box.begin(), box.end(), [](const Json& v) { return v.is_number(); });
  if (!numbers) malformed(where, "no bbox", "x, y, width, height");
  return boxOfSides(box[0].get<double>(), box[1].get<double>(), box[2].get<double>(), box[3].get<double>(), where);
}

// How many are of pictures that `images` does not have, as in a part of a set, and are left out.
std::size_t readInstances(Coco& set, Json& list) {
  std::size_t leftOut = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string where = entryName(set, "annotations", i);
    const auto picture = set.byNumber.find(wholeOf(list[i], "image_id", where));
    const auto aClass = set.classes.find(wholeOf(list[i], "category_id", where));
    if (picture == set.byNumber.end()) {
      ++leftOut;
      continue;
    }
    if (aClass == set.classes.end())
      malformed(where, "a category_id that categories does not have", "one of categories");
    Json segmentation = list[i].contains("segmentation") ? std::move(list[i]["segmentation"]) : Json();
    set.pictures[picture->second].instances.push_back(
        {aClass->second, boxOf(list[i], where), std::move(segmentation), where});
  }
  return leftOut;
}

bool isDrawn(const Instance& instance) {
  return !instance.segmentation.is_null() && !instance.segmentation.empty();
}

// Every instance of every picture has a shape; a mask without some would call them background.
bool allDrawn(const Coco& set) {
  std::size_t instances = 0, drawn = 0;
  for (const CocoPicture& picture : set.pictures)
    for (const Instance& instance : picture.instances) ++instances, drawn += isDrawn(instance);
  return instances > 0 && drawn == instances;
}

void addSamples(Contents& contents, const Coco& set) {
  for (const CocoPicture& picture : set.pictures) {
    std::set<int> classes;
    for (const Instance& instance : picture.instances) classes.insert(instance.aClass);
    contents.samples.push_back({picture.file, {classes.begin(), classes.end()}});
  }
  contents.classNames = set.names;
}

Annotation annotationOf(const Coco& set, std::size_t i, std::optional<int> aClass, bool masks) {
  const CocoPicture& picture = set.pictures[i];
  Annotation annotation;
  annotation.width = picture.width, annotation.height = picture.height;
  std::optional<Segments> segments;
  if (masks) {
    const Image photo = readStoredImage(regularFile(set.picture(i)));
    // Outlines count the pixels of the picture that was annotated, as boxes do.
    if (annotation.fits(photo)) segments.emplace(photo.width, photo.height);
  }
  for (const Instance& instance : picture.instances) {
    if (aClass && *aClass != instance.aClass) continue;
    annotation.boxes.push_back(instance.box);
    if (segments) segments->add(instance.segmentation, instance.where);
  }
  if (segments) annotation.mask = segments->mask();
  return annotation;
}

}  // namespace

Contents openCoco(const fs::path& path) {
  Json json = readJson(path);
  const auto set = std::make_shared<Coco>();
  set->path = path;
  readCategories(*set, json["categories"]);
  readPictures(*set, json["images"]);
  const std::size_t annotations = json["annotations"].size(), leftOut = readInstances(*set, json["annotations"]);
  Contents contents;
  addSamples(contents, *set);
  requireDifferentIds(contents, path);
  notePictures(contents, path, [&](std::size_t i) { return set->picture(i); });
  if (leftOut > 0)
    contents.notes.push_back(fmt::format(
        "{} of {} annotations are of pictures that images does not have, and are left out.", leftOut, annotations));
  contents.hasBoxes = leftOut < annotations;
  contents.hasMasks = allDrawn(*set);
  if (!contents.hasMasks)
    contents.notes.push_back(
        "Not every annotation has a segmentation, so there are no masks: metrics that need them are left out.");
  contents.file = [set](std::size_t i) { return set->picture(i); };
  contents.annotation = [set, masks = contents.hasMasks](std::size_t i, std::optional<int> aClass) {
    return annotationOf(*set, i, aClass, masks);
  };
  return contents;
}

}  // namespace relprop::eval

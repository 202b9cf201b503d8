// ImageNet-Segmentation, Guillaumin, Küttel, Ferrari, IJCV 2014: pictures with their masks in one .mat file.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <set>

#include "eval/datasets/files.h"
#include "eval/datasets/masks.h"
#include "eval/datasets/mat_file.h"
#include "eval/datasets/synsets.h"
#include "explainer/synsets.h"
#include "image/pixels.h"

namespace relprop::eval {

namespace {

namespace fs = std::filesystem;

struct Segmentation {
  explicit Segmentation(const fs::path& file) : path(file), mat(file) {}

  fs::path path;
  MatFile mat;
  std::vector<MatFile::Reference> images, masks;

  std::string where(std::size_t i, const char* field) const {
    return fmt::format("{}, {} {}", path.string(), field, i);
  }
};

// Column by column, one channel after the other.
Image readPicture(const Segmentation& set, std::size_t i) {
  const MatArray array = set.mat.bytes(set.images[i]);
  const std::size_t sides = array.sizes.size(), channels = sides == 3 ? array.sizes[2] : 1;
  if (sides < 2 || sides > 3 || (channels != 1 && channels != 3))
    malformed(set.where(i, "img"), fmt::format("{} dimensions and {} channels", sides, channels),
              "rows × columns, and 3 channels or none");
  const std::size_t height = array.sizes[0], width = array.sizes[1];
  Image image = blankImage(static_cast<std::int64_t>(width), static_cast<std::int64_t>(height), set.where(i, "img"));
  for (std::size_t y = 0; y < height; ++y)
    for (std::size_t x = 0; x < width; ++x)
      for (std::size_t c = 0; c < 3; ++c)
        image.pixels[(y * width + x) * 3 + c] = array.values[(std::min(c, channels - 1) * width + x) * height + y];
  return image;
}

// A picture's masks are a cell array of their own; the first is the one that results are published for.
MatFile::Reference maskOf(const Segmentation& set, std::size_t i) {
  if (!set.mat.isCellArray(set.masks[i])) return set.masks[i];
  const std::vector<MatFile::Reference> cells = set.mat.cells(set.masks[i]);
  if (cells.empty()) malformed(set.where(i, "gt"), "no mask", "one mask or more");
  return cells.front();
}

Mask maskFrom(const Segmentation& set, std::size_t i) {
  const MatArray array = set.mat.bytes(maskOf(set, i));
  if (array.sizes.size() != 2) malformed(set.where(i, "gt"), fmt::format("{} dimensions", array.sizes.size()), "2");
  Mask mask{static_cast<int>(array.sizes[1]), static_cast<int>(array.sizes[0]), {}};
  const Image picture = readPicture(set, i);
  requireSides(set.where(i, "gt"), mask.width, mask.height, picture.width, picture.height);
  for (std::size_t y = 0; y < array.sizes[0]; ++y)
    for (std::size_t x = 0; x < array.sizes[1]; ++x)
      mask.values.push_back(array.values[x * array.sizes[0] + y] ? Mask::kObject : Mask::kBackground);
  return mask;
}

// "n01440764_18": the synset and the picture's number in it.
std::vector<std::string> readIds(const Segmentation& set) {
  std::vector<std::string> ids;
  const bool given = set.mat.has("/value/id");
  const std::vector<MatFile::Reference> cells = given ? set.mat.cells("/value/id") : std::vector<MatFile::Reference>();
  if (given && cells.size() != set.images.size())
    malformed(set.path, fmt::format("{} ids and {} pictures", cells.size(), set.images.size()), "as many of each");
  for (std::size_t i = 0; i < set.images.size(); ++i)
    ids.push_back(given ? set.mat.text(cells[i]) : fmt::format("{:05}", i + 1));
  return ids;
}

std::string synsetOf(const std::string& id) {
  const std::string start = id.substr(0, id.find('_'));
  return isSynset(start) ? start : "";
}

void addSamples(Contents& contents, const Segmentation& set) {
  const std::vector<std::string> ids = readIds(set);
  std::set<std::string> synsets;
  for (const std::string& id : ids)
    if (const std::string synset = synsetOf(id); !synset.empty()) synsets.insert(synset);
  std::set<std::string> known;
  std::copy_if(synsets.begin(), synsets.end(), std::inserter(known, known.end()),
               [](const std::string& synset) { return ilsvrcNumbers().contains(synset); });
  const auto numbers =
      synsets.empty() ? std::nullopt : synsetNumbers({set.path.parent_path()}, known.empty() ? synsets : known);
  for (const std::string& id : ids) {
    Sample sample{id, {}};
    // Some of its synsets are none of ILSVRC's: pictures of those have no class that a network could be asked about.
    if (numbers)
      if (const auto found = numbers->find(synsetOf(id)); found != numbers->end()) sample.classes = {found->second};
    contents.samples.push_back(std::move(sample));
  }
  if (synsets.empty())
    contents.notes.push_back("The file does not say the classes of its pictures.");
  else if (!numbers)
    contents.notes.push_back(kNoSynsetList);
}

void noteClassless(Contents& contents) {
  const auto none = [](const Sample& sample) { return sample.classes.empty(); };
  const auto without = std::count_if(contents.samples.begin(), contents.samples.end(), none);
  if (without > 0 && without < std::ssize(contents.samples))
    noteShare(contents, "are of a class that the synset list does not have", static_cast<std::size_t>(without));
}

}  // namespace

Contents openImagenetSegmentation(const fs::path& path) {
  const auto set = std::make_shared<Segmentation>(path);
  for (const char* field : {"/value/img", "/value/gt"})
    if (!set->mat.has(field)) malformed(path, fmt::format("no {}", field), "the groups value/img and value/gt");
  set->images = set->mat.cells("/value/img");
  set->masks = set->mat.cells("/value/gt");
  if (set->images.empty() || set->images.size() != set->masks.size())
    malformed(path, fmt::format("{} pictures and {} masks", set->images.size(), set->masks.size()), "as many of each");
  Contents contents;
  addSamples(contents, *set);
  requireDifferentIds(contents, path);
  noteClassless(contents);
  set->mat.endOpening();
  contents.hasMasks = true;
  contents.notes.push_back("The data set has no boxes: metrics that need them are left out.");
  contents.image = [set](std::size_t i) { return readPicture(*set, i); };
  contents.annotation = [set](std::size_t i, std::optional<int>) {
    Annotation annotation;
    annotation.mask = maskFrom(*set, i);
    return annotation;
  };
  return contents;
}

}  // namespace relprop::eval

// ImageNet-S, Gao et al., IEEE TPAMI 2023: validation photos of ImageNet in a folder a synset, and masks as PNG files
// in colours. A pixel's class is R + 256·G: 0 is something else, 1000 is left out, k is the k-th synset of the set in
// their own order, as its authors have it (github.com/LUSSeg/ImageNet-S, README: "obtained by sorting the imagenet tag
// id"), whatever the order of the list: that of 919 is published unsorted.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "eval/datasets/files.h"
#include "eval/datasets/lists.h"
#include "eval/datasets/masks.h"
#include "eval/datasets/synsets.h"
#include "explainer/synsets.h"
#include "image/stored.h"

namespace relprop::eval {
namespace {

namespace fs = std::filesystem;

constexpr int kIgnored = 1000;
constexpr std::size_t kSizes[] = {50, 300, 919};  // how many synsets the published sets have

struct ImageNetS {
  fs::path root;
  std::vector<std::string> pictures;   // "n01440764/ILSVRC2012_val_00000293.JPEG"
  std::map<std::string, int> numbers;  // of the synsets in the masks, from 1

  fs::path picture(std::size_t i) const { return root / "validation" / pictures[i]; }
  fs::path mask(std::size_t i) const {
    return root / "validation-segmentation" / fs::path(pictures[i]).replace_extension(".png");
  }
};

std::string folderSynset(const std::string& picture) {
  return picture.substr(0, picture.find('/'));
}

std::vector<std::string> synsetsIn(const fs::path& folder) {
  std::vector<std::string> names = foldersIn(folder);
  std::erase_if(names, [](const std::string& name) { return !isSynset(name); });
  return names;
}

void addPictures(ImageNetS& set, Contents& contents) {
  const std::vector<std::string> synsets = synsetsIn(set.root / "validation");
  for (const std::string& synset : synsets)
    for (const std::string& name : picturesIn(set.root / "validation" / synset))
      set.pictures.push_back(synset + "/" + name);
  if (set.pictures.empty()) malformed(set.root, "no pictures", "validation with one subfolder a synset");
  const auto numbers =
      synsetNumbers({set.root, set.root / "validation", set.root / ".."}, {synsets.begin(), synsets.end()});
  for (const std::string& picture : set.pictures) {
    const auto found = numbers ? numbers->find(folderSynset(picture)) : std::map<std::string, int>::const_iterator();
    const bool known = numbers && found != numbers->end();
    contents.samples.push_back({picture, known ? std::vector<int>{found->second} : std::vector<int>()});
  }
  if (!numbers) contents.notes.push_back(kNoSynsetList);
}

struct CategoryList {
  fs::path path;
  std::size_t size;  // as its name says
};

// Those that are there, the smallest first.
std::vector<CategoryList> categoryLists(const fs::path& root) {
  std::vector<CategoryList> lists;
  for (const std::size_t size : kSizes) {
    const std::string name = fmt::format("ImageNetS_categories_im{}.txt", size);
    if (const std::optional<fs::path> path = firstFile({root / name, root / ".." / name}))
      lists.push_back({*path, size});
  }
  return lists;
}

// A line too few or too many would give all synsets behind it another number.
std::set<std::string> readCategories(const CategoryList& list) {
  std::set<std::string> synsets;
  readList(list.path, 1, 1, "SYNSET on every line", [&](const ListLine& line) {
    if (!isSynset(line.text(0)) || !synsets.insert(line.text(0)).second)
      malformed(line.where(), fmt::format("'{}' after {} synsets", line.text(0), synsets.size()),
                "every synset once, as n01440764");
  });
  if (synsets.size() != list.size)
    malformed(list.path, fmt::format("{} synsets", synsets.size()), fmt::format("{}, as its name says", list.size));
  return synsets;
}

// A part of a set says nothing of how the whole one counts. The lists of all sets are published together: that of
// another one has numbers of its own, and lacks synsets of this one unless it is larger.
std::set<std::string> categories(const fs::path& root) {
  const std::vector<std::string> folders = synsetsIn(root / "validation-segmentation");
  const std::vector<CategoryList> lists = categoryLists(root);
  std::string missing;
  for (const CategoryList& list : lists) {
    std::set<std::string> synsets = readCategories(list);
    const auto lacking =
        std::find_if_not(folders.begin(), folders.end(), [&](const auto& f) { return synsets.contains(f); });
    if (lacking == folders.end()) return synsets;
    missing = *lacking;
  }
  if (!lists.empty())
    malformed(lists.back().path, fmt::format("no {}, which is a folder of validation-segmentation", missing),
              "all synsets of the set", "put the list of this set in its place");
  const bool whole = std::count(std::begin(kSizes), std::end(kSizes), folders.size()) > 0;
  return whole ? std::set(folders.begin(), folders.end()) : std::set<std::string>();
}

void numberSynsets(ImageNetS& set) {
  for (const std::string& synset : categories(set.root))
    set.numbers.emplace(synset, static_cast<int>(set.numbers.size()) + 1);
}

// A higher number than the set has is one of a larger set, whose other numbers are not these either.
std::uint8_t meaningOf(int value, int object, std::size_t synsets, const fs::path& path) {
  if (value == kIgnored) return Mask::kVoid;
  if (value > static_cast<int>(synsets))
    malformed(path, fmt::format("a pixel of {}", value), fmt::format("0, {} or a number up to {}", kIgnored, synsets),
              "put the list of the set that the masks belong to in its place");
  return value == object ? Mask::kObject : Mask::kBackground;
}

// What is grey, or drawn with a palette, would pass for other synsets or for numbers that no set has.
int numberOf(const std::uint8_t* rgb, const fs::path& path) {
  if (rgb[2] == 0) return rgb[0] + 256 * rgb[1];
  const bool grey = rgb[0] == rgb[1] && rgb[1] == rgb[2];
  malformed(path, fmt::format("a pixel of red {}, green {}, blue {}", rgb[0], rgb[1], rgb[2]),
            "R + 256·G, without blue",
            grey ? "a grey picture of the numbers is no mask of ImageNet-S: write them as colours" : "");
}

Mask readClassMask(const ImageNetS& set, std::size_t i) {
  const fs::path path = set.mask(i);
  const auto object = set.numbers.find(folderSynset(set.pictures[i]));
  if (object == set.numbers.end())
    malformed(path, folderSynset(set.pictures[i]) + ", the synset of the picture", "one of the set's categories");
  const Image colours = readStoredImage(regularFile(path)), photo = readStoredImage(regularFile(set.picture(i)));
  requireSides(path, colours.width, colours.height, photo.width, photo.height);
  Mask mask{colours.width, colours.height, {}};
  for (std::size_t at = 0; at < colours.pixels.size(); at += 3)
    mask.values.push_back(meaningOf(numberOf(&colours.pixels[at], path), object->second, set.numbers.size(), path));
  return mask;
}

Annotation annotationOf(const ImageNetS& set, std::size_t i) {
  Annotation annotation;
  if (!set.numbers.empty() && isFile(set.mask(i))) annotation.mask = readClassMask(set, i);
  return annotation;
}

void noteMasks(Contents& contents, const ImageNetS& set) {
  std::size_t with = 0;
  for (std::size_t i = 0; i < set.pictures.size(); ++i) with += isFile(set.mask(i));
  contents.hasMasks = with > 0 && !set.numbers.empty();
  if (with == 0)
    contents.notes.push_back(
        "validation-segmentation is missing, so there are no masks: metrics that need them are left out.");
  else if (set.numbers.empty())
    contents.notes.push_back(
        "These are not all synsets of a set and ImageNetS_categories_im919.txt (or im300, im50) is not there, so what "
        "the "
        "masks' numbers mean is not known: metrics that need masks are left out.");
  else if (with < set.pictures.size())
    noteShare(contents, "have no file in validation-segmentation, so no mask", set.pictures.size() - with);
  contents.notes.push_back("ImageNet-S has no boxes: metrics that need them are left out.");
}

}  // namespace

Contents openImagenetS(const fs::path& path) {
  requireFolder(path);
  const auto set = std::make_shared<ImageNetS>();
  set->root = path;
  Contents contents;
  addPictures(*set, contents);
  numberSynsets(*set);
  noteMasks(contents, *set);
  contents.file = [set](std::size_t i) { return set->picture(i); };
  contents.annotation = [set](std::size_t i, std::optional<int>) { return annotationOf(*set, i); };
  return contents;
}

}  // namespace relprop::eval

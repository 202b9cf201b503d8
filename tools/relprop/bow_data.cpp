#include "bow_data.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "paths.h"
#include "relprop/error.h"
#include "relprop/explain.h"

namespace relprop::cli {
namespace {

// A network's class is a place among its scores, of which a bag has no more than this.
constexpr int kMostNumbers = 65536;

// Classes that are numbers, of which those that occur get a name and a place. Evaluation finds them again by the name
// (classMapping): the place is the bag's own.
class NumberedClasses {
 public:
  explicit NumberedClasses(const Dataset& data) : data_(data) {
    if (data.kind().starts_with("imagenet")) imagenet_ = readLabels("imagenet");
    for (std::size_t i = 0; i < data.size(); ++i)
      for (const int number : data.sample(i).classes) add(number, data.sample(i).id);
    for (auto& [number, place] : places_) place = static_cast<int>(names_.size()), names_.push_back(nameOf(number));
  }
  const std::vector<std::string>& names() const { return names_; }
  std::vector<int> placesOf(std::vector<int> classes) const {
    for (int& aClass : classes) aClass = places_.at(aClass);
    return classes;
  }

 private:
  void add(int number, const std::string& picture) {
    const int most = imagenet_.empty() ? kMostNumbers : static_cast<int>(imagenet_.size());
    if (number < 0 || number >= most)
      throw Error(ErrorCode::InvalidArgument, data_.name(), fmt::format("class {} of {}", number, picture),
                  fmt::format("a number from 0 to {}", most - 1));
    places_[number] = 0;
  }
  std::string nameOf(int number) const {
    return imagenet_.empty() ? fmt::format("class {}", number) : imagenet_[static_cast<std::size_t>(number)];
  }

  const Dataset& data_;
  std::vector<std::string> imagenet_, names_;
  std::map<int, int> places_;
};

void numberClasses(BowPictures& pictures, const Dataset& data) {
  const NumberedClasses numbered(data);
  pictures.classNames = numbered.names();
  for (std::vector<int>& classes : pictures.classes) classes = numbered.placesOf(std::move(classes));
}

std::vector<std::size_t> picturesOfEach(const BowPictures& pictures) {
  std::vector<std::size_t> counts(pictures.classNames.size());
  for (const std::vector<int>& classes : pictures.classes)
    for (const int aClass : classes) ++counts[static_cast<std::size_t>(aClass)];
  return counts;
}

// Another copy of the set, or photos that were exchanged.
std::string sizesOf(const Dataset& data) {
  std::string sizes;
  for (std::size_t i = 0; i < data.size(); ++i) sizes += fmt::format("{} ", sizeIfAny(data.file(i)));
  return sizes;
}

}  // namespace

BowPictures bowPictures(const Dataset& data) {
  BowPictures pictures;
  pictures.classNames = data.classNames();
  for (std::size_t i = 0; i < data.size(); ++i) {
    pictures.ids.push_back(data.sample(i).id);
    pictures.classes.push_back(data.sample(i).classes);
  }
  if (data.classNames().empty()) numberClasses(pictures, data);
  pictures.version = sizesOf(data);
  pictures.image = [&data](std::size_t i) { return data.image(i); };
  return pictures;
}

BowPictures withoutRareClasses(BowPictures pictures, std::size_t least, Console& console) {
  const std::vector<std::size_t> counts = picturesOfEach(pictures);
  std::vector<int> place(counts.size(), -1);
  std::vector<std::string> names, rare;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    if (counts[k] >= std::max<std::size_t>(least, 1)) {
      place[k] = static_cast<int>(names.size());
      names.push_back(pictures.classNames[k]);
    } else if (counts[k] > 0) {
      rare.push_back(fmt::format("{} ({})", pictures.classNames[k], counts[k]));
    }
  }
  if (names.empty())
    throw Error(ErrorCode::InvalidArgument, "classes", fmt::format("none with {} pictures", least), "one or more",
                "lower --min-photos");
  if (!rare.empty())
    console.note(fmt::format("classes with fewer than {} photos are left out: {}", least, fmt::join(rare, ", ")));
  for (std::vector<int>& classes : pictures.classes) {
    for (int& aClass : classes) aClass = place[static_cast<std::size_t>(aClass)];
    std::erase(classes, -1);
  }
  pictures.classNames = std::move(names);
  return pictures;
}

}  // namespace relprop::cli

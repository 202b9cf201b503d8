#include "bow_data.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "relprop/error.h"
#include "relprop/explain.h"

namespace relprop::cli {
namespace {

// Where classes are numbers they are those of ImageNet.
std::vector<std::string> classNamesOf(const Dataset& data) {
  return data.classNames().empty() ? readLabels("imagenet") : data.classNames();
}

std::vector<std::size_t> picturesOfEach(const BowPictures& pictures) {
  std::vector<std::size_t> counts(pictures.classNames.size());
  for (const std::vector<int>& classes : pictures.classes)
    for (const int aClass : classes) ++counts[static_cast<std::size_t>(aClass)];
  return counts;
}

}  // namespace

BowPictures bowPictures(const Dataset& data) {
  BowPictures pictures;
  pictures.classNames = classNamesOf(data);
  for (std::size_t i = 0; i < data.size(); ++i) {
    pictures.ids.push_back(data.sample(i).id);
    pictures.classes.push_back(data.sample(i).classes);
  }
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

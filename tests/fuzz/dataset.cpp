// Every layout of a data set: the parts are the files of its folder, and the first part is called after its kind.
#include "relprop/dataset.h"

#include <algorithm>

#include "fuzz/harness.h"
#include "fuzz/json_damage.h"

namespace relprop::fuzz {
namespace {

void readAll(const Dataset& dataset) {
  for (std::size_t i = 0; i < std::min<std::size_t>(dataset.size(), 16); ++i) {
    expectResultOrError([&] { dataset.image(i); });
    expectResultOrError([&] { dataset.annotation(i); });
    for (const int aClass : dataset.sample(i).classes)
      expectResultOrError(
          [&] { truthInView(dataset.annotation(i, aClass), viewGeometry(8, 6, namedPreprocess("unit"), 16, 16)); });
  }
}

const Harness datasetHarness(
    "dataset",
    [](Bytes bytes) {
      const std::vector<Part> parts = partsOf(bytes);
      if (parts.empty()) return;
      const std::filesystem::path folder = emptyFolder();
      writeParts(folder / "set", parts);
      const std::string kind = parts.front().name;
      const bool ofAFile = (kind == "coco" || kind == "boxes") && parts.size() > 1;  // the others are folders
      const std::filesystem::path place = ofAFile ? folder / "set" / parts[1].name : folder / "set";
      expectResultOrError([&] { readAll(Dataset::open(kind + ":" + place.string())); });
    },
    damagedJsonPart);

}  // namespace
}  // namespace relprop::fuzz

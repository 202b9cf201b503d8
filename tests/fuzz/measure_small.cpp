#include "fuzz/measure_small.h"

#include <png.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "fuzz/explain_small.h"
#include "fuzz/harness.h"
#include "relprop/report.h"
#include "support/temporary_folder.h"

namespace relprop::fuzz {

namespace {

constexpr int kWidth = 9, kHeight = 7;
constexpr std::int64_t kMethodBytes = 64 << 20;
constexpr double kMostElements = 1 << 18;
const std::string kBox = "<bndbox><xmin>2</xmin><ymin>2</ymin><xmax>5</xmax><ymax>4</ymax></bndbox>";

// The box as object, its last column void.
std::string mask() {
  std::vector<std::uint8_t> values(kWidth * kHeight), png(4096);
  for (int y = 1; y < 4; ++y)
    for (int x = 1; x < 5; ++x) values[static_cast<std::size_t>(y * kWidth + x)] = x == 4 ? 255 : 1;
  png_image image{};
  image.version = PNG_IMAGE_VERSION, image.format = PNG_FORMAT_GRAY, image.width = kWidth, image.height = kHeight;
  png_alloc_size_t size = png.size();
  png_image_write_to_memory(&image, png.data(), &size, 0, values.data(), 0, nullptr);
  png.resize(size);
  return textOf(png);
}

// One picture of a dog, one of a cat and a dog.
Dataset pictures() {
  static const test::TemporaryFolder folder;
  for (const std::string name : {"a", "b"}) {
    Image image{kWidth, kHeight, std::vector<std::uint8_t>(3 * kWidth * kHeight)};
    std::iota(image.pixels.begin(), image.pixels.end(), name == "a" ? 40 : 0);
    folder.write("JPEGImages/" + name + ".png", textOf(encodePng(image)));
    folder.write("SegmentationClass/" + name + ".png", mask());
    const std::string cat = name == "b" ? "<object><name>cat</name>" + kBox + "</object>" : "";
    folder.write("Annotations/" + name + ".xml",
                 "<annotation><object><name>dog</name>" + kBox + "</object>" + cat + "</annotation>");
  }
  folder.write("class_names.txt", "_background_\ndog\ncat\n");
  return Dataset::open("voc:" + folder.path().string());
}

// "dog", "cat" and others, as many as there are classes.
std::vector<std::string> labels(std::int64_t classes) {
  std::vector<std::string> names = {"dog", "cat"};
  while (static_cast<std::int64_t>(names.size()) < std::min<std::int64_t>(classes, 1000))
    names.push_back("class " + std::to_string(names.size()));
  if (classes >= 0 && classes < 2) names.resize(static_cast<std::size_t>(classes));
  return names;
}

// Of one picture as the network takes it. Methods that blur or cover go over each hundreds of times, between two
// questions whether they are to go on.
double elementsOf(const Model& model) {
  double elements = 1;
  for (const std::int64_t extent : model.inputShape())
    elements *= static_cast<double>(std::max<std::int64_t>(extent, 1));
  return elements;
}

// Whatever was measured, a store that was written just now is no damaged one.
void expectReadable(const Store& store) {
  try {
    markdownReport(Store::fromBytes(store.bytes()));
  } catch (const Error& error) {
    std::fprintf(stderr, "what was written cannot be read: %s\n", error.what());
    std::abort();
  }
}

}  // namespace

void measureSmall(const Model& model, EvaluateOptions options) {
  if (elementsOf(model) > kMostElements) return;
  static const Dataset dataset = pictures();
  options.labels = labels(model.outputClasses());
  options.threads = 1;
  options.memory = options.methodMemory = kMethodBytes;
  options.again = untilLong();
  Evaluation evaluation(model, dataset, options);
  Store store = Store::inMemory();
  store.beginRun(evaluation.provenance());
  store.put(evaluation.modelFacts());
  std::vector<std::size_t> units(evaluation.units().size());
  std::iota(units.begin(), units.end(), std::size_t{0});
  evaluate(evaluation, store, units);
  expectReadable(store);
}

}  // namespace relprop::fuzz

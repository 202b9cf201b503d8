// Importer and passes over real files: the canonical graph computes what the file's logits say.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "onnx/importer.h"
#include "passes/passes.h"
#include "relprop/error.h"
#include "unit/passes/evaluate.h"

#ifndef RELPROP_SHARED_DEFAULT
#define RELPROP_SHARED_DEFAULT "../shared"
#endif

namespace relprop {
namespace {

namespace fs = std::filesystem;

fs::path sharedFolder() {
  const char* given = std::getenv("RELPROP_SHARED");
  return given ? given : RELPROP_SHARED_DEFAULT;
}

// Little-endian float32 in C order, as the fixtures are.
test::Array readNpy(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const std::size_t start =
      10 + static_cast<unsigned char>(bytes.at(8)) + 256u * static_cast<unsigned char>(bytes.at(9));
  const std::string header = bytes.substr(0, start);
  test::Array array;
  for (const char* p = header.c_str() + header.find("'shape': (") + 10; *p && *p != ')';) {
    char* end = nullptr;
    array.shape.push_back(std::strtoll(p, &end, 10));
    for (p = end; *p == ',' || *p == ' ';) ++p;
  }
  std::vector<float> values((bytes.size() - start) / sizeof(float));
  std::memcpy(values.data(), bytes.data() + start, values.size() * sizeof(float));
  array.data.assign(values.begin(), values.end());
  return array;
}

std::vector<fs::path> modelsUnder(const fs::path& folder) {
  std::vector<fs::path> files;
  if (!fs::is_directory(folder)) return files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".onnx") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

double distance(const test::Array& a, const test::Array& b) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < b.data.size(); ++i) {
    difference += (a.data.at(i) - b.data[i]) * (a.data.at(i) - b.data[i]);
    norm += b.data[i] * b.data[i];
  }
  return std::sqrt(difference / norm);
}

// The first row along the batch.
test::Array firstOf(const test::Array& batch) {
  test::Array first{batch.shape, batch.data};
  first.data.resize(batch.data.size() / static_cast<std::size_t>(batch.shape[0]));
  first.shape[0] = 1;
  return first;
}

TEST(PassesOnModels, FixtureLogitsAreReproduced) {
  const std::vector<fs::path> models = modelsUnder(sharedFolder() / "fixtures");
  if (models.empty()) GTEST_SKIP() << "no fixtures under " << sharedFolder();
  for (const fs::path& model : models) {
    SCOPED_TRACE(model.string());
    const test::Array input = firstOf(readNpy(model.parent_path() / "input.npy"));
    const test::Array logits = firstOf(readNpy(model.parent_path() / "logits.npy"));
    const Graph imported = importModel(model).graph;
    for (bool fold : {true, false}) {
      SpecialiseOptions options;
      options.inputShape = input.shape;
      options.foldBatchNorm = fold;
      const Specialised result = specialise(imported, options);
      EXPECT_LT(distance(test::runGraph(result.graph, input), logits), 1e-5) << "fold " << fold;
    }
  }
}

Shape fullShape(const Graph& graph) {
  Shape shape = graph.value(graph.inputs.at(0)).shape;
  const Shape usual{1, 3, 224, 224};
  for (std::size_t i = 0; i < shape.size() && i < usual.size(); ++i)
    if (shape[i] < 0) shape[i] = usual[i];
  return shape;
}

TEST(PassesOnModels, BigModelsAreSpecialisedWithinASecond) {
  std::vector<fs::path> models = modelsUnder(sharedFolder() / "models");
  if (const char* more = std::getenv("RELPROP_MODELS"))
    for (const fs::path& model : modelsUnder(more)) models.push_back(model);
  if (models.empty()) GTEST_SKIP() << "no models under " << sharedFolder();
  for (const fs::path& model : models) {
    SCOPED_TRACE(model.string());
    const Graph imported = importModel(model).graph;
    SpecialiseOptions options;
    options.inputShape = fullShape(imported);
    const std::clock_t start = std::clock();  // of the processor, whatever runs beside
    const Specialised result = specialise(imported, options);
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    EXPECT_LT(seconds, 1.0);
    RecordProperty(model.filename().string(), std::to_string(seconds));
    for (const Node& node : result.graph.nodes) EXPECT_NE(node.op, Op::BatchNormalization) << node.name;
  }
}

}  // namespace
}  // namespace relprop

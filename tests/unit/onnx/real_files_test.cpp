// Exporters' real output, where it is at hand: RELPROP_SHARED names the folder, by default beside the sources.
#include <cstdlib>
#include <random>

#include "import_helpers.h"

namespace relprop::onnx_test {
namespace {

std::filesystem::path sharedFolder() {
  const char* given = std::getenv("RELPROP_SHARED");
  return given ? std::filesystem::path(given) : std::filesystem::path(__FILE__).parent_path() / "../../../../shared";
}

// Networks that are meant to be handled; the folder holds others besides.
std::vector<std::filesystem::path> modelFiles() {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const char* part : {"fixtures", "models"})
    for (const auto& entry : std::filesystem::recursive_directory_iterator(sharedFolder() / part, error))
      if (entry.path().extension() == ".onnx") files.push_back(entry.path());
  return files;
}

TEST(RealFiles, AllImport) {
  auto files = modelFiles();
  if (files.empty()) GTEST_SKIP() << "no .onnx files in " << sharedFolder() << "; set RELPROP_SHARED";
  for (const auto& path : files) {
    ImportedModel model = importModel(path);
    EXPECT_GT(model.graph.nodes.size(), 10u) << path;
    EXPECT_EQ(model.graph.value(model.graph.inputs.at(0)).shape.size(), 4u) << path;
  }
}

TEST(RealFiles, TruncatedAnywhere) {
  auto path = sharedFolder() / "fixtures/cifar10_resnet20/model.onnx";
  std::ifstream file(path, std::ios::binary);
  if (!file) GTEST_SKIP() << "no " << path << "; set RELPROP_SHARED";
  std::vector<std::uint8_t> bytes((std::istreambuf_iterator<char>(file)), {});
  std::mt19937 random(5);
  for (int i = 0; i < 50; ++i) {
    std::span<const std::uint8_t> part(bytes.data(), random() % (bytes.size() - 100));
    EXPECT_THROW(importModelFromBytes(part, {}, "truncated"), Error);
  }
}

}  // namespace
}  // namespace relprop::onnx_test

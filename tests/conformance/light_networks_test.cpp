// Nine architectures of the model zoo whose weights are all one number: the output for an input of ones, and maps by
// four methods. And how many of the zoo's networks have no operator that is not known.
#include <gtest/gtest.h>
#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#include <onnx/onnx_pb.h>

#include <cmath>
#include <fstream>
#include <numeric>
#include <set>
#include <sstream>

#include "onnx/op_rules.h"
#include "relprop/explain.h"
#include "support/unpacked.h"

namespace relprop::test {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> lightNetworks() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(unpacked("conformance/light.tar.xz")))
    if (entry.path().extension() == ".onnx") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<float> expectedOutput(const fs::path& model) {
  fs::path path = model.parent_path() / (model.stem().string() + "_output_0.pb");
  std::ifstream file(path, std::ios::binary);
  onnx::TensorProto tensor;
  if (!tensor.ParseFromIstream(&file)) throw std::runtime_error("no output: " + path.string());
  std::vector<float> values(tensor.float_data().begin(), tensor.float_data().end());
  if (!tensor.has_raw_data()) return values;
  values.resize(tensor.raw_data().size() / sizeof(float));
  std::copy_n(tensor.raw_data().data(), tensor.raw_data().size(), reinterpret_cast<char*>(values.data()));
  return values;
}

Tensor ones(const Shape& image) {
  Shape shape = image;
  shape.insert(shape.begin(), 1);
  Tensor x(shape);
  std::fill(x.data.begin(), x.data.end(), 1.0f);
  return x;
}

// The highest of the network's own output: a probability, or a logit where nothing makes probabilities of them. All
// weights are alike, and so are most classes.
void expectOutput(const Explanation& e, const std::vector<float>& wanted) {
  ASSERT_EQ(e.logits.size(), wanted.size());
  const bool probabilities = std::abs(std::accumulate(wanted.begin(), wanted.end(), 0.0) - 1) < 1e-3;
  const auto highest = static_cast<double>(*std::max_element(wanted.begin(), wanted.end()));
  const auto got = static_cast<double>(probabilities ? e.top5.at(0).probability : e.top5.at(0).logit);
  EXPECT_NEAR(got, highest, 1e-3 * highest);
}

// One that walks all the way back is enough to see whether memory is handled well.
std::vector<const char*> methodsOfLightNetworks() {
#ifdef __SANITIZE_ADDRESS__
  return {"rap"};
#else
  return {"gradient", "lrp-zplus", "rap", "grad-cam"};
#endif
}

TEST(LightNetworks, GiveTheExpectedOutputAndMaps) {
  RELPROP_NEEDS_SHARED();
  const std::vector<fs::path> files = lightNetworks();
  EXPECT_EQ(files.size(), 9u);
  for (const fs::path& file : files) {
    SCOPED_TRACE(file.filename().string());
    const Model model = Model::load(file);
    const std::vector<float> wanted = expectedOutput(file);
    for (const char* method : methodsOfLightNetworks()) {
      Explainer explainer(model, {.method = method, .targets = {Target::of(0)}});
      const Tensor x = ones(explainer.inputShape());
      const Explanation e = explainer.explain({x.data.data(), x.shape})[0];
      expectOutput(e, wanted);
      for (const float v : e.relevance.data) ASSERT_TRUE(std::isfinite(v)) << method;
    }
  }
}

TEST(ZooOperators, CoverAsManyNetworksAsStated) {
  RELPROP_NEEDS_SHARED();
  const std::vector<std::string> names = onnx_import::supportedOperators();
  const std::set<std::string> known(names.begin(), names.end());
  int networks = 0, covered = 0;
  std::ifstream list(sharedFolder() / "spec/zoo_ops.tsv");
  for (std::string line; std::getline(list, line); ++networks) {
    std::istringstream words(line.substr(line.find('\t') + 1));
    bool all = true;
    for (std::string op; words >> op;) all = all && known.count(op) != 0;
    covered += all;
  }
  EXPECT_EQ(networks, 604);
  EXPECT_EQ(covered, 595);  // the others loop, branch, remember or look for boxes
}

}  // namespace
}  // namespace relprop::test

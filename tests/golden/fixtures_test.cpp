// Every reference attribution beside the checkout, through the library: relative L2 error within the stated tolerance.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "relprop/error.h"
#include "relprop/explain.h"
#include "support/relative_error.h"
#include "support/shared.h"

namespace relprop {
namespace {

namespace fs = std::filesystem;
using test::relativeError;

std::vector<float> flattened(const std::vector<Explanation>& maps) {
  std::vector<float> all;
  for (const Explanation& e : maps) all.insert(all.end(), e.relevance.data.begin(), e.relevance.data.end());
  return all;
}

class Fixture : public testing::TestWithParam<const char*> {
 protected:
  fs::path folder() const { return test::sharedFolder() / "fixtures" / GetParam(); }
  nlohmann::json manifest() const { return nlohmann::json::parse(std::ifstream(folder() / "manifest.json")); }
  ExplainOptions options(const std::string& method, int batch) const {
    ExplainOptions o;
    o.method = method;
    o.batch = batch;
    o.pixelRange = pixelRange(readPreprocess((folder() / "model.preprocess.json").string()));
    return o;
  }
  int compare(const std::function<bool(const std::string&)>& chosen);
};

TEST_P(Fixture, LogitsMatch) {
  RELPROP_NEEDS_SHARED();
  const Model model = Model::load(folder() / "model.onnx");
  const Tensor input = readNpy(folder() / "input.npy"), logits = readNpy(folder() / "logits.npy");
  Explainer explainer(model, options("gradient", 2));
  EXPECT_LT(relativeError(explainer.forward(input).data, logits.data), 1e-5);
}

bool integrates(const std::string& spec) {
  return spec.rfind("integrated-gradients", 0) == 0;
}

// Compares the references that `chosen` takes.
int Fixture::compare(const std::function<bool(const std::string&)>& chosen) {
  const Model model = Model::load(folder() / "model.onnx");
  const Tensor input = readNpy(folder() / "input.npy");
  const nlohmann::json m = manifest();
  int compared = 0;
  for (const auto& ref : m["refs"]) {
    const std::string spec = ref["spec"];
    if (!chosen(spec)) continue;
    SCOPED_TRACE(spec);
    Explainer explainer(model, options(spec, static_cast<int>(input.shape[0])));
    const std::vector<Explanation> maps = explainer.explain(input);
    for (std::size_t i = 0; i < maps.size(); ++i) EXPECT_EQ(maps[i].target, m["targets"][i].get<int>());
    const double error = relativeError(flattened(maps), readNpy(folder() / ref["file"].get<std::string>()).data);
    EXPECT_LT(error, ref["tolerance"].get<double>());
    RecordProperty(spec, std::to_string(error));
    ++compared;
  }
  return compared;
}

TEST_P(Fixture, EveryReferenceWithinItsTolerance) {
  RELPROP_NEEDS_SHARED();
  EXPECT_GE(compare([](const std::string& spec) { return !integrates(spec); }), 19);
}

// 50 gradients are summed, and in two of the networks a neuron lies within 3e-7 of its kink at one of the 50 points: on
// which side float32 puts it depends on the order of summation, so this reference is only asked of the kernels of
// AVX-512.
TEST_P(Fixture, IntegratedGradientsWithinTheirTolerance) {
  RELPROP_NEEDS_SHARED();
  if (!__builtin_cpu_supports("avx512f")) GTEST_SKIP() << "a processor without AVX-512";
  EXPECT_EQ(compare(integrates), 1);
}

INSTANTIATE_TEST_SUITE_P(All, Fixture,
                         testing::Values("cifar10_resnet20", "cifar10_thin_vgg16", "cifar10_thin_resnet50"));

}  // namespace
}  // namespace relprop

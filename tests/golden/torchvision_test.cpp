// The catalogue of torchvision's classifiers against torch itself: logits, gradient, and which methods run. The
// networks and what torch computes for them are written by tools/export/torchvision.py --reference;
// $RELPROP_TORCHVISION names the folder (RELPROP_TORCHVISION_TESTS=ON makes a test that fills one and reads it).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "relprop/error.h"
#include "relprop/explain.h"
#include "support/relative_error.h"

namespace relprop {
namespace {

namespace fs = std::filesystem;
using test::relativeError;

constexpr double kTolerance = 1e-4;  // relative L2, of single against double precision

fs::path folder() {
  const char* given = std::getenv("RELPROP_TORCHVISION");
  return given ? given : "";
}

class Torchvision : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (folder().empty()) GTEST_SKIP() << "RELPROP_TORCHVISION is not set: see tools/export/torchvision.py";
    if (!fs::exists(file(".onnx"))) GTEST_SKIP() << file(".onnx") << " is absent";
    input_ = relprop::readNpy(file(".input.npy"));
  }
  fs::path file(const std::string& suffix) const { return folder() / (GetParam() + suffix); }
  Explainer explainer(const std::string& method) const {
    ExplainOptions options;
    options.method = method;
    options.inputShape = {input_.shape.begin() + 1, input_.shape.end()};
    options.batch = static_cast<int>(input_.shape[0]);
    options.pixelRange = pixelRange(readPreprocess(file(".preprocess.json").string()));
    return {Model::load(file(".onnx")), options};
  }
  Tensor input_;
};

TEST_P(Torchvision, ComputesTorchsLogitsAndGradient) {
  Explainer e = explainer("gradient");
  const double logits = relativeError(e.forward(input_).data, relprop::readNpy(file(".logits.npy")).data);
  fmt::print("{}: logits {:.1e}\n", GetParam(), logits);
  EXPECT_LT(logits, kTolerance);
  const std::vector<Explanation> maps = e.explain(input_);
  const std::vector<float> gradients = relprop::readNpy(file(".gradient.npy")).data,
                           kinks = relprop::readNpy(file(".kinks.npy")).data;
  const auto size = static_cast<std::ptrdiff_t>(gradients.size() / maps.size());
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const auto first = gradients.begin() + static_cast<std::ptrdiff_t>(i) * size;
    const double error = relativeError(maps[i].relevance.data, {first, first + size});
    fmt::print("{}: gradient {:.1e}, under rounding errors {:.1e}\n", GetParam(), error, kinks[i]);
    EXPECT_LT(error, std::max(kTolerance, 3.0 * kinks[i]));
  }
}

TEST_P(Torchvision, OneImageAtATimeIsTheSame) {
  Explainer both = explainer("gradient");
  ExplainOptions options;
  options.method = "gradient";
  options.inputShape = {input_.shape.begin() + 1, input_.shape.end()};
  Explainer one(Model::load(file(".onnx")), options);
  EXPECT_LT(relativeError(one.forward(input_).data, both.forward(input_).data), 1e-5);
}

// Methods of all families: every node has a rule. Only RAP promises that the sum stays what it was.
TEST_P(Torchvision, EveryFamilyOfMethodsRuns) {
  const bool attention = GetParam().rfind("vit", 0) == 0;
  std::vector<std::string> methods = {"rap", "lrp-zplus", "epsilon-plus-flat", "guided-backprop", "deep-taylor"};
  if (attention) methods.emplace_back("attn-lrp");
  for (const std::string& method : methods) {
    SCOPED_TRACE(method);
    for (const Explanation& e : explainer(method).explain(input_)) {
      const double kept = e.sum / e.seed;
      fmt::print("{}, {}: sum/seed {:.4g}\n", GetParam(), method, kept);
      EXPECT_TRUE(std::isfinite(kept));
      EXPECT_TRUE(std::any_of(e.relevance.data.begin(), e.relevance.data.end(), [](float v) { return v != 0; }));
      if (method == "rap" && !attention) EXPECT_NEAR(kept, 1, 1e-3);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Torchvision,
                         testing::Values("alexnet", "vgg11", "vgg11_bn", "vgg16", "resnet18", "resnet50",
                                         "resnext50_32x4d", "wide_resnet50_2", "densenet121", "googlenet",
                                         "inception_v3", "squeezenet1_0", "squeezenet1_1", "mobilenet_v2",
                                         "mobilenet_v3_large", "mobilenet_v3_small", "shufflenet_v2_x1_0", "mnasnet1_0",
                                         "efficientnet_b0", "efficientnet_v2_s", "regnet_y_400mf", "regnet_x_400mf",
                                         "convnext_tiny", "vit_b_16"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace relprop

// Convolutions and dense layers of bfloat16: close to float32, the same as plain loops that round alike, and
// conserving.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "relprop/bench.h"
#include "relprop/error.h"
#include "relprop/explain.h"

namespace relprop {
namespace {

const std::filesystem::path kExample = std::filesystem::path(__FILE__).parent_path() / "../../../examples";

bool refused() {
  try {
    Explainer(Model::load(kExample / "model/shapes.onnx"),
              {.method = "gradient", .precision = Precision::Bfloat16, .pixelRange = {}});
    return false;
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::NotSupportedByHardware) << e.what();
    return true;
  }
}

class NarrowOperands : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (refused()) GTEST_SKIP() << "this processor does not multiply bfloat16";
  }
  ExplainOptions options(Precision precision, int batch = 1) const {
    ExplainOptions o;
    o.method = GetParam(), o.precision = precision, o.batch = batch;
    o.pixelRange = pixelRange(preprocess());
    return o;
  }
  Preprocess preprocess() const { return readPreprocess((kExample / "model/shapes.preprocess.json").string()); }
  Tensor picture(const std::string& name) const {
    const Shape s = Explainer(model_, options(Precision::Float32)).inputShape();
    return prepareImage(readImage(kExample / "pictures/JPEGImages" / name), preprocess(), static_cast<int>(s[0]),
                        static_cast<int>(s[1]), static_cast<int>(s[2]))
        .input;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(kExample / "pictures/JPEGImages"))
      all.push_back(entry.path().filename().string());
    return all;
  }
  Model model_ = Model::load(kExample / "model/shapes.onnx");
};

TEST_P(NarrowOperands, MapsAgreeWithFloat32) {
  MapComparison comparison(model_, options(Precision::Float32), options(Precision::Bfloat16));
  for (const std::string& name : names()) {
    const Agreement a = comparison.compare(picture(name)).at(0);
    EXPECT_TRUE(a.sameTop) << name;
    EXPECT_LT(a.logits, 0.02) << name;
    EXPECT_GT(a.logits, 0) << "nothing was rounded";
    EXPECT_TRUE(a.conserves) << name;
    EXPECT_NEAR(a.conservation[1], a.conservation[0], 1e-2) << name;
  }
  EXPECT_GE(comparison.summary().spearman, 0.97);
}

// The reference rounds where the fast kernels do, so only the order of sums differs.
TEST_P(NarrowOperands, AreTheReferences) {
  ExplainOptions slow = options(Precision::Bfloat16);
  slow.reference = true;
  MapComparison comparison(model_, options(Precision::Bfloat16), slow);
  const Agreement a = comparison.compare(picture(names().front())).at(0);
  EXPECT_LT(a.logits, 5e-3);
  EXPECT_GE(a.spearman, 0.98);
}

TEST_P(NarrowOperands, RowsOfABatchAreAsAlone) {
  const Tensor one = picture(names().front());
  Tensor two(Shape{2, one.shape[1], one.shape[2], one.shape[3]});
  const Tensor other = picture(names().back());
  std::copy(other.data.begin(), other.data.end(), two.data.begin());
  std::copy(one.data.begin(), one.data.end(), two.data.begin() + static_cast<std::ptrdiff_t>(one.data.size()));
  const Explanation alone = Explainer(model_, options(Precision::Bfloat16)).explain(one).at(0);
  const Explanation beside = Explainer(model_, options(Precision::Bfloat16, 2)).explain(two).at(1);
  ASSERT_EQ(alone.relevance.data.size(), beside.relevance.data.size());
  double scale = 0, worst = 0;
  for (std::size_t i = 0; i < alone.relevance.data.size(); ++i) {
    scale = std::max(scale, std::abs(static_cast<double>(alone.relevance.data[i])));
    worst = std::max(worst, std::abs(static_cast<double>(alone.relevance.data[i]) - beside.relevance.data[i]));
  }
  EXPECT_LT(worst, 0.05 * scale);
}

INSTANTIATE_TEST_SUITE_P(Methods, NarrowOperands, testing::Values("rap", "lrp-zplus", "lrp-alpha1beta0"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace relprop

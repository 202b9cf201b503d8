// Normalisations that are written as others, where their parts do not fit the input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relprop/error.h"
#include "unit/core/failure.h"
#include "unit/explainer/network.h"

namespace relprop::onnx_test {
namespace normalisations_test {

// Of so many channels of x in so many groups.
Floats grouped(std::int64_t channels, std::int64_t groups) {
  Network n(21);
  const auto count = static_cast<std::size_t>(channels);
  const std::string scale = n.floats({channels}, Floats(count, 1)), bias = n.floats({channels}, Floats(count, 0));
  n.builder.ints("shape", {1, channels, 8, 24 / channels});
  const std::string x = n.add("Reshape", {{"x", "shape"}});
  return scoresOf(n, n.add("GroupNormalization", {{x, scale, bias}}, {{"num_groups", static_cast<int>(groups)}}));
}

// 2 groups of 3 channels of 8×8 would be 96 numbers each.
TEST(GroupNormalization, CutsThroughNoChannel) {
  for (const std::int64_t groups : {2, 4, 6}) {
    const Error error = test::failureOf([&] { grouped(3, groups); });
    EXPECT_EQ(error.code(), ErrorCode::ShapeMismatch);
    EXPECT_THAT(error.got(), ::testing::StartsWith("1×3×8×8 reshaped to 1×" + std::to_string(groups) + "×"));
    EXPECT_EQ(error.expected(), "192 elements");
  }
}

TEST(GroupNormalization, TakesChannelsTogether) {
  const Floats y = grouped(6, 2);
  ASSERT_EQ(y.size(), 192u);
  for (const std::size_t first : {0u, 96u}) {
    double sum = 0, squares = 0;
    for (std::size_t i = first; i < first + 96; ++i) sum += y[i], squares += y[i] * y[i];
    EXPECT_NEAR(sum / 96, 0, 1e-5);
    EXPECT_NEAR(squares / 96, 1, 1e-3);
  }
}

TEST(RmsNormalization, HasAnAxisThatIsThere) {
  const auto normalised = [](int axis) {
    Network n(23);
    return scoresOf(n, n.add("RMSNormalization", {{"x", n.floats({}, {1})}}, {{"axis", axis}}));
  };
  EXPECT_EQ(normalised(3), normalised(-1));
  EXPECT_EQ(normalised(1), normalised(-3));
  const Error error = test::failureOf([&] { normalised(4); });
  EXPECT_EQ(error.code(), ErrorCode::ShapeMismatch);
  EXPECT_EQ(error.got(), "index 4");
}

TEST(ImageScaler, HasANumberForEachChannel) {
  const auto scaled = [](const Floats& bias) {
    Network n(1);
    return scoresOf(n, n.add("ImageScaler", {{"x"}}, {{"scale", 2.0f}, {"bias", bias}}));
  };
  const Floats x = picture().data, y = scaled({1, 2, 3});
  ASSERT_EQ(y.size(), x.size());
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(y[i], 2 * x[i] + 1 + static_cast<float>(i / 64), 1e-6);
  EXPECT_EQ(test::failureOf([&] { scaled({1}); }).code(), ErrorCode::ShapeMismatch);
}

}  // namespace normalisations_test
}  // namespace relprop::onnx_test

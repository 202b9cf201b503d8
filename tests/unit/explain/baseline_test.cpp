// What stands for the absence of a picture.
#include <gtest/gtest.h>

#include "explain/session.h"

namespace relprop::test {
namespace {

using Floats = std::vector<float>;

TEST(BaselinePicture, MeansAndBlackAreThoseOfEachChannel) {
  const Floats input{1, 3, 10, 20};
  const BaselineFacts facts{InputBounds{{-1, -2}, {1, 2}}, {}};
  EXPECT_EQ(baselinePicture({Baseline::Kind::Mean, {}}, facts, {2, 1, 2}, input.data()), (Floats{2, 2, 15, 15}));
  EXPECT_EQ(baselinePicture({Baseline::Kind::Black, {}}, facts, {2, 1, 2}, input.data()), (Floats{-1, -1, -2, -2}));
}

// A network whose input is N numbers gets one for each row.
TEST(BaselinePicture, OneNumberIsItsOwnMean) {
  const float input = 7;
  const BaselineFacts facts{InputBounds{{-3}, {3}}, {}};
  EXPECT_EQ(baselinePicture({Baseline::Kind::Mean, {}}, facts, {}, &input), Floats{7});
  EXPECT_EQ(baselinePicture({Baseline::Kind::Black, {}}, facts, {}, &input), Floats{-3});
  EXPECT_EQ(baselinePicture({Baseline::Kind::Zero, {}}, facts, {}, &input), Floats{0});
}

}  // namespace
}  // namespace relprop::test

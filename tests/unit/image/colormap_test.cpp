#include "image/colormap.h"

#include <gtest/gtest.h>

namespace relprop::test {

TEST(DivergingColour, HasSeismicsStops) {
  EXPECT_EQ(divergingColour(0.0), (Rgb{255, 255, 255}));
  EXPECT_EQ(divergingColour(0.5), (Rgb{255, 0, 0}));
  EXPECT_EQ(divergingColour(1.0), (Rgb{128, 0, 0}));
  EXPECT_EQ(divergingColour(-0.5), (Rgb{0, 0, 255}));
  EXPECT_EQ(divergingColour(-1.0), (Rgb{0, 0, 77}));
}

TEST(DivergingColour, IsLinearBetween) {
  EXPECT_EQ(divergingColour(0.1), (Rgb{255, 204, 204}));
  EXPECT_EQ(divergingColour(-0.1), (Rgb{204, 204, 255}));
}

TEST(DivergingColour, SaturatesBeyondOne) {
  EXPECT_EQ(divergingColour(7.0), divergingColour(1.0));
  EXPECT_EQ(divergingColour(-7.0), divergingColour(-1.0));
}

}  // namespace relprop::test

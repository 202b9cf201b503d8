#include "core/number.h"

#include <gtest/gtest.h>

#include <string>

namespace relprop {
namespace {

TEST(NumberIn, TheWholeTextAsANumber) {
  EXPECT_EQ(numberIn<double>("0.25"), 0.25);
  EXPECT_EQ(numberIn<double>("+1.5e3"), 1500.0);
  EXPECT_EQ(numberIn<double>("-.5"), -0.5);
  EXPECT_EQ(numberIn<float>("0.1"), 0.1f) << "rounded once";
  EXPECT_EQ(numberIn<double>("3"), 3.0);
}

TEST(NumberIn, WhatIsNone) {
  for (const char* text : {"", "+", "-", "+-1", "++1", " 1", "1 ", "1,5", "0x10", "1e", "one", "1.5.2"})
    EXPECT_FALSE(numberIn<double>(text)) << text;
  EXPECT_FALSE(numberIn<float>("1e39")) << "too large for a float";
  EXPECT_TRUE(numberIn<double>("1e39"));
  EXPECT_FALSE(numberIn<double>(std::string("1\0", 2))) << "an end within the text";
}

}  // namespace
}  // namespace relprop

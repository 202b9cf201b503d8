#include "core/lower_case.h"

#include <gtest/gtest.h>

namespace relprop {
namespace {

TEST(LowerCase, LettersOfAsciiAndNoOtherBytes) {
  EXPECT_EQ(lowerCase("AbcXYZ.JPG@[`{019"), "abcxyz.jpg@[`{019");
  EXPECT_EQ(lowerCase("\xc3\x9c\xc9\xdd"), "\xc3\x9c\xc9\xdd");
  EXPECT_EQ(lowerCase(""), "");
}

}  // namespace
}  // namespace relprop

#include "core/digest.h"

#include <gtest/gtest.h>

namespace relprop {
namespace {

// The published values of 64-bit FNV-1a.
TEST(Digest, IsFnv1a) {
  EXPECT_EQ(digestOf(""), "cbf29ce484222325");
  EXPECT_EQ(digestOf("a"), "af63dc4c8601ec8c");
  EXPECT_EQ(digestOf("foobar"), "85944171f73967e8");
}

}  // namespace
}  // namespace relprop

#include "core/json_depth.h"

#include <gtest/gtest.h>

#include "core/limits.h"
#include "unit/core/failure.h"

namespace relprop::test {
namespace {

TEST(JsonDepth, IsOfListsAndObjectsThatAreOpen) {
  EXPECT_EQ(jsonDepth(""), 0u);
  EXPECT_EQ(jsonDepth("3"), 0u);
  EXPECT_EQ(jsonDepth("[]"), 1u);
  EXPECT_EQ(jsonDepth("[[], [], {}]"), 2u);
  EXPECT_EQ(jsonDepth(R"({"a": [{"b": [1]}], "c": []})"), 4u);
  EXPECT_EQ(jsonDepth("[[["), 3u);
  EXPECT_EQ(jsonDepth("]]][[["), 3u) << "what closes nothing counts for nothing";
}

TEST(JsonDepth, BracketsInTextsAreNone) {
  EXPECT_EQ(jsonDepth(R"(["[[["])"), 1u);
  EXPECT_EQ(jsonDepth(R"(["\"[[["])"), 1u);
  EXPECT_EQ(jsonDepth(R"(["\\", [2]])"), 2u) << "a quoted backslash ends before the quote";
  EXPECT_EQ(jsonDepth(R"([\)"), 1u);
}

TEST(JsonDepth, AtTheEdge) {
  const std::string edge(limits::kJsonDepth, '[');
  requireShallowJson(edge, ErrorCode::MalformedDataset, "a.json");
  const Error error = failureOf([&] { requireShallowJson(edge + "[", ErrorCode::MalformedDataset, "a.json"); });
  EXPECT_EQ(error.code(), ErrorCode::MalformedDataset);
  EXPECT_EQ(error.where(), "a.json");
  EXPECT_EQ(error.got(), "65 lists and objects within one another");
  EXPECT_EQ(error.expected(), "at most 64");
}

}  // namespace
}  // namespace relprop::test

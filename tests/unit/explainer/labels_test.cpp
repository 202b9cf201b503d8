// Class names as files come: lists, byte order marks, JSON of several makers.
#include <gtest/gtest.h>

#include "relprop/explain.h"
#include "unit/core/failure.h"

namespace relprop::test {
namespace {

using Names = std::vector<std::string>;

Names names(const std::string& text) {
  return parseLabels(text, "l.txt");
}

// What the error says, which is always one of the file.
std::string refusal(const std::string& text) {
  const Error error = failureOf([&] { names(text); });
  EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
  return error.what();
}

TEST(Labels, OneNameALine) {
  const Names expected = {"cat", "dog"};
  EXPECT_EQ(names("cat\ndog\n"), expected);
  EXPECT_EQ(names("cat\ndog"), expected);
  EXPECT_EQ(names("cat\r\ndog\r\n"), expected);
  EXPECT_EQ(names("cat\ndog\n\n\r\n"), expected);
  EXPECT_EQ(names("\xEF\xBB\xBF"
                  "cat\r\ndog\r\n"),
            expected);
  EXPECT_EQ(names("n01440764 tench, Tinca tinca\n\nn0 x\n"), (Names{"tench, Tinca tinca", "", "n0 x"}));
}

// Editors that offer "Unicode" may mean UTF-16.
TEST(Labels, AreUtf8) {
  using std::string_literals::operator""s;
  const std::string wanted = " (expected text in UTF-8); save it as UTF-8";
  EXPECT_EQ(refusal("\xFF\xFE"s + "c\0a\0t\0\n\0"s), "l.txt: UTF-16" + wanted);
  EXPECT_EQ(refusal("\xFE\xFF"s + "\0c\0a\0t"s), "l.txt: UTF-16" + wanted);
  EXPECT_EQ(refusal("c\0a\0t\0\n\0"s), "l.txt: a byte 0 among the names" + wanted);
  EXPECT_EQ(refusal("\xFF\xFE"s + "[\0\"\0c\0\"\0]\0"s), "l.txt: UTF-16" + wanted);
  EXPECT_EQ(refusal("[\0\"\0c\0\"\0]\0"s), "l.txt: a byte 0 among the names" + wanted);
}

TEST(Labels, Json) {
  const Names expected = {"cat", "dog"};
  EXPECT_EQ(names(R"(["cat", "dog"])"), expected);
  EXPECT_EQ(names("\xEF\xBB\xBF\r\n [\"cat\",\r\n\"dog\"]\r\n"), expected);
  EXPECT_EQ(names(R"({"1": "dog", "0": "cat"})"), expected);
  EXPECT_EQ(names(R"({"0": ["n02121808", "cat"], "1": ["n02084071", "dog"]})"), expected);
  EXPECT_EQ(names(R"([["n02121808", "cat"], "n02084071 dog"])"), expected);
  EXPECT_EQ(names(R"({"model_type": "vit", "id2label": {"0": "cat", "1": "dog"}, "label2id": {"cat": 0}})"), expected);
  EXPECT_EQ(names(R"({"id2label": ["cat", "dog"]})"), expected);
}

TEST(Labels, JsonIndicesGoByNumber) {
  std::string text = "{";
  for (int i = 11; i >= 0; --i) text += "\"" + std::to_string(i) + "\": \"c" + std::to_string(i) + (i ? "\"," : "\"}");
  const Names all = names(text);
  ASSERT_EQ(all.size(), 12u);
  EXPECT_EQ(all[2], "c2");
  EXPECT_EQ(all[10], "c10");
}

TEST(Labels, WhatIsNoListIsRefused) {
  const std::string forms = " (expected a JSON list of names, or an object from class number to name)";
  EXPECT_EQ(refusal(""), "l.txt: no labels (expected one class name a line)");
  EXPECT_EQ(refusal("\xEF\xBB\xBF\r\n"), "l.txt: no labels (expected one class name a line)");
  EXPECT_EQ(refusal("[]"), "l.txt: no labels (expected one class name a line)");
  EXPECT_EQ(refusal(R"(["cat", "dog")"), "l.txt: broken JSON at byte 14" + forms);
  EXPECT_EQ(refusal(R"({"0": "cat"} x)"), "l.txt: broken JSON at byte 14" + forms);
  EXPECT_EQ(refusal(R"({"id2label": "cat"})"), "l.txt: id2label: string" + forms);
  EXPECT_EQ(refusal(R"({"0": 1e999})"), "l.txt: JSON with a number that is too large" + forms);
}

TEST(Labels, EveryClassHasOneName) {
  EXPECT_EQ(refusal(R"({"0": "cat", "2": "dog"})"), "l.txt: no class 1 (expected a name for every class from 0 to 2)");
  EXPECT_EQ(refusal(R"({"1": "cat", "2": "dog"})"), "l.txt: no class 0 (expected a name for every class from 0 to 2)");
  EXPECT_EQ(refusal(R"({"0": "cat", "0": "dog"})"), "l.txt: key '0' twice (expected every key once)");
  EXPECT_EQ(refusal(R"({"id2label": {"0": "cat", "0": "dog"}})"), "l.txt: key '0' twice (expected every key once)");
  for (const char* key : {"cat", "01", "-1", "1.0", " 1", "", "99999999999999999999"})
    EXPECT_EQ(refusal(std::string(R"({"0": "cat", ")") + key + R"(": "dog"})"),
              std::string("l.txt: key '") + key + "' (expected class numbers from 0 as keys)");
}

TEST(Labels, NamesAreText) {
  const std::string expected = " (expected a name, or [synset, name])";
  EXPECT_EQ(refusal(R"(["cat", 7])"), "l.txt: class 1: number" + expected);
  EXPECT_EQ(refusal(R"({"0": null})"), "l.txt: class 0: null" + expected);
  EXPECT_EQ(refusal(R"({"0": {"name": "cat"}})"), "l.txt: class 0: object" + expected);
  for (const char* value : {"[]", R"(["n1"])", R"(["n1", "cat", "x"])", R"(["n1", 2])", "[[[]]]"})
    EXPECT_EQ(refusal(std::string("[") + value + "]"), "l.txt: class 0: array" + expected);
}

// A million brackets end no stack, and a list of them takes no time.
TEST(Labels, OfHostileNesting) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  EXPECT_EQ(refusal(deep), "l.txt: 1000000 lists and objects within one another (expected at most 64)");
  std::string wide = "[";
  for (int i = 0; i < 300'000; ++i) wide += R"({"":0},)";
  EXPECT_EQ(refusal(wide + "{}]"), "l.txt: class 0: object (expected a name, or [synset, name])");
}

TEST(Labels, AreAsManyAsTheNetworksClasses) {
  EXPECT_NO_THROW(requireLabelsFor(2, {"cat", "dog"}, "l.txt"));
  EXPECT_NO_THROW(requireLabelsFor(2, {}, "l.txt"));
  EXPECT_NO_THROW(requireLabelsFor(-1, {"cat"}, "l.txt"));
  const Error error = failureOf([] { requireLabelsFor(2, {"cat", "dog", "bird"}, "l.txt"); });
  EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
  EXPECT_STREQ(error.what(), "l.txt: 3 class names (expected 2, one for each class of the network)");
}

}  // namespace
}  // namespace relprop::test

#include "relprop/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace relprop {
namespace {

struct Code {
  int number;
  ErrorCode code;
  std::string name;
};

// What callers may have stored: a row is never changed, and new ones stand at the end.
const std::vector<Code>& codes() {
  using E = ErrorCode;
  static const std::vector<Code> all = {{1, E::InvalidArgument, "InvalidArgument"},
                                        {2, E::FileNotFound, "FileNotFound"},
                                        {3, E::FileUnreadable, "FileUnreadable"},
                                        {4, E::FileWriteFailed, "FileWriteFailed"},
                                        {5, E::MalformedModel, "MalformedModel"},
                                        {6, E::UnsupportedModel, "UnsupportedModel"},
                                        {7, E::ShapeMismatch, "ShapeMismatch"},
                                        {8, E::NonFiniteWeights, "NonFiniteWeights"},
                                        {9, E::NonFiniteInput, "NonFiniteInput"},
                                        {10, E::MalformedImage, "MalformedImage"},
                                        {11, E::UnsupportedImage, "UnsupportedImage"},
                                        {12, E::MalformedTensor, "MalformedTensor"},
                                        {13, E::MalformedPreprocess, "MalformedPreprocess"},
                                        {14, E::UnknownMethod, "UnknownMethod"},
                                        {15, E::InvalidMethodParameter, "InvalidMethodParameter"},
                                        {16, E::InvalidRule, "InvalidRule"},
                                        {17, E::UnknownTarget, "UnknownTarget"},
                                        {18, E::UnknownNode, "UnknownNode"},
                                        {19, E::NotSupportedByMethod, "NotSupportedByMethod"},
                                        {20, E::NotSupportedByHardware, "NotSupportedByHardware"},
                                        {21, E::NumericFailure, "NumericFailure"},
                                        {22, E::OutOfMemory, "OutOfMemory"},
                                        {23, E::UnknownMetric, "UnknownMetric"},
                                        {24, E::InvalidMetricParameter, "InvalidMetricParameter"},
                                        {25, E::MalformedDataset, "MalformedDataset"},
                                        {26, E::StoreUnusable, "StoreUnusable"},
                                        {27, E::NotConserved, "NotConserved"},
                                        {28, E::Cancelled, "Cancelled"},
                                        {29, E::Internal, "Internal"}};
  return all;
}

TEST(ErrorCodes, KeepTheirNumbersAndNames) {
  for (const Code& c : codes()) {
    EXPECT_EQ(static_cast<int>(c.code), c.number) << c.name;
    EXPECT_EQ(errorCodeName(c.code), c.name);
  }
}

TEST(ErrorCodes, NoneIsLeftOut) {
  const int last = codes().back().number;
  EXPECT_STREQ(errorCodeName(static_cast<ErrorCode>(last + 1)), "");
  EXPECT_STREQ(errorCodeName(static_cast<ErrorCode>(0)), "") << "callers' own \"no error\"";
  std::set<std::string> names;
  for (int number = 1; number <= last; ++number) names.insert(errorCodeName(static_cast<ErrorCode>(number)));
  EXPECT_EQ(names.size(), codes().size()) << "two codes share a name, or one is missing above";
  EXPECT_EQ(names.count(""), 0u);
}

TEST(ErrorMessage, PutsAllPartsInOneLine) {
  const Error e(ErrorCode::ShapeMismatch, "conv1", "shape 1×3", "1×3×8×8", "give --shape");
  EXPECT_STREQ(e.what(), "conv1: shape 1×3 (expected 1×3×8×8); give --shape");
}

TEST(ErrorMessage, LeavesOutWhatIsEmpty) {
  EXPECT_STREQ(Error(ErrorCode::Internal, "here", "").what(), "here");
  EXPECT_STREQ(Error(ErrorCode::Internal, "here", "this").what(), "here: this");
  EXPECT_STREQ(Error(ErrorCode::Internal, "here", "this", "that").what(), "here: this (expected that)");
  EXPECT_STREQ(Error(ErrorCode::Internal, "here", "this", "", "do").what(), "here: this; do");
  EXPECT_STREQ(Error(ErrorCode::Internal, "", "this").what(), "this");
}

// A NUL would end what() where it stands.
TEST(ErrorMessage, ShowsWhatWasReadFromAFileAsEscapes) {
  const Error e(ErrorCode::MalformedModel, "dog.jpg, line 1", std::string("'\xFF\0\x1b'", 5), "svm_type", "train it");
  EXPECT_STREQ(e.what(), "dog.jpg, line 1: '\\xff\\x00\\x1b' (expected svm_type); train it");
  EXPECT_EQ(e.got(), std::string("'\xFF\0\x1b'", 5));
}

TEST(ErrorMessage, IsNeverLongerThanALine) {
  const std::string text(1000000, 'a');
  const Error e(ErrorCode::MalformedModel, "here", text, text, "do");
  EXPECT_EQ(e.where(), "here");
  EXPECT_EQ(e.got(), std::string(947 - 23 - 120, 'a') + "… (1000000 bytes) …" + std::string(120, 'a'));
  EXPECT_EQ(e.expected(), e.got());
  EXPECT_EQ(e.hint(), "do");
  EXPECT_EQ(e.what(), "here: " + e.got() + " (expected " + e.got() + "); do");
  const Error again(e.code(), e.where(), e.got(), e.expected(), e.hint());
  EXPECT_STREQ(again.what(), e.what());
}

TEST(ErrorMessage, IsCutInFrontOfACharacter) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "ä";
  for (const std::string& where : {text, "x" + text}) {
    const std::string got = Error(ErrorCode::Internal, where, "").where();
    const std::string kept = got.substr(0, got.find("…"));
    EXPECT_EQ(kept, where.substr(0, kept.size()));
    EXPECT_EQ(kept.size() % 2, where.size() % 2);
    const std::string rest = got.substr(got.rfind("…") + std::string("…").size());
    EXPECT_THAT(rest.size(), testing::AllOf(testing::Gt(110u), testing::Le(120u)));
    EXPECT_TRUE(where.ends_with(rest) && rest.size() % 2 == 0);
    EXPECT_LE(got.size(), 1900u);
  }
  // Escapes are longer than what they stand for.
  EXPECT_LE(std::string(Error(ErrorCode::Internal, std::string(1900, '\x01'), "").what()).size(), 2000u);
}

TEST(ErrorMessage, PartsStayReadableOneByOne) {
  const Error e(ErrorCode::OutOfMemory, "plan", "9 MB", "8 MB", "smaller batch");
  EXPECT_EQ(e.code(), ErrorCode::OutOfMemory);
  EXPECT_EQ(e.where(), "plan");
  EXPECT_EQ(e.got(), "9 MB");
  EXPECT_EQ(e.expected(), "8 MB");
  EXPECT_EQ(e.hint(), "smaller batch");
}

TEST(ErrorType, IsCaughtAsStandardException) {
  try {
    throw Error(ErrorCode::Cancelled, "run", "stopped");
  } catch (const std::exception& e) {
    EXPECT_STREQ(e.what(), "run: stopped");
    return;
  }
  FAIL();
}

}  // namespace
}  // namespace relprop

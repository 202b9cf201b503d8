#include "relprop/error.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>
#include <vector>

namespace relprop {
namespace {

const std::vector<std::pair<ErrorCode, std::string>>& codes() {
  using E = ErrorCode;
  static const std::vector<std::pair<ErrorCode, std::string>> all = {
      {E::InvalidArgument, "InvalidArgument"},
      {E::FileNotFound, "FileNotFound"},
      {E::FileUnreadable, "FileUnreadable"},
      {E::FileWriteFailed, "FileWriteFailed"},
      {E::MalformedModel, "MalformedModel"},
      {E::UnsupportedModel, "UnsupportedModel"},
      {E::ShapeMismatch, "ShapeMismatch"},
      {E::NonFiniteWeights, "NonFiniteWeights"},
      {E::MalformedImage, "MalformedImage"},
      {E::UnsupportedImage, "UnsupportedImage"},
      {E::MalformedTensor, "MalformedTensor"},
      {E::MalformedPreprocess, "MalformedPreprocess"},
      {E::UnknownMethod, "UnknownMethod"},
      {E::InvalidMethodParameter, "InvalidMethodParameter"},
      {E::InvalidRule, "InvalidRule"},
      {E::UnknownTarget, "UnknownTarget"},
      {E::UnknownNode, "UnknownNode"},
      {E::NotSupportedByMethod, "NotSupportedByMethod"},
      {E::NumericFailure, "NumericFailure"},
      {E::OutOfMemory, "OutOfMemory"},
      {E::UnknownMetric, "UnknownMetric"},
      {E::InvalidMetricParameter, "InvalidMetricParameter"},
      {E::MalformedDataset, "MalformedDataset"},
      {E::StoreUnusable, "StoreUnusable"},
      {E::NotSupportedByHardware, "NotSupportedByHardware"},
      {E::NotConserved, "NotConserved"},
      {E::Cancelled, "Cancelled"},
      {E::Internal, "Internal"}};
  return all;
}

TEST(ErrorCodeName, IsTheEnumeratorForEveryCode) {
  for (const auto& [code, name] : codes()) EXPECT_EQ(errorCodeName(code), name);
}

TEST(ErrorCodeName, NoCodeIsLeftOut) {
  EXPECT_EQ(codes().size(), static_cast<std::size_t>(ErrorCode::Internal) + 1);
  std::set<std::string> names;
  for (const auto& [code, name] : codes()) names.insert(errorCodeName(code));
  EXPECT_EQ(names.size(), codes().size()) << "two codes share a name";
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

// The one error type of relprop. Every failure of the library is thrown as relprop::Error; nothing prints, aborts or
// exits. What a function of the caller's throws while the library calls it passes through unchanged, and memory that
// is not there for a Tensor of the caller's is std::bad_alloc.
#pragma once

#include <cstddef>
#include <exception>
#include <string>
#include <vector>

#include "relprop/export.h"

namespace relprop {

// A code keeps its number for good: new ones get the next free number, and one that is dropped leaves a gap. 0 is free
// for callers, as "no error".
enum class ErrorCode {
  InvalidArgument = 1,       // an option or argument of a call is out of its range
  FileNotFound = 2,          // the path does not exist
  FileUnreadable = 3,        // exists but cannot be read (permission, I/O error, a folder instead of a file)
  FileWriteFailed = 4,       // cannot be written (permission, full disk)
  MalformedModel = 5,        // not ONNX, truncated, inconsistent, cyclic
  UnsupportedModel = 6,      // valid ONNX that holds nodes or types this version does not handle (the first are listed)
  ShapeMismatch = 7,         // shapes do not fit, in the model or between model and input
  NonFiniteWeights = 8,      // NaN or infinity among the weights
  NonFiniteInput = 9,        // NaN or infinity in the input
  MalformedImage = 10,       // broken or truncated image file
  UnsupportedImage = 11,     // an image format or size that is not handled
  MalformedTensor = 12,      // broken .npy file
  MalformedPreprocess = 13,  // broken preprocessing description
  UnknownMethod = 14,        // no method or preset of that name
  InvalidMethodParameter = 15,  // unknown key or value in a method string
  InvalidRule = 16,             // a --rule row that does not parse or names an unknown rule
  UnknownTarget = 17,           // class index out of range, or a label that is not there
  UnknownNode = 18,             // no node of that name
  NotSupportedByMethod = 19,    // the method cannot be applied to this network
  NotSupportedByHardware = 20,  // the processor lacks the instructions for what was asked
  NumericFailure = 21,          // NaN or infinity came up while computing
  OutOfMemory = 22,             // the plan needs more memory than there is
  UnknownMetric = 23,           // no metric of that name
  InvalidMetricParameter = 24,  // unknown key or value in a protocol, or another version of it
  MalformedDataset = 25,        // a data set whose layout or annotation files are broken
  StoreUnusable = 26,           // results file that is damaged, read-only, of a newer version, or no store at all
  NotConserved = 27,            // more relevance was lost than the caller allows
  Cancelled = 28,               // the caller asked to stop
  Internal = 29,                // a defect of relprop
};

// The name of a code as written above, e.g. "MalformedModel"; "" of a number that is no code.
RELPROP_API const char* errorCodeName(ErrorCode code);

// `where` is the node, file or option; `got` what was found; `expected` what would have been right; `hint` what to do.
// Any of them but `where` may be empty. Together they are cut to about 2 kB, the longest ones first: names and lists
// come out of files.
class RELPROP_API Error : public std::exception {
 public:
  Error(ErrorCode code, std::string where, std::string got, std::string expected = {}, std::string hint = {});

  ErrorCode code() const noexcept { return code_; }
  const std::string& where() const noexcept { return where_; }
  const std::string& got() const noexcept { return got_; }
  const std::string& expected() const noexcept { return expected_; }
  const std::string& hint() const noexcept { return hint_; }
  // "where: got (expected …); hint", with what terminals obey and bytes that are not UTF-8 as escapes (visibleText)
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  ErrorCode code_;
  std::string where_, got_, expected_, hint_, message_;
};

// The known name nearest to a misspelt one by letters to insert, drop or change, "" when none is within `reach` of
// them; for the hint of an error.
RELPROP_API std::string nearestName(const std::string& word, const std::vector<std::string>& known, std::size_t reach);

}  // namespace relprop

// The one error type of relprop. Every failure of the library is thrown as relprop::Error; nothing prints, aborts or
// exits.
#pragma once

#include <cstddef>
#include <exception>
#include <string>
#include <vector>

#include "relprop/export.h"

namespace relprop {

enum class ErrorCode {
  InvalidArgument,         // an option or argument of a call is out of its range
  FileNotFound,            // the path does not exist
  FileUnreadable,          // exists but cannot be read (permission, I/O error, a folder instead of a file)
  FileWriteFailed,         // cannot be written (permission, full disk)
  MalformedModel,          // not ONNX, truncated, inconsistent, cyclic
  UnsupportedModel,        // valid ONNX that holds nodes or types this version does not handle (all are listed)
  ShapeMismatch,           // shapes do not fit, in the model or between model and input
  NonFiniteWeights,        // NaN or infinity among the weights or in the input
  MalformedImage,          // broken or truncated image file
  UnsupportedImage,        // an image format or size that is not handled
  MalformedTensor,         // broken .npy file
  MalformedPreprocess,     // broken preprocessing description
  UnknownMethod,           // no method or preset of that name
  InvalidMethodParameter,  // unknown key or value in a method string
  InvalidRule,             // a --rule row that does not parse or names an unknown rule
  UnknownTarget,           // class index out of range, or a label that is not there
  UnknownNode,             // no node of that name
  NotSupportedByMethod,    // the method cannot be applied to this network
  NotSupportedByHardware,  // the processor lacks the instructions for what was asked
  NumericFailure,          // NaN or infinity came up while computing
  OutOfMemory,             // the plan needs more memory than there is
  UnknownMetric,           // no metric of that name
  InvalidMetricParameter,  // unknown key or value in a protocol, or another version of it
  MalformedDataset,        // a data set whose layout or annotation files are broken
  StoreUnusable,           // results file that is damaged, read-only, of a newer version, or no store at all
  NotConserved,            // more relevance was lost than the caller allows
  Cancelled,               // the caller asked to stop
  Internal                 // a defect of relprop
};

// The name of a code as written above, e.g. "MalformedModel".
RELPROP_API const char* errorCodeName(ErrorCode code);

// `where` is the node, file or option; `got` what was found; `expected` what would have been right; `hint` what to do.
// Any of them but `where` may be empty.
class RELPROP_API Error : public std::exception {
 public:
  Error(ErrorCode code, std::string where, std::string got, std::string expected = {}, std::string hint = {});

  ErrorCode code() const noexcept { return code_; }
  const std::string& where() const noexcept { return where_; }
  const std::string& got() const noexcept { return got_; }
  const std::string& expected() const noexcept { return expected_; }
  const std::string& hint() const noexcept { return hint_; }
  // "where: got (expected …); hint"
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  ErrorCode code_;
  std::string where_, got_, expected_, hint_, message_;
};

// The known name nearest to a misspelt one by letters to insert, drop or change, "" when none is within `reach` of
// them; for the hint of an error.
RELPROP_API std::string nearestName(const std::string& word, const std::vector<std::string>& known, std::size_t reach);

}  // namespace relprop

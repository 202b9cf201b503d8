#include "relprop/error.h"

#include <array>
#include <utility>

namespace relprop {

const char* errorCodeName(ErrorCode code) {
  static constexpr std::array names = {"InvalidArgument",
                                       "FileNotFound",
                                       "FileUnreadable",
                                       "FileWriteFailed",
                                       "MalformedModel",
                                       "UnsupportedModel",
                                       "ShapeMismatch",
                                       "NonFiniteWeights",
                                       "MalformedImage",
                                       "UnsupportedImage",
                                       "MalformedTensor",
                                       "MalformedPreprocess",
                                       "UnknownMethod",
                                       "InvalidMethodParameter",
                                       "InvalidRule",
                                       "UnknownTarget",
                                       "UnknownNode",
                                       "NotSupportedByMethod",
                                       "NotSupportedByHardware",
                                       "NumericFailure",
                                       "OutOfMemory",
                                       "UnknownMetric",
                                       "InvalidMetricParameter",
                                       "MalformedDataset",
                                       "StoreUnusable",
                                       "NotConserved",
                                       "Cancelled",
                                       "Internal"};
  static_assert(names.size() == static_cast<std::size_t>(ErrorCode::Internal) + 1);
  return names[static_cast<std::size_t>(code)];
}

Error::Error(ErrorCode code, std::string where, std::string got, std::string expected, std::string hint)
    : code_(code),
      where_(std::move(where)),
      got_(std::move(got)),
      expected_(std::move(expected)),
      hint_(std::move(hint)) {
  message_ = where_;
  if (!got_.empty()) message_ += (message_.empty() ? "" : ": ") + got_;
  if (!expected_.empty()) message_ += " (expected " + expected_ + ")";
  if (!hint_.empty()) message_ += "; " + hint_;
}

}  // namespace relprop

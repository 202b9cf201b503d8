#include "relprop/error.h"

#include <utility>

#include "relprop/text.h"

namespace relprop {

// A macro, so that no name can be another than its code's.
#define RELPROP_CODE(name) \
  case ErrorCode::name:    \
    return #name

const char* errorCodeName(ErrorCode code) {
  switch (code) {
    RELPROP_CODE(InvalidArgument);
    RELPROP_CODE(FileNotFound);
    RELPROP_CODE(FileUnreadable);
    RELPROP_CODE(FileWriteFailed);
    RELPROP_CODE(MalformedModel);
    RELPROP_CODE(UnsupportedModel);
    RELPROP_CODE(ShapeMismatch);
    RELPROP_CODE(NonFiniteWeights);
    RELPROP_CODE(NonFiniteInput);
    RELPROP_CODE(MalformedImage);
    RELPROP_CODE(UnsupportedImage);
    RELPROP_CODE(MalformedTensor);
    RELPROP_CODE(MalformedPreprocess);
    RELPROP_CODE(UnknownMethod);
    RELPROP_CODE(InvalidMethodParameter);
    RELPROP_CODE(InvalidRule);
    RELPROP_CODE(UnknownTarget);
    RELPROP_CODE(UnknownNode);
    RELPROP_CODE(NotSupportedByMethod);
    RELPROP_CODE(NotSupportedByHardware);
    RELPROP_CODE(NumericFailure);
    RELPROP_CODE(OutOfMemory);
    RELPROP_CODE(UnknownMetric);
    RELPROP_CODE(InvalidMetricParameter);
    RELPROP_CODE(MalformedDataset);
    RELPROP_CODE(StoreUnusable);
    RELPROP_CODE(NotConserved);
    RELPROP_CODE(Cancelled);
    RELPROP_CODE(Internal);
  }
  return "";
}

#undef RELPROP_CODE

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
  message_ = visibleText(message_);  // as what() has it, a text ends at its first NUL
}

}  // namespace relprop

#include "relprop/error.h"

#include <algorithm>
#include <array>
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

namespace {

// A line that people read. Names, shapes and lists come out of files, which may hold megabytes of them.
constexpr std::size_t kLongestLine = 2000, kLongestParts = 1900;

bool continues(char byte) {
  return (byte & 0xC0) == 0x80;
}

// Cut between characters, with how long it was. The end stays, which of a path is the name of the file.
std::string shortened(std::string text, std::size_t longest) {
  if (text.size() <= longest) return text;
  const std::string mark = "… (" + std::to_string(text.size()) + " bytes) …";
  constexpr std::size_t kLongestCharacter = 4, kEnd = 120;
  const std::size_t kept = std::min(kEnd, longest / 4);
  std::size_t end = longest - mark.size() - kept, rest = text.size() - kept;
  for (std::size_t i = 1; i < kLongestCharacter && continues(text[end]); ++i) --end;
  for (std::size_t i = 1; i < kLongestCharacter && continues(text[rest]); ++i) ++rest;
  return text.substr(0, end) + mark + text.substr(rest);
}

// The length beyond which parts are cut, so that all of them fit; those below it stay as they are.
std::size_t longestPart(std::array<std::size_t, 4> sizes) {
  std::sort(sizes.begin(), sizes.end());
  std::size_t left = kLongestParts;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::size_t share = left / (sizes.size() - i);
    if (sizes[i] > share) return share;
    left -= sizes[i];
  }
  return kLongestParts;
}

}  // namespace

Error::Error(ErrorCode code, std::string where, std::string got, std::string expected, std::string hint)
    : code_(code),
      where_(std::move(where)),
      got_(std::move(got)),
      expected_(std::move(expected)),
      hint_(std::move(hint)) {
  const std::size_t longest = longestPart({where_.size(), got_.size(), expected_.size(), hint_.size()});
  for (std::string* part : {&where_, &got_, &expected_, &hint_}) *part = shortened(std::move(*part), longest);
  message_ = where_;
  if (!got_.empty()) message_ += (message_.empty() ? "" : ": ") + got_;
  if (!expected_.empty()) message_ += " (expected " + expected_ + ")";
  if (!hint_.empty()) message_ += "; " + hint_;
  message_ = shortened(visibleText(message_), kLongestLine);  // as what() has it, a text ends at its first NUL
}

}  // namespace relprop

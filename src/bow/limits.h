// The ranges of what a bag is made of, for files as for options.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "bow/settings.h"
#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop::bow {

inline constexpr std::int64_t kMaxWords = 65536, kMaxDimensions = std::int64_t{1} << 22, kMaxClasses = 65536;
inline constexpr std::int64_t kMaxArrayBytes = std::int64_t{1} << 30;  // of each array of a bag
inline constexpr double kMaxValue = 1e12;  // of every number in an array, so that no score overflows

// How the checks fail: with `code`, at `where` and the setting's name ("" for options, which are their own place).
struct Place {
  ErrorCode code = ErrorCode::InvalidArgument;
  std::string where = {};
};
[[noreturn]] void rejectSetting(const Place& place, const std::string& key, const std::string& got,
                                const std::string& expected);
void requireWithin(const Place& place, const std::string& key, std::int64_t value, std::int64_t low, std::int64_t high);

void checkFeatures(const FeatureSettings& settings, const Place& place);
void checkMapping(const MappingSettings& settings, std::int64_t words, const Place& place);
void checkPooling(const PoolingSettings& settings, std::int64_t words, const Place& place);
// gammaOpen: γ = 0 stands for one that training chooses. Kernels that have no γ may have any.
void checkKernels(const std::vector<KernelTerm>& kernels, bool gammaOpen, const Place& place);
// Height and width that a preprocessing makes of every picture; 0 where they depend on the picture.
std::array<std::int64_t, 2> fixedSize(const Preprocess& preprocess);
// Pixels stay 0 to 255, red first: what features are taken from. Pictures are not resized to more pixels than a file of
// any size may have, and not to more than a quarter of that to look for regions. Where the size of all pictures is
// fixed, so is the number of their features, which is bounded.
void checkPicturePreprocess(const Preprocess& preprocess, const FeatureSettings& features, const Place& place);
// Pixels and features of one picture are bounded before there is memory for them.
void checkPictureSize(std::int64_t height, std::int64_t width, const FeatureSettings& features, const Place& place);

}  // namespace relprop::bow

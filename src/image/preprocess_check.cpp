#include "image/preprocess_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "relprop/error.h"

namespace relprop {

namespace {

constexpr int kMaxSide = 16384;

void checkSide(const Preprocess& p, const char* key, int side) {
  if (side < 1 || side > kMaxSide)
    rejectPreprocess(p.name, key, std::to_string(side), fmt::format("a whole number from 1 to {}", kMaxSide));
}

void checkResize(const Preprocess& p) {
  if (p.resize == Preprocess::Resize::None) return;
  const bool two = p.sides != std::array{0, 0};
  if (two && p.resize == Preprocess::Resize::ShorterSide)
    rejectPreprocess(p.name, "resize.size", fmt::format("[{}, {}]", p.sides[0], p.sides[1]),
                     "one number for shorter-side");
  for (int side : two ? p.sides : std::array{p.size, p.size}) checkSide(p, "resize.size", side);
  if (p.resize == Preprocess::Resize::CentralFraction && !(p.fraction > 0.0 && p.fraction <= 1.0))
    rejectPreprocess(p.name, "resize.fraction", fmt::format("{}", p.fraction), "a number above 0 and at most 1");
}

void checkNumbers(const Preprocess& p, const char* key, const std::vector<double>& values, bool divisor) {
  if (values.empty()) rejectPreprocess(p.name, key, "no numbers", "1 number, or one a channel");
  for (double value : values)
    if (!std::isfinite(value) || (divisor && value == 0.0))
      rejectPreprocess(p.name, key, fmt::format("[{}]", fmt::join(values, ", ")),
                       divisor ? "finite numbers other than 0" : "finite numbers");
}

}  // namespace

void rejectPreprocess(const std::string& where, const std::string& key, const std::string& got,
                      const std::string& expected) {
  throw Error(ErrorCode::MalformedPreprocess, where.empty() ? "preprocess" : where,
              fmt::format("\"{}\" is {}", key, got), expected);
}

void checkPreprocess(const Preprocess& preprocess) {
  checkResize(preprocess);
  if (preprocess.crop != std::array{0, 0})
    for (int side : preprocess.crop) checkSide(preprocess, "crop", side);
  if (!std::isfinite(preprocess.scale) || preprocess.scale == 0.0)
    rejectPreprocess(preprocess.name, "scale", fmt::format("{}", preprocess.scale), "a finite number other than 0");
  checkNumbers(preprocess, "mean", preprocess.mean, false);
  checkNumbers(preprocess, "std", preprocess.std, true);
}

}  // namespace relprop

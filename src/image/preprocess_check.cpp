#include "image/preprocess_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "relprop/error.h"

namespace relprop {

namespace {

constexpr const char* kApart = "numbers that keep black and white apart, within float32";

void checkSide(const Preprocess& p, const char* key, int side) {
  if (side < 1 || side > kMaxPreprocessSide)
    rejectPreprocess(p.name, key, std::to_string(side), fmt::format("a whole number from 1 to {}", kMaxPreprocessSide));
}

void checkResize(const Preprocess& p) {
  if (p.resize == Preprocess::Resize::None) return;
  if (p.resize < Preprocess::Resize::None || p.resize > Preprocess::Resize::CentralFraction)
    rejectPreprocess(p.name, "resize.mode", fmt::format("number {}", static_cast<int>(p.resize)),
                     "one of Preprocess::Resize");
  const bool two = p.sides != std::array{0, 0};
  if (two && p.resize == Preprocess::Resize::ShorterSide)
    rejectPreprocess(p.name, "resize.size", fmt::format("[{}, {}]", p.sides[0], p.sides[1]),
                     "one number for shorter-side");
  for (int side : two ? p.sides : std::array{p.size, p.size}) checkSide(p, "resize.size", side);
  if (p.resize == Preprocess::Resize::CentralFraction && !(p.fraction > 0.0 && p.fraction <= 1.0))
    rejectPreprocess(p.name, "resize.fraction", fmt::format("{}", p.fraction), "a number above 0 and at most 1");
}

// Empty where the numbers of a list serve by themselves.
std::string wantedOf(const std::vector<double>& values, bool divisor) {
  if (values.empty()) return "1 number, or one a channel";
  const bool fine =
      std::all_of(values.begin(), values.end(), [&](double v) { return std::isfinite(v) && !(divisor && v == 0.0); });
  return fine ? "" : divisor ? "finite numbers other than 0" : "finite numbers";
}

// The network's input is of float32. Beyond it a double is cast to anything, and too little of it is nothing.
bool areTwoFloats(double black, double white) {
  constexpr double most = std::numeric_limits<float>::max();
  return std::abs(black) <= most && std::abs(white) <= most && static_cast<float>(black) != static_cast<float>(white);
}

std::optional<BadNumbers> badRange(const Preprocess& p) {
  const auto ofChannel = [](const std::vector<double>& values, std::size_t channel) {
    return values[std::min(channel, values.size() - 1)];
  };
  for (std::size_t channel = 0; channel < std::max(p.mean.size(), p.std.size()); ++channel) {
    const double mean = ofChannel(p.mean, channel), divisor = ofChannel(p.std, channel);
    const double black = -mean, white = 255 * p.scale - mean;
    if (!areTwoFloats(black, white)) return BadNumbers{"mean", kApart};
    if (!areTwoFloats(black / divisor, white / divisor)) return BadNumbers{"std", kApart};
  }
  return std::nullopt;
}

std::string textOf(const Preprocess& p, const std::string& key) {
  if (key == "scale") return fmt::format("{}", p.scale);
  const std::vector<double>& values = key == "mean" ? p.mean : p.std;
  return values.empty() ? "no numbers" : fmt::format("[{}]", fmt::join(values, ", "));
}

}  // namespace

void rejectPreprocess(const std::string& where, const std::string& key, const std::string& got,
                      const std::string& expected) {
  throw Error(ErrorCode::MalformedPreprocess, where.empty() ? "preprocess" : where,
              fmt::format("\"{}\" is {}", key, got), expected);
}

std::optional<BadNumbers> badNumbers(const Preprocess& preprocess) {
  const double scale = preprocess.scale;
  if (!std::isfinite(scale) || scale == 0.0) return BadNumbers{"scale", "a finite number other than 0"};
  if (!areTwoFloats(0, 255 * scale)) return BadNumbers{"scale", kApart};
  if (std::string wanted = wantedOf(preprocess.mean, false); !wanted.empty()) return BadNumbers{"mean", wanted};
  if (std::string wanted = wantedOf(preprocess.std, true); !wanted.empty()) return BadNumbers{"std", wanted};
  return badRange(preprocess);
}

void checkPreprocess(const Preprocess& preprocess) {
  checkResize(preprocess);
  if (preprocess.crop != std::array{0, 0})
    for (int side : preprocess.crop) checkSide(preprocess, "crop", side);
  if (const std::optional<BadNumbers> bad = badNumbers(preprocess))
    rejectPreprocess(preprocess.name, bad->key, textOf(preprocess, bad->key), bad->expected);
}

}  // namespace relprop

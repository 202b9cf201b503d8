#include "passes/whole_numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>

#include "graph/edit.h"
#include "relprop/error.h"

namespace relprop {

namespace {

// Unsigned numbers wrap around where signed ones have no result.
std::uint64_t bitsOf(std::int64_t v) {
  return static_cast<std::uint64_t>(v);
}
std::int64_t fromBits(std::uint64_t v) {
  return static_cast<std::int64_t>(v);
}

std::int64_t wholeDifference(std::int64_t a, std::int64_t b) {
  return fromBits(bitsOf(a) - bitsOf(b));
}

void requireDivisor(const Node& node, std::int64_t divisor) {
  if (divisor == 0) throw Error(ErrorCode::MalformedModel, describe(node), "a division of integers by 0");
}

std::int64_t wholeQuotient(const Node& node, std::int64_t a, std::int64_t b) {
  requireDivisor(node, b);
  return b == -1 ? wholeDifference(0, a) : a / b;
}

// With the sign of the divisor, or with fmod that of what is divided.
std::int64_t wholeRemainder(const Node& node, std::int64_t a, std::int64_t b) {
  requireDivisor(node, b);
  const std::int64_t rest = b == -1 ? 0 : a % b;
  const bool otherSign = rest != 0 && (rest < 0) != (b < 0);
  return otherSign && node.intAttr("fmod", 0) == 0 ? rest + b : rest;
}

// Below 1 all that is left of a negative power is that of 1 and −1.
std::int64_t wholePower(const Node& node, std::int64_t a, std::int64_t b) {
  if (b < 0) {
    requireDivisor(node, a);
    return a == 1 || a == -1 ? (b % 2 == 0 ? 1 : a) : 0;
  }
  std::int64_t result = 1;
  for (; b > 0; b /= 2, a = wholeProduct(a, a))
    if (b % 2 == 1) result = wholeProduct(result, a);
  return result;
}

template <class F>
constexpr WholeFormula plain(F) {
  return [](const Node&, std::int64_t a, std::int64_t b) { return static_cast<std::int64_t>(F{}(a, b)); };
}

std::string nameOf(IntegerKind kind) {
  return fmt::format("{}int{}", kind.isSigned ? "" : "u", kind.bits);
}

}  // namespace

std::int64_t wholeSum(std::int64_t a, std::int64_t b) {
  return fromBits(bitsOf(a) + bitsOf(b));
}

std::int64_t wholeProduct(std::int64_t a, std::int64_t b) {
  return fromBits(bitsOf(a) * bitsOf(b));
}

WholeFormula wholeFormulaOf(Op op) {
  static const std::map<Op, WholeFormula> formulas = {
      {Op::Add, plain([](auto a, auto b) { return wholeSum(a, b); })},
      {Op::Sub, plain([](auto a, auto b) { return wholeDifference(a, b); })},
      {Op::Mul, plain([](auto a, auto b) { return wholeProduct(a, b); })},
      {Op::Div, wholeQuotient},
      {Op::Mod, wholeRemainder},
      {Op::Pow, wholePower},
      {Op::Max, plain([](auto a, auto b) { return std::max(a, b); })},
      {Op::Min, plain([](auto a, auto b) { return std::min(a, b); })},
      {Op::Neg, plain([](auto a, auto) { return wholeDifference(0, a); })},
      {Op::Abs, plain([](auto a, auto) { return a < 0 ? wholeDifference(0, a) : a; })},
      {Op::Sign, plain([](auto a, auto) { return (a > 0) - (a < 0); })},
      {Op::Equal, plain([](auto a, auto b) { return a == b; })},
      {Op::Greater, plain([](auto a, auto b) { return a > b; })},
      {Op::Less, plain([](auto a, auto b) { return a < b; })},
      {Op::GreaterOrEqual, plain([](auto a, auto b) { return a >= b; })},
      {Op::LessOrEqual, plain([](auto a, auto b) { return a <= b; })},
      {Op::And, plain([](auto a, auto b) { return a != 0 && b != 0; })},
      {Op::Or, plain([](auto a, auto b) { return a != 0 || b != 0; })},
      {Op::Xor, plain([](auto a, auto b) { return (a != 0) != (b != 0); })},
      {Op::Not, plain([](auto a, auto) { return a == 0; })},
  };
  const auto found = formulas.find(op);
  return found == formulas.end() ? nullptr : found->second;
}

void wrapAround(const Node& node, IntegerKind kind, Constant& result) {
  if (result.dtype != DType::Int64 || !result.ints || kind == IntegerKind{}) return;
  const auto wrapped = [&](std::int64_t v) {
    const int spare = 64 - kind.bits;
    const std::uint64_t up = bitsOf(v) << spare;
    return kind.isSigned ? fromBits(up) >> spare : fromBits(up >> spare);
  };
  std::vector<std::int64_t> values = *result.ints;
  std::transform(values.begin(), values.end(), values.begin(), wrapped);
  const auto beyond = std::find_if(values.begin(), values.end(), [](std::int64_t v) { return v < 0; });
  if (!kind.isSigned && beyond != values.end())
    throw Error(ErrorCode::UnsupportedModel, describe(node), fmt::format("{} as {}", bitsOf(*beyond), nameOf(kind)),
                "integers below 2^63");
  if (values != *result.ints) result.ints = std::make_shared<const std::vector<std::int64_t>>(std::move(values));
}

std::int64_t truncatedTo(const Node& node, IntegerKind kind, float value) {
  const int digits = std::min(63, kind.isSigned ? kind.bits - 1 : kind.bits);
  const double whole = std::trunc(static_cast<double>(value)), end = std::ldexp(1.0, digits);
  if (whole >= (kind.isSigned ? -end : 0.0) && whole < end) return static_cast<std::int64_t>(whole);
  throw Error(ErrorCode::UnsupportedModel, describe(node), fmt::format("{} as {}", value, nameOf(kind)),
              fmt::format("{} to 2^{} − 1", kind.isSigned ? fmt::format("−2^{}", digits) : "0", digits));
}

namespace {

// Ties go to the even neighbour, here as below. Halves below 2⁻¹⁴ lie as far apart as those just above it.
float nearestHalf(float value) {
  if (!std::isfinite(value)) return value;
  constexpr int kSmallest = -14, kDigits = 10;
  const float unit = std::ldexp(1.0f, std::max(std::ilogb(value), kSmallest) - kDigits);
  const float rounded = std::nearbyint(value / unit) * unit;
  return std::abs(rounded) > 65504 ? std::copysign(std::numeric_limits<float>::infinity(), value) : rounded;
}

// The upper half of a float's bits.
float nearestBfloat(float value) {
  if (std::isnan(value)) return value;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return std::bit_cast<float>((bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u);
}

constexpr std::int64_t kHalf = 10, kBfloat16 = 16;

}  // namespace

bool isShortFloat(std::int64_t floats) {
  return floats == kHalf || floats == kBfloat16;
}

float roundedTo(std::int64_t floats, float value) {
  return floats == kHalf ? nearestHalf(value) : floats == kBfloat16 ? nearestBfloat(value) : value;
}

}  // namespace relprop

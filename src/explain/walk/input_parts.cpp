#include "explain/walk/input_parts.h"

#include "relprop/error.h"

namespace relprop {
namespace {

const char* nameOf(InputPart part) {
  static const char* const names[] = {"x", "pos", "neg", "one", "above low", "below high"};
  return names[static_cast<std::size_t>(part)];
}

}  // namespace

BufferView InputParts::view(InputPart part) {
  auto& memo = walk_.parts();
  const std::string name = nameOf(part);
  const auto key = std::make_pair(input(), name + (imageBounds_ ? "/image" : "") + (dense_ ? "/dense" : ""));
  if (const auto found = memo.find(key); found != memo.end()) return found->second;
  const Expr e = expr(part);
  const std::string step = node_.name + " " + name;
  return memo[key] = dense_ ? walk_.forward().materialise(e, step) : walk_.forward().materialiseOperand(e, step);
}

Expr InputParts::expr(InputPart part) {
  const Expr x = load(dense_ ? walk_.forward().buffer(input()) : walk_.forward().operand(input()));
  switch (part) {
    case InputPart::X:
      break;
    case InputPart::Pos:
      return positive(x);
    case InputPart::Neg:
      return negative(x);
    case InputPart::One:
      return x * 0.0f + 1.0f;
    case InputPart::AboveLow:
      return x - bound(x, Reduction::Min);
    case InputPart::BelowHigh:
      return x - bound(x, Reduction::Max);
  }
  return x;
}

Expr InputParts::bound(const Expr& x, Reduction kind) {
  if (imageBounds_) {
    const ScalarId extreme = walk_.plan().addScalar();
    walk_.plan().addProgram(node_.name + " bounds", {{}, {{x, kind, extreme}}});
    return rowScalar(extreme);
  }
  if (!walk_.options().bounds)
    throw Error(ErrorCode::NotSupportedByMethod, node_.name, "no pixel range",
                "lowest and highest value of each channel for bounds=range",
                "give the preprocessing (--preprocess), or use bounds=image");
  const InputRanges::Range range = walk_.rangeOf(input());
  return walk_.forward().constantOperand(kind == Reduction::Min ? range.low : range.high,
                                         walk_.forward().graph().value(input()).shape);
}

}  // namespace relprop

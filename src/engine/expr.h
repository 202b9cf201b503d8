// Lazy elementwise expressions over buffers. Activations have a row for each image, relevance one for each of its
// targets, side by side; a formula of both has the rows of relevance. The walk writes formulas; what lies between two
// heavy kernels is compiled to one program and runs as one pass over memory.
#pragma once

#include <memory>
#include <vector>

#include "kernels/program.h"

namespace relprop {

using BufferId = int;
using ScalarId = int;  // one double a row of what it sums

// A tensor inside a buffer. Rows may lie further apart than their own size (a channel slice of a stacked buffer).
struct BufferView {
  BufferId buffer = -1;
  TensorDesc desc;
  std::int64_t offset = 0;     // elements
  std::int64_t rowStride = 0;  // floats; 0: contiguous rows

  std::int64_t stride() const { return rowStride ? rowStride : desc.rowFloats(); }
  BufferView reshaped(const TensorDesc& to) const { return {buffer, to, offset, rowStride}; }
  bool operator==(const BufferView&) const = default;
};

struct ExprNode;
using Expr = std::shared_ptr<const ExprNode>;

struct ExprNode {
  Elt op;
  Expr a, b;
  float imm = 0;
  BufferView view;                                     // Load
  ScalarId scalar = -1;                                // LoadScalar
  std::shared_ptr<const std::vector<float>> constant;  // LoadChannel, LoadImage
  TensorDesc desc;                                     // empty shape: fits any (constants, scalars)
  int depth = 0, size = 0;                             // formulas within one another; of all, as often as they are read
};

// Longer than what lies between two heavy kernels of any network that people use. Whoever asks for values on the way
// of a formula that grows and grows computes its beginning as often: such a one is better stored and read.
bool isLong(const Expr& formula);

Expr load(const BufferView& view);
Expr channelConstant(const std::vector<float>& perChannel, const TensorDesc& desc);  // C values
// As it is given, and in the layout of what it meets.
inline constexpr std::int64_t kBytesOfImageElement = 2 * sizeof(float);
Expr imageConstant(std::vector<float> image, const TensorDesc& desc);  // C×spatial values, row-major
Expr rowScalar(ScalarId id);
Expr shiftNonZero(const Expr& a, ScalarId by);  // a − by where a ≠ 0
Expr number(float value);

Expr operator+(const Expr& a, const Expr& b);
Expr operator-(const Expr& a, const Expr& b);
Expr operator*(const Expr& a, const Expr& b);
Expr operator*(const Expr& a, float k);
Expr operator+(const Expr& a, float k);
Expr divide(const Expr& a, const Expr& b);
Expr magnitudeShare(const Expr& a, const Expr& b);  // |a|/(|a| + |b|), 1/2 where both are 0
Expr safeDivide(const Expr& a, const Expr& b);      // 0 where b = 0 or too small
Expr stabilise(const Expr& z, float epsilon);       // z + ε·sign(z), sign(0) = +1
Expr unary(Elt op, const Expr& a, float imm = 0);
Expr binary(Elt op, const Expr& a, const Expr& b);
inline Expr positive(const Expr& a) {
  return unary(Elt::Max0, a);
}
inline Expr negative(const Expr& a) {
  return unary(Elt::Min0, a);
}
inline Expr absolute(const Expr& a) {
  return unary(Elt::Abs, a);
}
inline Expr isPositive(const Expr& a) {
  return unary(Elt::IsPositive, a);
}
inline Expr nonZero(const Expr& a) {
  return unary(Elt::NonZero, a);
}

// What the formulas of elementwise ops (graph/elementwise.h) are made of besides.
inline Expr divide(float a, const Expr& b) {
  return divide(number(a), b);
}
inline Expr clamp(const Expr& a, float low, float high) {
  return unary(Elt::MinImm, unary(Elt::MaxImm, a, low), high);
}
inline Expr exp(const Expr& a) {
  return unary(Elt::Exp, a);
}
inline Expr expm1(const Expr& a) {
  return exp(a) + -1.0f;
}
inline Expr log1p(const Expr& a) {
  return unary(Elt::Log1p, a);
}
inline Expr log(const Expr& a) {
  return unary(Elt::Log, a);
}
inline Expr sin(const Expr& a) {
  return unary(Elt::Sin, a);
}
inline Expr cos(const Expr& a) {
  return unary(Elt::Cos, a);
}
inline Expr floor(const Expr& a) {
  return unary(Elt::Floor, a);
}
inline Expr ceil(const Expr& a) {
  return unary(Elt::Ceil, a);
}
inline Expr roundToEven(const Expr& a) {
  return unary(Elt::Round, a);
}
inline Expr power(const Expr& a, const Expr& b) {
  return binary(Elt::Pow, a, b);
}
inline Expr maximum(const Expr& a, const Expr& b) {
  return binary(Elt::Max, a, b);
}
inline Expr minimum(const Expr& a, const Expr& b) {
  return binary(Elt::Min, a, b);
}
inline Expr isGreater(const Expr& a, const Expr& b) {
  return binary(Elt::Greater, a, b);
}
inline Expr isEqual(const Expr& a, const Expr& b) {
  return binary(Elt::Equal, a, b);
}
inline Expr keptWhere(const Expr& a, const Expr& condition) {
  return binary(Elt::Keep, a, condition);
}
inline Expr sqrt(const Expr& a) {
  return unary(Elt::Sqrt, a);
}
inline Expr sigmoid(const Expr& a) {
  return unary(Elt::Sigmoid, a);
}
inline Expr tanh(const Expr& a) {
  return unary(Elt::Tanh, a);
}
inline Expr erf(const Expr& a) {
  return unary(Elt::Erf, a);
}

// A formula that is a bare buffer.
inline bool isLoad(const Expr& e) {
  return e->op == Elt::Load;
}

}  // namespace relprop

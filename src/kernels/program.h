// Fused elementwise programs: the arithmetic between two convolutions as one pass over memory. A program is
// straight-line code over registers; every register holds one value for each element of a tensor of shape `desc`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/layout.h"

namespace relprop {

enum class Elt : std::uint8_t {
  Load,         // element of input `slot`
  LoadChannel,  // channel constant `slot`
  LoadImage,    // constant of one image's size, the same for every row; `slot`
  LoadNarrow,   // element of input `slot`, which is of bfloat16
  LoadScalar,   // one number a row; `slot`
  Immediate,    // imm
  Add,
  Sub,
  Mul,
  SafeDiv,  // a/b, 0 where b = 0 or too small (safe_division.h)
  Share,    // |a|/(|a| + |b|), 1/2 where both are 0
  Div,      // a/b
  Stab,     // a + imm·sign(a), sign(0) = +1
  Max0,
  Min0,
  Abs,
  NonZero,     // 1 where a ≠ 0, else 0
  Shift,       // a − scalar `slot` where a ≠ 0, else 0; the difference in double, rounded so that the sum stays
  IsPositive,  // 1 where a > 0, else 0
  AddImm,
  MulImm,
  MaxImm,
  MinImm,
  Exp,
  Sigmoid,
  Tanh,
  Erf,
  Log1p,  // log(1 + a)
  Sqrt,
  Log,
  Sin,
  Cos,
  Floor,
  Ceil,
  Round,  // to the nearest, halves to even
  Pow,
  Max,
  Min,
  Greater,  // 1 where a > b, else 0
  Equal,    // 1 where a = b, else 0
  Keep      // a where b ≠ 0, else 0
};

struct Instruction {
  Elt op;
  int dst = 0, a = -1, b = -1;  // registers
  int slot = -1;
  float imm = 0;
};

enum class Reduction { Sum, Min, Max };

struct Program {
  struct Store {
    int reg, slot;
  };
  struct Reduce {
    Reduction kind;
    int reg, slot;
  };
  TensorDesc desc;
  int registers = 0;
  std::vector<Instruction> code;
  std::vector<Store> stores;
  std::vector<Reduce> reductions;
  std::vector<std::shared_ptr<const std::vector<float>>> channelConstants;  // ⌈C/block⌉·block values
  std::vector<std::shared_ptr<const std::vector<float>>> imageConstants;    // rowFloats values
};

// A tensor a program reads or writes; rows may lie further apart than one row's size (a slice of a larger buffer).
// group: so many rows of the program in turn read the same row (the targets of an image share its activations).
// element: what lies there; rowStride counts elements.
struct ProgramInput {
  const std::byte* data;
  std::int64_t rowStride;
  std::int64_t group = 1;
  Element element = Element::Float32;
};
struct ProgramOutput {
  std::byte* data;
  std::int64_t rowStride;
  Element element = Element::Float32;
};
// The place of an element, whatever its type.
inline const std::byte* placeOf(const ProgramInput& in, std::int64_t row, std::int64_t offset) {
  return in.data + (row / in.group * in.rowStride + offset) * bytesOf(in.element);
}
inline std::byte* placeOf(const ProgramOutput& out, std::int64_t row, std::int64_t offset) {
  return out.data + (row * out.rowStride + offset) * bytesOf(out.element);
}
struct ProgramScalar {
  const double* data;  // rows/group long
  std::int64_t group = 1;
};
struct ProgramArgs {
  std::vector<ProgramInput> inputs;
  std::vector<ProgramOutput> outputs;
  std::vector<ProgramScalar> scalars;
  std::vector<double*> reductions;  // each rows long
};

// "r2 = mul r0 r1" a line, for inspection and tests.
std::string toString(const Program& program);

}  // namespace relprop

// The slow twin of the tiled interpreter: one element at a time, by logical index.
#include "kernels/ref/program.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/buffers.h"
#include "kernels/safe_division.h"

namespace relprop::ref {
namespace {

struct At {
  std::int64_t row, channel, offset;  // offset within the row
};

double scalar(const ProgramArgs& args, std::size_t slot, std::int64_t row) {
  return args.scalars[slot].data[row / args.scalars[slot].group];
}

float load(const Program& p, const ProgramArgs& args, const Instruction& i, const At& e) {
  const auto slot = static_cast<std::size_t>(i.slot);
  switch (i.op) {
    case Elt::Load:
      return readElement(placeOf(args.inputs[slot], e.row, e.offset), 0, Element::Float32);
    case Elt::LoadNarrow:
      return readElement(placeOf(args.inputs[slot], e.row, e.offset), 0, Element::Bfloat16);
    case Elt::LoadChannel:
      return (*p.channelConstants[slot])[static_cast<std::size_t>(e.channel)];
    case Elt::LoadImage:
      return (*p.imageConstants[slot])[static_cast<std::size_t>(e.offset)];
    default:
      return static_cast<float>(scalar(args, slot, e.row));
  }
}

float safeQuotient(float a, float b) {
  const float q = b == 0 ? 0 : a / b;
  return std::abs(b) < kSmallDenominator && std::abs(q) > kLargestQuotient ? 0 : q;
}

float ofTwo(const Instruction& i, float a, float b) {
  switch (i.op) {
    case Elt::Add:
      return a + b;
    case Elt::Sub:
      return a - b;
    case Elt::Mul:
      return a * b;
    case Elt::SafeDiv:
      return safeQuotient(a, b);
    case Elt::Div:
      return a / b;
    case Elt::Share:
      return a == 0 && b == 0 ? 0.5f : std::abs(a) / (std::abs(a) + std::abs(b));
    case Elt::Pow:
      return std::pow(a, b);
    case Elt::Max:
      return std::max(a, b);
    case Elt::Min:
      return std::min(a, b);
    case Elt::Greater:
      return a > b ? 1.0f : 0.0f;
    case Elt::Equal:
      return a == b ? 1.0f : 0.0f;
    default:
      return b != 0 ? a : 0.0f;
  }
}

float ofOne(const Instruction& i, float a) {
  switch (i.op) {
    case Elt::Immediate:
      return i.imm;
    case Elt::Stab:
      return a + (a < 0 ? -i.imm : i.imm);
    case Elt::Max0:
      return std::max(a, 0.0f);
    case Elt::Min0:
      return std::min(a, 0.0f);
    case Elt::Abs:
      return std::abs(a);
    case Elt::NonZero:
      return a != 0 ? 1.0f : 0.0f;
    case Elt::IsPositive:
      return a > 0 ? 1.0f : 0.0f;
    case Elt::AddImm:
      return a + i.imm;
    case Elt::MulImm:
      return a * i.imm;
    case Elt::MaxImm:
      return std::max(a, i.imm);
    case Elt::MinImm:
      return std::min(a, i.imm);
    case Elt::Exp:
      return std::exp(a);
    case Elt::Sigmoid:
      return 1.0f / (1.0f + std::exp(-a));
    case Elt::Erf:
      return std::erf(a);
    case Elt::Log1p:
      return std::log1p(a);
    case Elt::Sqrt:
      return std::sqrt(a);
    case Elt::Log:
      return std::log(a);
    case Elt::Sin:
      return std::sin(a);
    case Elt::Cos:
      return std::cos(a);
    case Elt::Floor:
      return std::floor(a);
    case Elt::Ceil:
      return std::ceil(a);
    case Elt::Round:
      return std::nearbyint(a);
    default:
      return std::tanh(a);
  }
}

float compute(const Instruction& i, float a, float b) {
  return i.b >= 0 ? ofTwo(i, a, b) : ofOne(i, a);
}

bool isLoad(Elt op) {
  return op <= Elt::LoadScalar;
}

float shift(const ProgramArgs& args, const Instruction& i, std::int64_t row, float a) {
  return a == 0 ? 0 : static_cast<float>(a - scalar(args, static_cast<std::size_t>(i.slot), row));
}

void runElement(const Program& p, const ProgramArgs& args, const At& e, std::vector<float>& reg) {
  const auto at = [&](int r) { return r < 0 ? 0.0f : reg[static_cast<std::size_t>(r)]; };
  for (const Instruction& i : p.code)
    reg[static_cast<std::size_t>(i.dst)] = isLoad(i.op)         ? load(p, args, i, e)
                                           : i.op == Elt::Shift ? shift(args, i, e.row, at(i.a))
                                                                : compute(i, at(i.a), at(i.b));
}

void reduce(Reduction kind, double& into, double value) {
  if (kind == Reduction::Sum)
    into += value;
  else
    into = kind == Reduction::Min ? std::min(into, value) : std::max(into, value);
}

double startOf(Reduction kind) {
  if (kind == Reduction::Sum) return 0;
  const double inf = std::numeric_limits<double>::infinity();
  return kind == Reduction::Min ? inf : -inf;
}

void store(const ProgramOutput& out, const At& at, float value) {
  writeElement(placeOf(out, at.row, at.offset), 0, out.element, value);
}

void zeroPadding(const Program& p, const ProgramArgs& args) {
  if (!p.desc.padded()) return;
  for (const Program::Store& s : p.stores)
    for (std::int64_t row = 0; row < p.desc.rows(); ++row) {
      const ProgramOutput& out = args.outputs[static_cast<std::size_t>(s.slot)];
      for (std::int64_t i = 0; i < p.desc.rowFloats(); ++i) store(out, {row, 0, i}, 0.0f);
    }
}

}  // namespace

void runProgram(const Program& p, const ProgramArgs& args) {
  std::vector<float> reg(static_cast<std::size_t>(p.registers));
  const TensorDesc one{[&] {
                         Shape s = p.desc.shape;
                         if (!s.empty()) s[0] = 1;
                         return s;
                       }(),
                       p.desc.block};
  zeroPadding(p, args);
  for (std::int64_t row = 0; row < p.desc.rows(); ++row) {
    for (const Program::Reduce& r : p.reductions)
      args.reductions[static_cast<std::size_t>(r.slot)][row] = startOf(r.kind);
    for (std::int64_t c = 0; c < p.desc.channels(); ++c)
      for (std::int64_t i = 0; i < p.desc.spatial(); ++i) {
        const At e{row, c, physicalIndex(one, 0, c, i)};
        runElement(p, args, e, reg);
        for (const Program::Store& s : p.stores) {
          store(args.outputs[static_cast<std::size_t>(s.slot)], e, reg[static_cast<std::size_t>(s.reg)]);
        }
        for (const Program::Reduce& r : p.reductions)
          reduce(r.kind, args.reductions[static_cast<std::size_t>(r.slot)][row], reg[static_cast<std::size_t>(r.reg)]);
      }
  }
}

}  // namespace relprop::ref

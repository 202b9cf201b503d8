// Random elementwise programs with the data to run them on.
#pragma once

#include "unit/kernels/support.h"

namespace relprop::test {

struct ProgramCase {
  std::string name;
  TensorDesc desc;
  std::int64_t gap = 0;  // floats between rows of inputs and outputs
};
inline std::ostream& operator<<(std::ostream& out, const ProgramCase& c) {
  return out << c.name;
}

class ProgramMaker {
 public:
  ProgramMaker(const TensorDesc& desc, unsigned seed) : engine_(seed) {
    program_.desc = desc;
    for (int slot = 0; slot < 2; ++slot) push({.op = Elt::Load, .slot = slot});
    constants(program_.channelConstants, (desc.channels() + desc.block - 1) / desc.block * desc.block, true);
    constants(program_.imageConstants, desc.rowFloats(), false);
    push({.op = Elt::LoadChannel, .slot = 0});
    push({.op = Elt::LoadImage, .slot = 0});
    push({.op = Elt::LoadScalar, .slot = 0});
    push({.op = Elt::Immediate, .imm = 0.75f});
  }

  // Arithmetic over registers chosen at random; every instruction has a register of its own.
  Program random(int instructions) {
    static constexpr Elt ops[] = {Elt::Add,    Elt::Sub,    Elt::Mul,    Elt::SafeDiv, Elt::Stab,
                                  Elt::Max0,   Elt::Min0,   Elt::Abs,    Elt::NonZero, Elt::IsPositive,
                                  Elt::AddImm, Elt::MulImm, Elt::MaxImm, Elt::MinImm};
    for (int k = 0; k < instructions; ++k) {
      const Elt op = ops[pick(static_cast<int>(std::size(ops)))];
      const bool two = op <= Elt::Div;
      push({.op = op,
            .a = pick(program_.registers),
            .b = two ? pick(program_.registers) : -1,
            .imm = op == Elt::Stab ? 0.25f : imm()});
    }
    program_.stores = {{program_.registers - 1, 0}, {program_.registers - 2, 1}, {0, 2}};
    const int last = program_.registers - 1;
    program_.reductions = {{Reduction::Sum, last - 2, 0}, {Reduction::Min, last - 3, 1}, {Reduction::Max, last - 3, 2},
                           {Reduction::Sum, last, 3},     {Reduction::Max, 1, 4},        {Reduction::Min, 0, 5}};
    return program_;
  }

 private:
  void push(Instruction i) {
    i.dst = program_.registers++;
    program_.code.push_back(i);
  }
  int pick(int count) { return static_cast<int>(engine_() % static_cast<unsigned>(count)); }
  float imm() { return std::uniform_real_distribution<float>(-1, 1)(engine_); }
  template <class List>
  void constants(List& list, std::int64_t count, bool channels) {
    Floats values = randomFloats(count, static_cast<unsigned>(engine_()));
    const TensorDesc& d = program_.desc;
    if (channels) std::fill(values.begin() + d.channels(), values.end(), 0.0f);
    list.push_back(std::make_shared<const Floats>(values));
  }

  Program program_;
  std::mt19937 engine_;
};

inline constexpr float kUntouched = 12345.0f;

// Everything a program reads and writes, rows `gap` floats further apart than their size.
struct ProgramRun {
  ProgramRun(const Program& p, std::int64_t gap, unsigned seed, float low = -1.5f, float high = 1.5f)
      : stride(p.desc.rowFloats() + gap) {
    const TensorDesc& d = p.desc;
    for (unsigned k = 0; k < 2; ++k) {
      const Buffer values = laidOut(randomFloats(elementCount(d.shape), seed + k, low, high), d);
      inputs.emplace_back(d.rows() * stride, kUntouched);
      for (std::int64_t row = 0; row < d.rows(); ++row)
        std::copy_n(values.data() + row * d.rowFloats(), d.rowFloats(), inputs.back().data() + row * stride);
    }
    for (std::size_t k = 0; k < p.stores.size(); ++k) outputs.emplace_back(d.rows() * stride, kUntouched);
    reductions.assign(p.reductions.size(), std::vector<double>(sz(d.rows()), 4711));
    for (std::int64_t row = 0; row < d.rows(); ++row) scalars.push_back(0.5 - 0.3 * static_cast<double>(row));
  }

  void run(Backend& backend, const Program& p) {
    ProgramArgs args;
    for (Buffer& b : inputs) args.inputs.push_back({bytes(b.data()), stride});
    for (Buffer& b : outputs) args.outputs.push_back({bytes(b.data()), stride});
    args.scalars = {{scalars.data()}};
    for (auto& r : reductions) args.reductions.push_back(r.data());
    backend.runProgram(p, args);
  }

  std::int64_t stride;
  std::vector<Buffer> inputs, outputs;
  std::vector<double> scalars;
  std::vector<std::vector<double>> reductions;
};

}  // namespace relprop::test

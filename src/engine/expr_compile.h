// Turns formulas that are evaluated together into one straight-line program with recycled registers.
#pragma once

#include "engine/expr.h"

namespace relprop {

struct ProgramRequest {
  struct Output {
    Expr expr;
    BufferView to;
  };
  struct Reduce {
    Expr expr;
    Reduction kind;
    ScalarId to;
  };
  std::vector<Output> outputs;
  std::vector<Reduce> reductions;
  bool empty() const { return outputs.empty() && reductions.empty(); }
  // Whose elements the program runs over. Not of an empty one.
  const TensorDesc& desc() const { return outputs.empty() ? reductions[0].expr->desc : outputs[0].to.desc; }
};

struct CompiledProgram {
  Program program;
  std::vector<BufferView> inputs, outputs;
  std::vector<ScalarId> scalars, reductions;
};

CompiledProgram compileProgram(const ProgramRequest& request);

}  // namespace relprop

#include "kernels/program.h"

#include <fmt/format.h>

#include <array>

namespace relprop {
namespace {

const char* eltName(Elt op) {
  static constexpr std::array names = {"load",    "channel", "image", "narrow", "scalar", "imm",    "add",    "sub",
                                       "mul",     "safediv", "share", "div",    "stab",   "max0",   "min0",   "abs",
                                       "nonzero", "shift",   "ispos", "addimm", "mulimm", "maximm", "minimm", "exp",
                                       "sigmoid", "tanh",    "erf",   "log1p",  "sqrt"};
  return names[static_cast<std::size_t>(op)];
}

}  // namespace

std::string toString(const Program& program) {
  std::string text;
  for (const Instruction& i : program.code) {
    text += fmt::format("r{} = {}", i.dst, eltName(i.op));
    if (i.a >= 0) text += fmt::format(" r{}", i.a);
    if (i.b >= 0) text += fmt::format(" r{}", i.b);
    if (i.slot >= 0) text += fmt::format(" #{}", i.slot);
    if (i.imm != 0) text += fmt::format(" {}", i.imm);
    text += '\n';
  }
  for (const Program::Store& s : program.stores) text += fmt::format("out#{} = r{}\n", s.slot, s.reg);
  for (const Program::Reduce& r : program.reductions) text += fmt::format("reduce#{} r{}\n", r.slot, r.reg);
  return text;
}

}  // namespace relprop

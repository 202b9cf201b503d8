// Small graphs of what chooses, compares and gathers, for tests of the forward pass and of gradients: name, graph. The
// input is N×C×H×W, any extents from 2 on.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "unit/passes/build.h"

namespace relprop::test {

inline void takeBackwards(Build& b) {
  const Shape in = b.graph.value(b.x()).shape;
  const std::int64_t elements = in[1] * in[2] * in[3];
  Ints indices;
  for (std::int64_t i = 0; i < elements; ++i) indices.push_back(i % 4 == 3 ? -1 : elements - 1 - i / 2);
  const ValueId y = b.add(Op::Take, {b.x()}, {{"indices", indices}, {"value", 0.25f}});
  b.graph.value(y).shape = in;
  b.graph.value(y).hasShape = true;
}

// Three places of an axis from all of it, with weights of both signs.
inline void weigh(Build& b, std::size_t axis) {
  Shape out = b.graph.value(b.x()).shape;
  const std::int64_t extent = out[axis];
  Ints indices;
  std::vector<float> weights;
  for (std::int64_t place = 0; place < 3; ++place)
    for (std::int64_t k = 0; k < extent; ++k) {
      indices.push_back(k);
      weights.push_back(0.3f * static_cast<float>((place + k) % 5) - 0.4f);
    }
  const ValueId y = b.add(Op::Resize, {b.x()},
                          {{"axis", static_cast<std::int64_t>(axis)}, {"indices", indices}, {"weights", weights}});
  out[axis] = 3;
  b.graph.value(y).shape = out;
  b.graph.value(y).hasShape = true;
}

// x where it is greater than its mirror image in a tanh, else that.
inline ValueId chosen(Build& b, Op comparison) {
  const ValueId other = b.add(Op::Tanh, {b.add(Op::Mul, {b.x(), b.floats({}, {-3})})});
  return b.add(Op::Where, {b.add(comparison, {b.x(), other}), b.x(), other});
}

using NamedGraph = std::pair<std::string, void (*)(Build&)>;

inline std::vector<NamedGraph> choicesAndGathers() {
  return {{"MaxOfConstant",
           [](Build& b) {
             b.add(Op::Max, {b.x(), b.random({b.graph.value(b.x()).shape[1], 1, 1})});
           }},
          {"MaxOfTwo",
           [](Build& b) {
             b.add(Op::Max, {b.add(Op::Neg, {b.x()}), b.add(Op::Tanh, {b.x()})});
           }},
          {"MinOfTwo",
           [](Build& b) {
             b.add(Op::Min, {b.x(), b.add(Op::Cos, {b.x()})});
           }},
          {"WhereGreater", [](Build& b) { chosen(b, Op::Greater); }},
          {"WhereLess", [](Build& b) { chosen(b, Op::Less); }},
          {"WhereGreaterOrEqual", [](Build& b) { chosen(b, Op::GreaterOrEqual); }},
          {"WhereLessOrEqual", [](Build& b) { chosen(b, Op::LessOrEqual); }},
          {"WhereNot",
           [](Build& b) {
             const ValueId above = b.add(Op::Not, {b.add(Op::Greater, {b.x(), b.floats({}, {0.1f})})});
             b.add(Op::Where, {above, b.x(), b.floats({}, {0.5f})});
           }},
          {"Take", takeBackwards},
          {"WeighChannels", [](Build& b) { weigh(b, 1); }},
          {"WeighRows", [](Build& b) { weigh(b, 2); }},
          {"WeighColumns", [](Build& b) { weigh(b, 3); }}};
}

}  // namespace relprop::test

// Runs the forward half of a hand-made canonical graph.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "engine/forward.h"
#include "graph/shape_inference.h"
#include "unit/passes/build.h"

namespace relprop::test {

using Backends = std::vector<std::unique_ptr<Backend>>;

inline Backends bothBackends() {
  Backends all;
  all.push_back(makeReferenceBackend());
  all.push_back(makeOneDnnBackend());
  for (auto& backend : all) backend->setThreads(1);  // these graphs are too small to share
  return all;
}

// The graph's first output. `fuse`: Relus run inside the convolution before them.
inline Array forwardOf(const Graph& graph, const Array& input, Backend& backend, bool fuse = false) {
  Plan plan(backend, graph.value(graph.inputs[0]).shape.at(0));
  const Uses uses = usesOf(graph);
  const auto mayFuse = [&](int index) {
    const ValueId in = graph.nodes[static_cast<std::size_t>(index)].inputs[0];
    const int producer = uses.producer[static_cast<std::size_t>(in)];
    return fuse && graph.nodes[static_cast<std::size_t>(index)].op == Op::Relu && producer >= 0 &&
           graph.nodes[static_cast<std::size_t>(producer)].op == Op::Conv &&
           uses.consumers[static_cast<std::size_t>(in)].size() == 1;
  };
  Forward forward(graph, plan, mayFuse);
  forward.build();
  const BufferView out = forward.plain(forward.buffer(graph.outputs[0]), "out");
  plan.pin(out.buffer);
  plan.compile();
  std::copy(input.data.begin(), input.data.end(), plan.data(forward.inputView().buffer));
  plan.run(Phase::Forward);
  const float* y = plan.data(out.buffer) + out.offset;
  const Shape& shape = graph.value(graph.outputs[0]).shape;
  return {shape, {y, y + elementCount(shape)}};
}

// Values that float holds exactly, so that only arithmetic differs.
inline Array floatInput(const Shape& shape) {
  Array input = randomInput(shape);
  for (double& v : input.data) v = static_cast<float>(v);
  return input;
}

}  // namespace relprop::test

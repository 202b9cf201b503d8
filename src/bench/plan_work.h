// What a plan computes, layer by layer, found out by compiling it for a backend that only writes down.
#pragma once

#include <string>
#include <vector>

#include "kernels/linear_call.h"
#include "relprop/bench.h"

namespace relprop {

struct LayerCalls {
  std::string node;
  std::vector<LinearCall> calls = {};
  LinearCall own[2] = {};    // the layer itself forward and backward; kind and rows as the calls have them
  double times[2] = {0, 0};  // executions forward and backward, by arithmetic
};

struct PlanWork {
  std::vector<LayerCalls> layers;
  WorkCount work;
};

PlanWork planWork(const Model& model, const ExplainOptions& options);
// How often the layers of a kind are executed in a direction: the median, of those that are executed; 0 of none.
int typicalPasses(const std::vector<LayerCalls>& layers, bool dense, bool backward);

}  // namespace relprop

// What has to be run bare for the floor of a method, and what its times add up to.
#pragma once

#include <vector>

#include "bench/plan_work.h"

namespace relprop {

class FloorLayers {
 public:
  explicit FloorLayers(const std::vector<LayerCalls>& layers);
  const std::vector<LinearCall>& calls() const { return calls_; }
  // rounds: the seconds of each call, round by round. Fills floor, planned, convolutions and dense from the passes in
  // run.work.
  void report(const std::vector<std::vector<double>>& rounds, BenchRun& run) const;

 private:
  // A call that is run. own: the layer itself in one direction, `times` executions by arithmetic; planned: how often
  // the plan has this very call. Numerators that go back together are a call of another shape, of which only planned
  // counts.
  struct Part {
    bool dense, backward, own;
    double times, planned;
  };

  void add(const LayerCalls& layer, bool backward);

  std::vector<Part> parts_;
  std::vector<LinearCall> calls_;  // one a part
};

}  // namespace relprop

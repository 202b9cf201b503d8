#include "bench/floor_layers.h"

#include <algorithm>

#include "bench/spread.h"
#include "eval/statistics.h"

namespace relprop {

FloorLayers::FloorLayers(const std::vector<LayerCalls>& layers) {
  for (const LayerCalls& layer : layers)
    for (const bool backward : {false, true})
      if (layer.times[backward] > 0) add(layer, backward);
}

void FloorLayers::add(const LayerCalls& layer, bool backward) {
  const LinearCall& itself = layer.own[backward];
  const std::size_t own = parts_.size();
  parts_.push_back({itself.shape.dense, backward, true, layer.times[backward], 0});
  calls_.push_back(itself);
  for (const LinearCall& c : layer.calls) {
    if ((c.kind == LinearCall::Kind::Backward) != backward) continue;
    if (c.shape.flops() == itself.shape.flops()) {
      parts_[own].planned += c.parts;
      continue;
    }
    parts_.push_back({c.shape.dense, backward, false, 0, static_cast<double>(c.parts)});
    calls_.push_back(c);
  }
}

void FloorLayers::report(const std::vector<std::vector<double>>& rounds, BenchRun& run) const {
  const auto sums = [&](auto weight) {
    std::vector<double> all;
    for (const std::vector<double>& seconds : rounds) {
      all.push_back(0);
      for (std::size_t i = 0; i < parts_.size(); ++i) all.back() += weight(parts_[i]) * seconds[i];
    }
    return all;
  };
  const auto minimal = [&](const Part& p) {
    const LayerWork& work = p.dense ? run.work.dense : run.work.convolutions;
    return std::min<double>(p.times, p.backward ? work.backwardPasses : work.forwardPasses);
  };
  const auto pass = [&](bool dense, bool backward) {
    return spreadOf(sums([=](const Part& p) { return p.own && p.dense == dense && p.backward == backward; }));
  };
  const auto ofKind = [&](bool dense) {
    const double seconds = eval::medianOf(sums([&](const Part& p) { return p.dense == dense ? minimal(p) : 0; }));
    return Floor{pass(dense, false), pass(dense, true), seconds};
  };
  run.floor = eval::medianOf(sums(minimal));
  run.planned = eval::medianOf(sums([](const Part& p) { return p.planned; }));
  run.convolutions = ofKind(false), run.dense = ofKind(true);
}

}  // namespace relprop

#include "bench/plan_work.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "explainer/compilation.h"
#include "explainer/translated.h"
#include "kernels/record/record.h"
#include "relprop/patterns.h"

namespace relprop {
namespace {

void describeOwn(LayerCalls& layer) {
  const auto first = [&](LinearCall::Kind kind) {
    return std::find_if(layer.calls.begin(), layer.calls.end(), [=](const LinearCall& c) { return c.kind == kind; });
  };
  const auto forward = first(LinearCall::Kind::Forward), backward = first(LinearCall::Kind::Backward);
  layer.own[0] = layer.own[1] = forward == layer.calls.end() ? *backward : *forward;
  layer.own[0].parts = layer.own[1].parts = 1;
  layer.own[1].kind = LinearCall::Kind::Backward;
  if (backward != layer.calls.end()) layer.own[1].shape.n = backward->shape.n;
  for (const LinearCall& c : layer.calls) {
    const bool back = c.kind == LinearCall::Kind::Backward;
    layer.times[back] += static_cast<double>(c.flops()) / static_cast<double>(layer.own[back].shape.flops());
  }
}

// The k-th linear step runs the k-th call, as every kernel becomes a step when it is made.
std::vector<LayerCalls> layersOf(const std::vector<StepInfo>& steps, const std::vector<LinearCall>& calls) {
  std::vector<LayerCalls> layers;
  std::map<std::string, std::size_t> known;
  std::size_t next = 0;
  for (const StepInfo& step : steps) {
    if (step.kind != StepKind::Linear) continue;
    if (next == calls.size()) throw Error(ErrorCode::Internal, step.name, "a linear step without a call");
    const LinearCall& call = calls[next++];
    if (call.kind == LinearCall::Kind::Product) continue;
    const auto [at, isNew] = known.try_emplace(step.node, layers.size());
    if (isNew) layers.emplace_back().node = at->first;
    layers[at->second].calls.push_back(call);
  }
  for (LayerCalls& layer : layers) describeOwn(layer);
  return layers;
}

LayerWork sumOf(const std::vector<LayerCalls>& layers, bool dense) {
  LayerWork w;
  for (const LayerCalls& l : layers) {
    if (l.own[0].shape.dense != dense) continue;
    ++w.layers;
    w.forward += static_cast<int>(std::lround(l.times[0]));
    w.backward += static_cast<int>(std::lround(l.times[1]));
    for (const LinearCall& c : l.calls)
      (c.kind == LinearCall::Kind::Backward ? w.backwardFlops : w.forwardFlops) += c.flops();
  }
  w.forwardPasses = typicalPasses(layers, dense, false);
  w.backwardPasses = typicalPasses(layers, dense, true);
  return w;
}

void count(WorkCount& work, const StepInfo& step) {
  if (step.kind == StepKind::Program) ++work.programs, work.programBytes += step.bytes;
  if (step.kind == StepKind::Kernel) ++work.kernels, work.kernelBytes += step.bytes;
  if (step.kind == StepKind::Scalar) ++work.scalars;
}

WorkCount summary(const std::vector<LayerCalls>& layers, const std::vector<StepInfo>& steps,
                  const std::vector<LinearCall>& calls) {
  WorkCount w;
  w.convolutions = sumOf(layers, false), w.dense = sumOf(layers, true);
  std::int64_t flops = 0;
  for (const StepInfo& step : steps) flops += step.flops, count(w, step);
  for (const LinearCall& c : calls) w.products += c.kind == LinearCall::Kind::Product;
  w.productFlops =
      flops - w.convolutions.forwardFlops - w.convolutions.backwardFlops - w.dense.forwardFlops - w.dense.backwardFlops;
  return w;
}

}  // namespace

int typicalPasses(const std::vector<LayerCalls>& layers, bool dense, bool backward) {
  std::vector<int> times;
  for (const LayerCalls& l : layers)
    if (l.own[0].shape.dense == dense && l.times[backward] > 0)
      times.push_back(static_cast<int>(std::lround(l.times[backward])));
  if (times.empty()) return 0;
  std::sort(times.begin(), times.end());
  return times[(times.size() - 1) / 2];
}

PlanWork planWork(const Model& model, const ExplainOptions& options) {
  if (!options.from.empty())
    throw Error(ErrorCode::InvalidArgument, "from", options.from, "none: work is counted from the scores");
  ExplainOptions unlimited = options;
  unlimited.memory = 0;
  Compilation compilation(model, unlimited);
  std::vector<LinearCall> calls;
  const auto backend = makeRecordingBackend(compilation.backend(), calls);
  const auto compiled = compilation.compile(*backend);
  const std::vector<StepInfo>& steps = compiled->plan().steps();
  PlanWork all;
  all.layers = layersOf(steps, calls);
  all.work = summary(all.layers, steps, calls);
  all.work.block = backend->block();
  return all;
}

WorkCount countWork(const Model& model, const ExplainOptions& options) {
  return translated("count", [&] { return planWork(model, options).work; });
}

}  // namespace relprop

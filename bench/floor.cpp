// relprop_floor MODEL... [--methods a,b] [--batch N] [--threads T] [--rounds R] [--profile]
// Prints, for each method, the median times of its forward and backward part and their ratio to the sum of the bare
// convolutions of the same layers, measured in alternation in one process. Dense layers are listed apart: at batch 1
// they are bound by memory, not arithmetic.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include "arguments.h"
#include "bare.h"
#include "engine/forward.h"
#include "measure.h"
#include "onnx/importer.h"
#include "passes/passes.h"
#include "relprop/explain.h"

namespace relprop::bench {
namespace {

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

std::vector<LinearShape> layersOf(const std::string& path, const Shape& input, bool dense) {
  const Specialised s = specialise(importModel(path).graph, {.inputShape = input, .disabled = {}});
  const auto backend = makeReferenceBackend();
  Plan plan(*backend, input[0]);
  const Forward forward(s.graph, plan, [](int) { return false; });
  std::vector<LinearShape> layers;
  for (const Node& n : s.graph.nodes)
    if (n.op == (dense ? Op::Dense : Op::Conv)) layers.push_back(forward.linear(n).shape);
  return layers;
}

struct Floor {
  std::vector<double> forward, backward, dense;
};

struct Timed {
  std::string method;
  Explainer explainer;
  Tensor input;
  std::vector<double> forward, backward;
};

void printProfile(const Timed& t) {
  std::map<std::string, std::pair<double, double>> kinds;
  std::vector<StepReport> steps = t.explainer.profile();
  std::sort(steps.begin(), steps.end(), [](const StepReport& a, const StepReport& b) { return a.seconds > b.seconds; });
  for (std::size_t i = 0; i < std::min<std::size_t>(40, steps.size()); ++i)
    fmt::print("    {:8.3f} ms {:8} {:60} {:>16} {:6.1f} MB {:7.1f} GFLOP/s\n", steps[i].seconds * 1e3, steps[i].phase,
               steps[i].name, steps[i].shape, static_cast<double>(steps[i].bytes) / 1e6,
               static_cast<double>(steps[i].flops) / steps[i].seconds / 1e9);
  double heavy[2] = {0, 0}, light[2] = {0, 0};
  for (const StepReport& s : steps) (s.flops > 0 ? heavy : light)[s.phase == "backward"] += s.seconds * 1e3;
  fmt::print("    linear forward {:.1f} backward {:.1f} ms, others forward {:.1f} backward {:.1f} ms\n", heavy[0],
             heavy[1], light[0], light[1]);
}

void measure(std::vector<Timed>& all, BareLayers& conv, BareLayers& dense, Floor& floor, int rounds) {
  for (int r = 0; r <= rounds; ++r) {
    const double f = conv.forward(), b = conv.backward(), d = dense.forward();
    if (r > 0) floor.forward.push_back(f), floor.backward.push_back(b), floor.dense.push_back(d);
    for (Timed& t : all) {
      t.explainer.explain(t.input);
      if (r > 0) t.forward.push_back(t.explainer.forwardSeconds()), t.backward.push_back(t.explainer.backwardSeconds());
    }
  }
}

// Passes over the convolutions that a method needs at least: (forward, backward).
std::pair<int, int> passesOf(const std::string& method) {
  if (method.rfind("rap", 0) == 0) return {2, 2};
  if (method.rfind("gradient", 0) == 0 || method.rfind("input-x", 0) == 0) return {1, 1};
  return {2, 1};
}

void run(const std::string& path, const Arguments& a) {
  const Model model = Model::load(path);
  const std::string side = path.substr(0, path.rfind('.')) + ".preprocess.json";
  std::vector<Timed> all;
  for (const std::string& method : split(a.methods)) {
    ExplainOptions o;
    o.method = method, o.batch = a.batch, o.threads = a.threads;
    o.pixelRange = pixelRange(readPreprocess(side));
    Explainer e(model, o);
    Tensor input = noise(e, a.batch);
    all.push_back({method, std::move(e), std::move(input), {}, {}});
  }
  const Shape shape = all[0].input.shape;
  BareLayers conv(layersOf(path, shape, false)), dense(layersOf(path, shape, true));
  Floor floor;
  measure(all, conv, dense, floor, a.rounds);
  const double f = median(floor.forward) * 1e3, b = median(floor.backward) * 1e3;
  fmt::print(
      "{} batch {}: bare convolutions forward {:.1f} ms, backward-data {:.1f} ms; dense layers {:.1f} ms a pass\n",
      path, a.batch, f, b, median(floor.dense) * 1e3);
  for (const Timed& t : all) {
    const double tf = median(t.forward) * 1e3, tb = median(t.backward) * 1e3;
    const auto [nf, nb] = passesOf(t.method);
    fmt::print(
        "  {:24} forward {:7.1f} ms = {:.2f} x floor; all {:7.1f} ms = {:.2f} x floor of {} forward + {} backward "
        "passes\n",
        t.method, tf, tf / f, tf + tb, (tf + tb) / (nf * f + nb * b), nf, nb);
    if (a.profile) printProfile(t);
  }
}

}  // namespace
}  // namespace relprop::bench

int main(int argc, char** argv) {
  using namespace relprop::bench;
  return runEach(parse(argc, argv, {}), "relprop_floor",
                 "[--methods a,b] [--batch N] [--threads T] [--rounds R] [--profile]", run);
}

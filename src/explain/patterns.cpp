// a = (E₊[xy] − E₊[x]E₊[y]) / wᵀ(E₊[xy] − E₊[x]E₊[y]), means over the positions and images where y > 0; y: the layer's
// output before its activation, x: what its weights meet. Kindermans et al., "Learning how to explain neural networks:
// PatternNet and PatternAttribution", ICLR 2018, section 4 (the two-component estimator's positive regime).
#include "explain/patterns.h"

#include <algorithm>
#include <cmath>

#include "kernels/lambda_kernel.h"
#include "rules/rule.h"

namespace relprop {
namespace {

PositiveSums emptySums(const Graph& graph, const Node& node) {
  const Constant& w = *graph.value(node.inputs[1]).constant;
  PositiveSums s{node.name, w.shape, w.floats, {}, {}, {}, {}};
  s.count.resize(static_cast<std::size_t>(w.shape[0]));
  s.y.resize(s.count.size());
  s.x.resize(w.floats->size());
  s.xy.resize(w.floats->size());
  return s;
}

void addTo(std::vector<double>& sums, const float* values) {
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += values[i];
}

// Σ by output of a convolution's output: channels in blocks, then positions, then lanes.
void addByChannel(std::vector<double>& sums, const TensorDesc& d, const float* values) {
  const std::int64_t block = d.block, blocks = (d.channels() + block - 1) / block;
  std::vector<double> lanes(static_cast<std::size_t>(blocks * block));
  for (std::int64_t row = 0; row < d.rows(); ++row)
    for (std::int64_t b = 0; b < blocks; ++b) {
      double* to = lanes.data() + b * block;
      for (std::int64_t i = 0; i < d.spatial(); ++i, values += block)
        for (std::int64_t lane = 0; lane < block; ++lane) to[lane] += static_cast<double>(values[lane]);
    }
  for (std::size_t o = 0; o < sums.size(); ++o) sums[o] += lanes[o];
}

// Of a dense layer's: outputs run fastest, whatever axes are in front.
void addByLastAxis(std::vector<double>& sums, const TensorDesc& d, const float* values) {
  const std::size_t rows = static_cast<std::size_t>(elementCount(d.shape)) / sums.size();
  for (std::size_t row = 0; row < rows; ++row, values += sums.size()) addTo(sums, values);
}

double noise(const PositiveSums& s, std::size_t o, double n) {
  constexpr double kRounding = 1e-6;  // what float32 products and sums leave over where two terms cancel
  double size = 0;
  for (std::size_t k = o * s.perOutput(); k < (o + 1) * s.perOutput(); ++k)
    size += std::abs(static_cast<double>((*s.weights)[k])) * (std::abs(s.xy[k]) + std::abs(s.x[k] * s.y[o] / n)) / n;
  return kRounding * size;
}

}  // namespace

std::map<std::string, Shape> patternShapes(const Graph& graph) {
  std::map<std::string, Shape> shapes;
  for (const Node& node : graph.nodes)
    if (roleOf(graph, node) == Role::Linear) shapes.emplace(node.name, graph.value(node.inputs[1]).constant->shape);
  return shapes;
}

void PositiveSums::clear() {
  for (std::vector<double>* v : {&count, &y, &x, &xy}) std::fill(v->begin(), v->end(), 0.0);
}

PatternPlan::PatternPlan(Graph graph, Backend& backend)
    : graph_(std::move(graph)), plan_(backend, graph_.value(graph_.inputs.at(0)).shape.at(0)) {
  for (const Node& node : graph_.nodes)
    if (roleOf(graph_, node) == Role::Linear) sums_.push_back(emptySums(graph_, node));
  counts_ = plan_.addScalar();
  Forward forward(graph_, plan_, [](int) { return false; });  // y is wanted before its ReLU
  forward.build([&](const Node& node) {
    if (roleOf(graph_, node) == Role::Linear) emit(forward, node);
  });
  input_ = forward.inputView();
  plan_.compile();
}

// Σ x·1[y>0] and Σ x·y⁺ are what the weights' derivatives would be if 1[y>0] and y⁺ were the derivatives by the output.
void PatternPlan::emit(Forward& f, const Node& node) {
  const auto at = std::find_if(sums_.begin(), sums_.end(), [&](const PositiveSums& s) { return s.node == node.name; });
  const std::size_t index = static_cast<std::size_t>(at - sums_.begin());
  const bool dense = node.op == Op::Dense;
  const Expr y = f.value(node.outputs[0]), counts = rowScalar(counts_);
  BufferView on{plan_.addBuffer(y->desc, node.name + " y>0"), y->desc},
      up{plan_.addBuffer(y->desc, node.name + " y+"), y->desc};
  plan_.addProgram(node.name + " positive", {{{isPositive(y) * counts, on}, {positive(y) * counts, up}}, {}});
  BufferView x = f.buffer(node.inputs[0]);
  if (dense) x = f.plain(x, node.name), on = f.plain(on, node.name), up = f.plain(up, node.name);
  const BufferView sumX = gradient(f, node, x, on, " x"), sumXy = gradient(f, node, x, up, " xy");
  const auto byOutput = dense ? addByLastAxis : addByChannel;
  plan_.addKernel(node.name + " sums", makeKernel([this, index, byOutput, d = on.desc](auto in, auto) {
                    PositiveSums& s = sums_[index];
                    byOutput(s.count, d, in[0]), byOutput(s.y, d, in[1]);
                    addTo(s.x, in[2]), addTo(s.xy, in[3]);
                  }),
                  {on, up, sumX, sumXy}, {});
}

BufferView PatternPlan::gradient(Forward& f, const Node& node, const BufferView& x, const BufferView& g,
                                 const char* what) {
  const LinearShape shape = f.linear(node).shape;
  const TensorDesc desc{graph_.value(node.inputs[1]).shape, 1};
  const BufferView to{plan_.addBuffer(desc, node.name + what), desc};
  LinearKernelSpec spec{.shape = shape, .srcBlock = x.desc.block, .dstBlock = g.desc.block, .weights = {}, .bias = {}};
  plan_.addKernel(node.name + what, plan_.backend().linearWeightGradient(spec), {x, g}, {to}, shape.flops());
  return to;
}

void PatternPlan::add(const float* images, std::int64_t count) {
  const std::int64_t floats = input_.desc.rowFloats();
  for (std::int64_t row = 0; row < rows(); ++row) {  // what fills the batch up is a copy of the last image
    std::copy_n(images + std::min(row, count - 1) * floats, floats, plan_.data(input_.buffer) + row * floats);
    plan_.scalar(counts_)[row] = row < count ? 1.0 : 0.0;
  }
  plan_.run(Phase::Forward);
}

NodePattern patternOf(const PositiveSums& s) {
  NodePattern result;
  result.values.resize(s.x.size());
  std::vector<double> covariance(s.perOutput());
  for (std::size_t o = 0; o < s.outputs(); ++o) {
    const double n = s.count[o];
    double denominator = 0;
    for (std::size_t i = 0, k = o * s.perOutput(); n > 0 && i < s.perOutput(); ++i, ++k) {
      covariance[i] = s.xy[k] / n - s.x[k] / n * (s.y[o] / n);
      denominator += static_cast<double>((*s.weights)[k]) * covariance[i];
    }
    const bool degenerate = n > 0 && std::abs(denominator) <= noise(s, o, n);
    result.silent += n == 0, result.degenerate += degenerate;
    if (n == 0 || degenerate) continue;
    for (std::size_t i = 0; i < s.perOutput(); ++i)
      result.values[o * s.perOutput() + i] = static_cast<float>(covariance[i] / denominator);
  }
  return result;
}

}  // namespace relprop

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "api/model_impl.h"
#include "api/report.h"
#include "explain/compiled.h"
#include "graph/edit.h"
#include "passes/passes.h"
#include "relprop/error.h"

namespace relprop {
namespace {

using Clock = std::chrono::steady_clock;

// C×H×W (or H×W) from the caller fills what the file leaves open; the batch is fixed last.
Shape fullInputShape(const Model& model, const ExplainOptions& options) {
  Shape shape = model.inputShape();
  const Shape& given = options.inputShape;
  if (given.size() >= shape.size() && !given.empty())
    throw Error(ErrorCode::ShapeMismatch, "input", "shape " + toString(given),
                "at most the axes behind the batch of " + toString(shape));
  for (std::size_t k = 0; k < given.size(); ++k) {
    std::int64_t& extent = shape[shape.size() - given.size() + k];
    if (extent > 0 && extent != given[k])
      throw Error(ErrorCode::ShapeMismatch, "input", "shape " + toString(given),
                  "what the model fixes: " + toString(shape));
    extent = given[k];
  }
  for (std::size_t k = 1; k < shape.size(); ++k)
    if (shape[k] <= 0)
      throw Error(ErrorCode::ShapeMismatch, "input", "axis " + std::to_string(k) + " is left open by the model",
                  "its extent", "give it with --shape or the preprocessing's crop");
  if (shape[0] <= 0) shape[0] = std::max(1, options.batch);
  return shape;
}

void validate(const ExplainOptions& options) {
  if (options.batch < 1 || options.batch > 4096)
    throw Error(ErrorCode::InvalidArgument, "batch", std::to_string(options.batch), "1 to 4096");
  if (options.threads < 0 || options.threads > 1024)
    throw Error(ErrorCode::InvalidArgument, "threads", std::to_string(options.threads), "0 (all cores) to 1024");
}

// A final Softmax is not part of the scores.
Graph cutAtScores(Graph graph) {
  graph.outputs = {scoresOf(graph)};
  removeDeadNodes(graph);
  return graph;
}

void requireFinite(const float* values, std::int64_t count, ErrorCode code, const char* where, const char* hint) {
  const float* end = values + count;
  const float* bad = std::find_if(values, end, [](float v) { return !std::isfinite(v); });
  if (bad != end) throw Error(code, where, fmt::format("{} at element {}", *bad, bad - values), "finite numbers", hint);
}

std::vector<double> softmaxOf(const std::vector<float>& logits) {
  const double top = *std::max_element(logits.begin(), logits.end());
  std::vector<double> p(logits.size());
  std::transform(logits.begin(), logits.end(), p.begin(), [&](float v) { return std::exp(v - top); });
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& v : p) v /= sum;
  return p;
}

std::vector<Prediction> top5Of(const std::vector<float>& logits, const std::vector<double>& p) {
  std::vector<int> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const std::size_t n = std::min<std::size_t>(5, order.size());
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
  });
  std::vector<Prediction> top;
  for (std::size_t k = 0; k < n; ++k) {
    const auto i = static_cast<std::size_t>(order[k]);
    top.push_back({order[k], logits[i], p[i]});
  }
  return top;
}

// Only relprop::Error leaves the library.
template <class Work>
auto translated(const char* where, Work work) {
  try {
    return work();
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::OutOfMemory, where, "an allocation failed", "enough memory",
                "use a smaller --batch or input size");
  } catch (const std::exception& e) {
    throw Error(ErrorCode::Internal, where, e.what());
  }
}

double seedValue(Seed seed, const Prediction& target) {
  return seed == Seed::Logit ? target.logit : seed == Seed::One ? 1.0 : target.probability;
}

}  // namespace

struct Explainer::Impl {
  Impl(const Model& m, const ExplainOptions& o) : model(m), options(o) {}

  Model model;
  ExplainOptions options;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<CompiledMethod> compiled;
  PlanReport report;
  double seconds[2] = {0, 0};

  void compile() {
    validate(options);
    Method method = parseMethod(options.method);
    Specialised special = specialise(
        model.impl->imported.graph,
        {.inputShape = fullInputShape(model, options), .foldBatchNorm = method.foldBatchNorm, .disabled = {}});
    if (!method.foldBatchNorm && !model.hasBatchNormalization())
      special.warnings.push_back(
          "batchnorm=pass has no effect: the file holds no BatchNormalization (folded when it was exported?)");
    backend = options.reference ? makeReferenceBackend() : makeOneDnnBackend();
    backend->setThreads(options.threads);
    WalkOptions walk;
    walk.sums = options.ledger && method.conserves;
    if (options.pixelRange) walk.bounds = InputBounds{options.pixelRange->low, options.pixelRange->high};
    compiled = std::make_unique<CompiledMethod>(cutAtScores(std::move(special.graph)), std::move(method), options.rules,
                                                *backend, walk);
    report = reportOf(*compiled, special.passes, special.warnings);
  }

  Shape imageShape() const {
    const Graph& g = compiled->graph();
    const Shape& s = g.value(g.inputs[0]).shape;
    return {s.begin() + 1, s.end()};
  }

  void checkInput(const Tensor& input) const {
    const Shape image = imageShape();
    const bool fits =
        input.shape.size() == image.size() + 1 && std::equal(image.begin(), image.end(), input.shape.begin() + 1);
    if (!fits || input.shape[0] < 1)
      throw Error(ErrorCode::ShapeMismatch, "input", toString(input.shape), "N×" + toString(image));
    requireFinite(input.data.data(), static_cast<std::int64_t>(input.data.size()), ErrorCode::NonFiniteWeights, "input",
                  "check the array");
  }

  void run(Phase phase) {
    const auto start = Clock::now();
    backend->setThreads(options.threads);
    translated("run", [&] { compiled->plan().run(phase); });
    seconds[static_cast<int>(phase)] = std::chrono::duration<double>(Clock::now() - start).count();
  }

  // Rows beyond the input's end repeat its last one; their results are dropped.
  void loadRows(const Tensor& input, std::int64_t first) {
    const std::int64_t n = compiled->inputFloats(), last = input.shape[0] - 1;
    for (std::int64_t r = 0; r < compiled->rows(); ++r)
      std::copy_n(input.data.data() + std::min(first + r, last) * n, n, compiled->input() + r * n);
  }

  std::vector<float> logits(std::int64_t row) {
    const float* s = compiled->scores() + row * compiled->classes();
    requireFinite(s, compiled->classes(), ErrorCode::NumericFailure, "scores", "the network overflows on this input");
    return {s, s + compiled->classes()};
  }

  Explanation predict(std::int64_t row, const Target& target) {
    Explanation e;
    e.logits = logits(row);
    const std::vector<double> p = softmaxOf(e.logits);
    e.top5 = top5Of(e.logits, p);
    e.target = target.kind == Target::Kind::ArgMax ? e.top5[0].index : target.index;
    if (e.target < 0 || e.target >= compiled->classes())
      throw Error(ErrorCode::UnknownTarget, "target", std::to_string(e.target),
                  fmt::format("a class index from 0 to {}", compiled->classes() - 1));
    const auto t = static_cast<std::size_t>(e.target);
    e.top = {e.target, e.logits[t], p[t]};
    e.seed = seedValue(compiled->method().seed, e.top);
    float* seed = compiled->seed() + row * compiled->classes();
    std::fill_n(seed, compiled->classes(), 0.0f);
    seed[t] = static_cast<float>(e.seed);
    return e;
  }

  void collect(std::int64_t row, Explanation& e) {
    const std::int64_t n = compiled->inputFloats();
    const float* r = compiled->relevance() + row * n;
    requireFinite(r, n, ErrorCode::NumericFailure, "relevance", "try another method or a larger stabilizer");
    Shape shape = imageShape();
    shape.insert(shape.begin(), 1);
    e.relevance = Tensor(shape, std::vector<float>(r, r + n));
    e.sum = std::accumulate(r, r + n, 0.0);
    if (!options.ledger || !compiled->method().conserves) return;
    for (const LedgerSlots& slots : compiled->ledger()) {
      const Node& node = compiled->graph().nodes[static_cast<std::size_t>(slots.node)];
      LedgerEntry entry{node.name, opName(node.op), compiled->rule(slots.node)->text, compiled->scalar(slots.in)[row],
                        0};
      for (ScalarId id : slots.out) entry.out += compiled->scalar(id)[row];
      e.ledger.push_back(std::move(entry));
    }
  }

  std::vector<Explanation> explainRows(const Tensor& input, const std::vector<Target>& targets, std::int64_t first) {
    loadRows(input, first);
    run(Phase::Forward);
    const std::int64_t count = std::min(compiled->rows(), input.shape[0] - first);
    std::vector<Explanation> out;
    for (std::int64_t r = 0; r < compiled->rows(); ++r) {
      const std::int64_t row = std::min(first + r, input.shape[0] - 1);
      Explanation e = predict(r, targets[targets.size() == 1 ? 0 : static_cast<std::size_t>(row)]);
      if (r < count) out.push_back(std::move(e));
    }
    run(Phase::Backward);
    for (std::int64_t r = 0; r < count; ++r) collect(r, out[static_cast<std::size_t>(r)]);
    return out;
  }
};

Explainer::Explainer(const Model& model, const ExplainOptions& options)
    : impl_(std::make_unique<Impl>(model, options)) {
  translated("compile", [&] { impl_->compile(); });
}
Explainer::~Explainer() = default;
Explainer::Explainer(Explainer&&) noexcept = default;
Explainer& Explainer::operator=(Explainer&&) noexcept = default;

Shape Explainer::inputShape() const {
  return impl_->imageShape();
}

std::vector<Explanation> Explainer::explain(const Tensor& input, const std::vector<Target>& targets) {
  impl_->checkInput(input);
  if (targets.size() != 1 && static_cast<std::int64_t>(targets.size()) != input.shape[0])
    throw Error(ErrorCode::UnknownTarget, "targets", std::to_string(targets.size()),
                fmt::format("1 or {} (one a row)", input.shape[0]));
  std::vector<Explanation> all;
  for (std::int64_t first = 0; first < input.shape[0]; first += impl_->compiled->rows())
    for (Explanation& e : impl_->explainRows(input, targets, first)) all.push_back(std::move(e));
  return all;
}

Tensor Explainer::forward(const Tensor& input) {
  impl_->checkInput(input);
  Tensor out(Shape{input.shape[0], impl_->compiled->classes()});
  for (std::int64_t first = 0; first < input.shape[0]; first += impl_->compiled->rows()) {
    impl_->loadRows(input, first);
    impl_->run(Phase::Forward);
    const std::int64_t count = std::min(impl_->compiled->rows(), input.shape[0] - first);
    std::copy_n(impl_->compiled->scores(), count * impl_->compiled->classes(),
                out.data.data() + first * impl_->compiled->classes());
  }
  return out;
}

const PlanReport& Explainer::report() const {
  return impl_->report;
}
std::vector<StepReport> Explainer::profile() const {
  return stepsOf(impl_->compiled->plan());
}
double Explainer::forwardSeconds() const {
  return impl_->seconds[0];
}
double Explainer::backwardSeconds() const {
  return impl_->seconds[1];
}

}  // namespace relprop

#include <fmt/format.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "core/softmax.h"
#include "explain/compiled.h"
#include "explain/finish.h"
#include "explain/methods/method_list.h"
#include "explain/procedure.h"
#include "explainer/model_impl.h"
#include "explainer/plan_report.h"
#include "explainer/prediction.h"
#include "explainer/prepare.h"
#include "explainer/setup.h"
#include "kernels/record/record.h"
#include "passes/passes.h"
#include "relprop/error.h"

namespace relprop {
namespace {

using Clock = std::chrono::steady_clock;

void validate(const ExplainOptions& options) {
  checkBatchAndThreads(options.batch, options.threads);
  if (options.targets.empty() || options.targets.size() > 1000)
    throw Error(ErrorCode::InvalidArgument, "targets", std::to_string(options.targets.size()), "1 to 1000");
  if (options.memory < 0)
    throw Error(ErrorCode::InvalidArgument, "memory", std::to_string(options.memory), "bytes, or 0 for no limit");
  if (!(options.requireConservation >= 0))
    throw Error(ErrorCode::InvalidArgument, "requireConservation", fmt::format("{}", options.requireConservation),
                "0 (off) or a share of the seed, such as 1e-3");
}

// Compiling copies weights; what it freed would stay with the process otherwise.
void returnFreedMemory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace

struct Explainer::Impl {
  Impl(const Model& m, const ExplainOptions& o) : model(m), options(o) {}

  Model model;
  ExplainOptions options;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<CompiledMethod> compiled;
  std::unique_ptr<CompiledMethod> probe;  // forward passes of single images, for methods of many inputs
  std::unique_ptr<Session> session;
  PlanReport report;
  double seconds[2] = {0, 0};

  std::vector<std::string> warningsOf(const Method& method, std::vector<std::string> warnings) const {
    if (model.hasBatchNormalization() || method.foldBatchNorm) return warnings;
    warnings.push_back(method.needsBatchNorm
                           ? "the file holds no BatchNormalization (folded when it was exported?); the method is "
                             "defined with BatchNormalization passing relevance through"
                           : "batchnorm=pass has no effect: the file holds no BatchNormalization (folded when it was "
                             "exported?)");
    return warnings;
  }

  CompileOptions compileOptions(const Method& method) const {
    CompileOptions c = compileOptionsFor(model, options, method);
    c.memory = {options.memory, probeBytes()};
    c.imported = &ModelAccess::graph(model);
    return c;
  }

  void requireMeaning(const Method& method) const {
    const auto refuse = [&](const char* option, const char* why, const char* expected) {
      throw Error(ErrorCode::NotSupportedByMethod, option, method.text + " " + why, expected);
    };
    if (method.procedure && !options.at.empty())
      refuse("at", "has no single walk through the layers", "a method that walks each image once");
    if (!method.conserves && options.requireConservation > 0)
      refuse("requireConservation", "does not distribute the seed", "a method of the LRP or RAP families");
  }

  // Packed weights are the last thing to go when memory is short: packing them anew costs a part of every run.
  void compile() {
    validate(options);
    requireMeaning(parseMethod(options.method));
    if (options.memory == 0 || options.reference) return compileWith(Packing::Once);
    if (fits([&] { compileIdly(); }) && fits([&] { compileWith(Packing::Once); })) return;
    session.reset(), compiled.reset(), probe.reset();
    compileWith(Packing::EveryRun);
  }

  template <class Compile>
  static bool fits(Compile compile) {
    try {
      compile();
      return true;
    } catch (const Error& e) {
      if (e.code() != ErrorCode::OutOfMemory) throw;
      return false;
    }
  }

  // Computes and packs nothing; a little more is needed than this finds (padding, work space).
  void compileIdly() const {
    Method method = parseMethod(options.method);
    Graph graph = canonicalFor(model, options, method, options.batch).graph;
    const CompileOptions how = compileOptions(method);
    std::vector<LinearCall> calls;
    const std::unique_ptr<Backend> idle = makeRecordingBackend(backendFor(options, Packing::Once), calls);
    CompiledMethod(std::move(graph), std::move(method), *idle, how);
  }

  void compileWith(Packing packing) {
    Method method = parseMethod(options.method);
    Specialised special = canonicalFor(model, options, method, options.batch);
    backend = backendFor(options, packing);
    backend->setThreads(options.threads);
    if (method.procedure) compileProbe();
    const BaselineFacts baseline = baselineFacts(method);
    const CompileOptions how = compileOptions(method);
    compiled = std::make_unique<CompiledMethod>(std::move(special.graph), std::move(method), *backend, how);
    session = std::make_unique<Session>(*compiled, baseline, hooks());
    report = reportOf(*compiled, probe.get(), special.passes, warningsOf(compiled->method(), special.warnings));
    returnFreedMemory();
  }

  BaselineFacts baselineFacts(const Method& method) const {
    BaselineFacts facts;
    if (options.pixelRange) facts.bounds = InputBounds{options.pixelRange->low, options.pixelRange->high};
    if (method.baseline.kind != Baseline::Kind::File) return facts;
    Tensor t = readNpy(method.baseline.file);
    Shape image = fullInputShape(model, options.inputShape, options.batch), wanted(image.begin() + 1, image.end());
    if (t.shape.size() == image.size() && t.shape[0] == 1) t.shape.erase(t.shape.begin());
    if (t.shape != wanted)
      throw Error(ErrorCode::ShapeMismatch, method.baseline.file, toString(t.shape), toString(wanted));
    facts.picture = std::move(t.data);
    return facts;
  }

  Session::Hooks hooks() {
    return {[this](Phase phase) { run(phase); },
            [this](std::int64_t done, std::int64_t total) {
              if (options.progress && !options.progress(done, total))
                throw Error(ErrorCode::Cancelled, "explain", fmt::format("stopped after {} of {}", done, total));
            },
            [this](const std::vector<float>& input) { return probed(input); }};
  }

  Shape imageShape() const { return compiled->imageShape(); }

  void run(Phase phase) {
    const auto start = Clock::now();
    backend->setThreads(options.threads);
    translated("run", [&] { compiled->plan().run(phase); });
    seconds[static_cast<int>(phase)] += std::chrono::duration<double>(Clock::now() - start).count();
  }

  // ---- methods of one walk an image
  // Rows beyond the input's end repeat its last one; their results are dropped.
  void loadRows(const TensorView& input, std::int64_t first) {
    const std::int64_t n = compiled->inputFloats(), last = input.shape[0] - 1;
    for (std::int64_t r = 0; r < compiled->rows(); ++r) {
      const float* from = input.data + std::min(first + r, last) * n;
      session->load(r, [&](float* to) { std::copy_n(from, n, to); });
    }
  }

  const Target& targetOf(const std::vector<Target>& targets, std::int64_t row, std::int64_t column) const {
    const std::size_t columns = options.targets.size();
    const std::size_t at = targets.size() == columns ? 0 : static_cast<std::size_t>(row) * columns;
    return targets[at + static_cast<std::size_t>(column)];
  }

  Explanation predicted(const float* scores, const Target& target, Question& q) const {
    const ScoreShape& shape = compiled->scoreShape();
    requireFinite(scores, shape.count(), ErrorCode::NumericFailure, "scores", "the network overflows on this input");
    Explanation e = predict(shape, scores);
    q = questionOf(target, shape, e, compiled->method().seed);
    e.target = static_cast<int>(q.index);
    const auto t = static_cast<std::size_t>(e.target);
    e.targetPrediction = {e.target, e.logits[t], softmax({e.logits.begin(), e.logits.end()})[t]};
    return e;
  }

  double seedMagnitude(std::int64_t row) const {
    const std::int64_t n = compiled->scoreShape().count();
    const float* seed = compiled->seed() + row * n;
    return std::accumulate(seed, seed + n, 0.0, [](double sum, float v) { return sum + std::abs(v); });
  }

  Explanation seeded(std::int64_t row, std::int64_t column, const Target& target) {
    Question q;
    const ScoreShape& shape = compiled->scoreShape();
    const float* scores = compiled->scores() + row * shape.count();
    Explanation e = predicted(scores, target, q);
    const std::int64_t at = row * compiled->targets() + column;
    float* seed = compiled->seed() + at * shape.count();
    writeSeed(q, compiled->method().seed, shape, scores, seed);
    e.seed = std::accumulate(seed, seed + shape.count(), 0.0);
    if (compiled->scalesToSum() && std::abs(e.seed) < 1e-5 * seedMagnitude(at))
      throw Error(ErrorCode::NotSupportedByMethod, "target", "a seed whose sum is 0",
                  "relevance with a sum, which " + compiled->method().text + " hands on",
                  "use another method for this contrast, such as lrp-zplus");
    return e;
  }

  void finish(Explanation& e, Shape shape, std::vector<float> map) const {
    requireFinite(map.data(), static_cast<std::int64_t>(map.size()), ErrorCode::NumericFailure, "relevance",
                  "try another method or a larger stabilizer");
    e.sum = std::accumulate(map.begin(), map.end(), 0.0);
    finishMap(compiled->method().finish, shape, map);
    shape.insert(shape.begin(), 1);
    e.relevance = Tensor(shape, std::move(map));
  }

  void collect(std::int64_t row, Explanation& e) {
    const std::int64_t n = compiled->inputFloats();
    const float* r = compiled->relevance() + row * n;
    finish(e, imageShape(), {r, r + n});
    for (std::size_t k = 0; k < compiled->recordedNodes().size(); ++k) {
      Shape shape = compiled->recordedShape(k);
      shape[0] = 1;
      const float* at = compiled->recorded(k) + row * elementCount(shape);
      e.layers.push_back({compiled->recordedNodes()[k], Tensor(shape, {at, at + elementCount(shape)})});
    }
    if (options.ledger && compiled->method().conserves) e.ledger = ledgerOf(*compiled, row);
    requireConservation(e, seedMagnitude(row), options.requireConservation);
  }

  std::vector<Explanation> explainRows(const TensorView& input, const std::vector<Target>& targets,
                                       std::int64_t first) {
    loadRows(input, first);
    run(Phase::Forward);
    const std::int64_t count = std::min(compiled->rows(), input.shape[0] - first), columns = compiled->targets();
    std::vector<Explanation> out;
    for (std::int64_t r = 0; r < compiled->rows(); ++r)
      for (std::int64_t c = 0; c < columns; ++c) {
        Explanation e = seeded(r, c, targetOf(targets, std::min(first + r, input.shape[0] - 1), c));
        if (r < count) out.push_back(std::move(e));
      }
    run(Phase::Backward);
    for (std::size_t k = 0; k < out.size(); ++k) collect(static_cast<std::int64_t>(k), out[k]);
    return out;
  }

  std::vector<Explanation> explainAll(const TensorView& input, const std::vector<Target>& targets) {
    std::vector<Explanation> all;
    const bool walks = !compiled->method().procedure;
    const std::int64_t step = walks ? compiled->rows() : 1;
    for (std::int64_t first = 0; first < input.shape[0]; first += step) {
      std::vector<Explanation> some =
          walks ? explainRows(input, targets, first) : explainByProcedure(input, targets, first);
      std::move(some.begin(), some.end(), std::back_inserter(all));
    }
    return all;
  }

  // ---- methods with a procedure
  void compileProbe() {
    Method method = parseMethod(options.method);
    Specialised special = canonicalFor(model, options, method, 1);
    probe = std::make_unique<CompiledMethod>(std::move(special.graph), std::move(method), *backend,
                                             CompileOptions{.anyScores = !options.from.empty(), .forwardOnly = true});
  }

  std::int64_t probeBytes() const { return probe ? probe->plan().arenaBytes() + probe->plan().weightBytes() : 0; }

  std::vector<float> probed(const std::vector<float>& input) {
    for (std::int64_t r = 0; r < probe->rows(); ++r)
      std::copy(input.begin(), input.end(), probe->input() + r * probe->inputFloats());
    backend->setThreads(options.threads);
    translated("run", [&] { probe->plan().run(Phase::Forward); });
    return {probe->scores(), probe->scores() + probe->scoreShape().count()};
  }

  std::vector<Explanation> explainByProcedure(const TensorView& input, const std::vector<Target>& targets,
                                              std::int64_t row) {
    const std::int64_t n = compiled->inputFloats();
    const float* image = input.data + row * n;
    const std::vector<float> scores = probed({image, image + n});
    std::vector<Explanation> out;
    Subject subject{image, scores.data(), std::vector<Question>(static_cast<std::size_t>(compiled->targets()))};
    for (std::int64_t c = 0; c < compiled->targets(); ++c)
      out.push_back(
          predicted(scores.data(), targetOf(targets, row, c), subject.questions[static_cast<std::size_t>(c)]));
    std::vector<Attribution> maps = compiled->method().procedure->explain(*session, subject);
    for (std::size_t c = 0; c < out.size(); ++c) {
      finish(out[c], maps[c].shape, {maps[c].map.begin(), maps[c].map.end()});
      out[c].seed = seedSum(subject.questions[c], compiled->method().seed, compiled->scoreShape(), scores);
      out[c].facts = std::move(maps[c].facts);
    }
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

std::vector<Explanation> Explainer::explain(const TensorView& input) {
  return explain(input, impl_->options.targets);
}

std::vector<Explanation> Explainer::explain(const TensorView& input, const std::vector<Target>& targets) {
  checkImages(input, impl_->imageShape());
  const auto columns = static_cast<std::int64_t>(impl_->options.targets.size());
  const auto count = static_cast<std::int64_t>(targets.size());
  if (count != columns && count != columns * input.shape[0])
    throw Error(ErrorCode::UnknownTarget, "targets", std::to_string(targets.size()),
                fmt::format("{} or {} (so many for each row)", columns, columns * input.shape[0]));
  impl_->seconds[0] = impl_->seconds[1] = 0;
  return translated("explain", [&] { return impl_->explainAll(input, targets); });
}

Tensor Explainer::forward(const TensorView& input) {
  checkImages(input, impl_->imageShape());
  const std::int64_t scores = impl_->compiled->scoreShape().count();
  Tensor out(Shape{input.shape[0], scores});
  impl_->seconds[0] = impl_->seconds[1] = 0;
  for (std::int64_t first = 0; first < input.shape[0]; first += impl_->compiled->rows()) {
    impl_->loadRows(input, first);
    impl_->run(Phase::Forward);
    const std::int64_t count = std::min(impl_->compiled->rows(), input.shape[0] - first);
    std::copy_n(impl_->compiled->scores(), count * scores, out.data.data() + first * scores);
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

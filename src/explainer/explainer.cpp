#include <fmt/format.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <chrono>
#include <optional>

#include "explain/methods/method_list.h"
#include "explain/procedure.h"
#include "explainer/answers.h"
#include "explainer/compilation.h"
#include "explainer/plan_report.h"
#include "explainer/prepare.h"
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
  Layout layout = Layout::ChannelsFirst;  // of the model
  double seconds[2] = {0, 0};

  void requireMeaning(const Method& method) const {
    const auto refuse = [&](const char* option, const char* why, const char* expected) {
      throw Error(ErrorCode::NotSupportedByMethod, option, method.text + " " + why, expected);
    };
    if (!method.procedure->walksOnce() && !options.at.empty())
      refuse("at", "has no single walk through the layers", "a method that walks each image once");
    if (!method.conserves && options.requireConservation > 0)
      refuse("requireConservation", "does not distribute the seed", "a method of the LRP or RAP families");
  }

  // Weights that are packed for every run are the last thing to go when memory is short.
  void compile() {
    validate(options);
    Method method = parseMethod(options.method);
    requireMeaning(method);
    std::optional<Compilation> compilation(std::in_place, model, options, std::move(method));
    const bool packed = compilation->fitsPacked();
    if (packed && build(*compilation, Packing::Once)) return;
    if (packed) compilation.emplace(model, options);  // it only just did not fit, and its graph is spent
    build(*compilation, Packing::EveryRun);
  }

  // False where weights that stay packed are too much after all; without them OutOfMemory is thrown.
  bool build(Compilation& compilation, Packing packing) {
    probe.reset();
    backend = compilation.backend(packing);
    layout = compilation.layout();
    if (!compilation.method().procedure->walksOnce()) probe = compilation.classifier(*backend, 1);
    const BaselineFacts baseline = baselineFacts(compilation.method());
    compiled = packing == Packing::Once ? compilation.within(*backend, probeBytes())
                                        : compilation.compile(*backend, probeBytes());
    if (!compiled) return false;
    session = std::make_unique<Session>(*compiled, baseline, hooks());
    report = reportOf(*compiled, probe.get());
    if (options.from.empty()) report.head = describe(compilation.head());
    report.passes = compilation.passes();
    report.warnings.insert(report.warnings.begin(), compilation.warnings().begin(), compilation.warnings().end());
    returnFreedMemory();
    return true;
  }

  std::int64_t probeBytes() const { return probe ? probe->plan().arenaBytes() + probe->plan().weightBytes() : 0; }

  BaselineFacts baselineFacts(const Method& method) const {
    BaselineFacts facts;
    if (options.pixelRange) facts.bounds = InputBounds{options.pixelRange->low, options.pixelRange->high};
    if (method.baseline.kind != Baseline::Kind::File) return facts;
    Tensor t = readNpy(method.baseline.file);
    Shape own = fullInputShape(model, options.inputShape, options.batch, layout);
    own[0] = 1;
    if (t.shape.size() + 1 == own.size()) t.shape.insert(t.shape.begin(), 1);
    if (t.shape != own)
      throw Error(ErrorCode::ShapeMismatch, method.baseline.file, toString(t.shape),
                  toString({own.begin() + 1, own.end()}));
    facts.picture = relaid(t, layout, Layout::ChannelsFirst).data;
    return facts;
  }

  Session::Hooks hooks() {
    return {[this](Phase phase) { run(phase); }, [this](std::int64_t done, std::int64_t total) { goOn(done, total); },
            [this](const std::vector<float>& input) { return probed(input); }};
  }

  void goOn(std::int64_t done, std::int64_t total) const {
    if (!compiled->method().procedure->runsManyInputs() || !options.progress || options.progress(done, total)) return;
    throw Error(ErrorCode::Cancelled, "explain", fmt::format("stopped after {} of {}", done, total));
  }

  Layout handedOver() const { return options.channelsFirst ? Layout::ChannelsFirst : layout; }
  // In the layout that inputs and maps are handed over in; the plan has its channels first.
  Shape imageShape() const {
    Shape shape = compiled->imageShape();
    shape.insert(shape.begin(), 1);
    shape = relaid(shape, Layout::ChannelsFirst, handedOver());
    return {shape.begin() + 1, shape.end()};
  }

  void run(Phase phase) {
    const auto start = Clock::now();
    translated("run", [&] { compiled->plan().run(phase); });
    seconds[static_cast<int>(phase)] += std::chrono::duration<double>(Clock::now() - start).count();
  }

  std::vector<float> probed(const std::vector<float>& input) {
    for (std::int64_t r = 0; r < probe->rows(); ++r)
      std::copy(input.begin(), input.end(), probe->input() + r * probe->inputFloats());
    translated("run", [&] { probe->plan().run(Phase::Forward); });
    return {probe->scores(), probe->scores() + probe->scoreShape().count()};
  }

  std::vector<Explanation> explain(const TensorView& input, const std::vector<Target>& targets) {
    if (handedOver() == Layout::ChannelsFirst) return explainPlain(input, targets);
    std::vector<Explanation> maps = explainPlain(relaid(input, handedOver(), Layout::ChannelsFirst), targets);
    for (Explanation& map : maps) map.relevance = relaid(map.relevance, Layout::ChannelsFirst, handedOver());
    return maps;
  }

  std::vector<Explanation> explainPlain(const TensorView& input, const std::vector<Target>& targets) {
    Answers answers(*compiled, options, input, targets);
    compiled->method().procedure->serve(*session, answers);
    return answers.take();
  }

  Tensor forward(const TensorView& input) {
    if (handedOver() == Layout::ChannelsFirst) return forwardPlain(input);
    return forwardPlain(relaid(input, handedOver(), Layout::ChannelsFirst));
  }

  Tensor forwardPlain(const TensorView& input) {
    const ScoreShape& shape = compiled->scoreShape();
    const std::int64_t n = compiled->inputFloats(), scores = shape.classes * shape.positions;
    Tensor out(Shape{input.shape[0], scores});
    session->forward(
        input.shape[0], [&](std::int64_t k, float* to) { std::copy_n(input.data + k * n, n, to); },
        [&](std::int64_t k, const Session::Row& row) {
          float* to = out.data.data() + k * scores;
          for (std::int64_t c = 0; c < shape.classes; ++c)
            for (std::int64_t i = 0; i < shape.positions; ++i) *to++ = row.scores()[shape.at(c, i)];
        });
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

Layout Explainer::layout() const {
  return impl_->handedOver();
}

std::vector<Explanation> Explainer::explain(const TensorView& input) {
  return explain(input, impl_->options.targets);
}

std::vector<Explanation> Explainer::explain(const TensorView& input, const std::vector<Target>& targets) {
  checkImages(input, impl_->imageShape());
  const auto perImage = static_cast<std::int64_t>(impl_->options.targets.size());
  const auto count = static_cast<std::int64_t>(targets.size());
  if (count != perImage && count != perImage * input.shape[0])
    throw Error(ErrorCode::UnknownTarget, "targets", std::to_string(targets.size()),
                fmt::format("{} or {} (so many for each row)", perImage, perImage * input.shape[0]));
  impl_->seconds[0] = impl_->seconds[1] = 0;
  return translated("explain", [&] { return impl_->explain(input, targets); });
}

Tensor Explainer::forward(const TensorView& input) {
  checkImages(input, impl_->imageShape());
  impl_->seconds[0] = impl_->seconds[1] = 0;
  return impl_->forward(input);
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

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "explain/procedure.h"
#include "explainer/answers.h"
#include "explainer/baselines.h"
#include "explainer/chosen_method.h"
#include "explainer/prepare.h"
#include "explainer/system.h"
#include "relprop/error.h"
#include "relprop/tuning.h"

namespace relprop {
namespace {

using Clock = std::chrono::steady_clock;

void requireRange(const PixelRange& range) {
  bool good = range.low.size() == range.high.size();
  for (std::size_t c = 0; good && c < range.low.size(); ++c)
    good = std::isfinite(range.low[c]) && std::isfinite(range.high[c]) && range.low[c] <= range.high[c];
  if (!good)
    throw Error(ErrorCode::InvalidArgument, "pixelRange",
                fmt::format("[{}] to [{}]", fmt::join(range.low, ", "), fmt::join(range.high, ", ")),
                "finite numbers, the lower one first, two for each channel");
}

void validate(const ExplainOptions& options) {
  checkBatchAndThreads(options.batch, options.threads);
  if (options.targets.empty() || options.targets.size() > 1000)
    throw Error(ErrorCode::InvalidArgument, "targets", std::to_string(options.targets.size()), "1 to 1000");
  if (options.memory < 0)
    throw Error(ErrorCode::InvalidArgument, "memory", std::to_string(options.memory), "bytes, or 0 for no limit");
  if (!(options.requireConservation >= 0))
    throw Error(ErrorCode::InvalidArgument, "require-conservation", fmt::format("{}", options.requireConservation),
                "0 (off) or a share of the seed, such as 1e-3");
  if (options.pixelRange) requireRange(*options.pixelRange);
  if (options.reference && options.tuning)
    throw Error(ErrorCode::InvalidArgument, "tuning", nameOf(*options.tuning), "none with --reference",
                "plain loops know one way: leave one of them out");
}

}  // namespace

struct Explainer::Impl {
  Impl(const Model& m, const ExplainOptions& o) : model(m), options(o) {
    options.progress = passedOn(o.progress);
    options.again = passedOn(o.again);
  }

  Model model;
  ExplainOptions options;
  std::unique_ptr<System> system;
  std::unique_ptr<Session> session;
  PlanReport report;
  double seconds[2] = {0, 0}, spared = 0;

  Runnable& runnable() const { return system->runnable(); }
  const Method& method() const { return runnable().method(); }

  void requireMeaning(const Method& method) const {
    const auto refuse = [&](const char* option, const char* why, const char* expected) {
      throw Error(ErrorCode::NotSupportedByMethod, option, method.text + " " + why, expected);
    };
    if (!method.procedure->walksOnce() && !options.at.empty())
      refuse("at", "has no single walk through the layers", "a method that walks each image once");
    if (!method.conserves && options.requireConservation > 0)
      refuse("require-conservation", "does not distribute the seed", "a method of the LRP or RAP families");
  }

  void compile() {
    validate(options);
    Method method = chosenMethod(options);
    requireMeaning(method);
    take(model.isBagOfWords() ? makeBagSystem(model, options, std::move(method))
                              : makeNetworkSystem(model, options, std::move(method)));
  }

  void take(std::unique_ptr<System> compiled) {
    system = std::move(compiled);
    session =
        std::make_unique<Session>(runnable(), baselineFactsOf(method(), model, options, system->layout()), hooks());
    report = system->report();
  }

  // None for what compile() has something to say about.
  std::optional<Method> methodFor() const try {
    validate(options);
    Method method = chosenMethod(options);
    requireMeaning(method);
    return method;
  } catch (const Error&) {
    return std::nullopt;
  }

  Session::Hooks hooks() {
    return {[this](Phase phase) { run(phase); }, [this](std::int64_t done, std::int64_t total) { goOn(done, total); },
            [this](const std::vector<float>& input) { return probed(input); }};
  }

  void goOn(std::int64_t done, std::int64_t total) const {
    if (!method().procedure->runsManyInputs() || !options.progress || options.progress(done, total)) return;
    throw Error(ErrorCode::Cancelled, "explain", fmt::format("stopped after {} of {}", done, total));
  }

  void beginTiming() { seconds[0] = seconds[1] = spared = 0; }

  Layout handedOver() const { return options.channelsFirst ? Layout::ChannelsFirst : system->layout(); }
  // In the layout that inputs and maps are handed over in; the plan has its channels first.
  Shape imageShape() const {
    Shape shape = runnable().imageShape();
    shape.insert(shape.begin(), 1);
    shape = relaid(shape, Layout::ChannelsFirst, handedOver());
    return {shape.begin() + 1, shape.end()};
  }

  void run(Phase phase) {
    const auto start = Clock::now();
    translated("run", [&] { runnable().run(phase, options.again); });
    seconds[static_cast<int>(phase)] += std::chrono::duration<double>(Clock::now() - start).count();
    if (phase == Phase::Forward) spared += runnable().sparedSeconds();
  }

  std::vector<float> probed(const std::vector<float>& input) {
    Runnable& probe = system->probe();
    for (std::int64_t r = 0; r < probe.rows(); ++r)
      std::copy(input.begin(), input.end(), probe.input() + r * probe.inputFloats());
    translated("run", [&] { probe.run(Phase::Forward, options.again); });
    return {probe.scores(), probe.scores() + probe.scoreShape().count()};
  }

  std::vector<Explanation> explain(const TensorView& input, const std::vector<Target>& targets) {
    if (handedOver() == Layout::ChannelsFirst) return explainPlain(input, targets);
    std::vector<Explanation> maps = explainPlain(relaid(input, handedOver(), Layout::ChannelsFirst), targets);
    for (Explanation& map : maps) map.relevance = relaid(map.relevance, Layout::ChannelsFirst, handedOver());
    return maps;
  }

  std::vector<Explanation> explainPlain(const TensorView& input, const std::vector<Target>& targets) {
    Answers answers(*system, options, input, targets);
    method().procedure->serve(*session, answers);
    return answers.take();
  }

  Tensor forward(const TensorView& input) {
    if (handedOver() == Layout::ChannelsFirst) return forwardPlain(input);
    return forwardPlain(relaid(input, handedOver(), Layout::ChannelsFirst));
  }

  Tensor forwardPlain(const TensorView& input) {
    const ScoreShape& shape = runnable().scoreShape();
    const std::int64_t n = runnable().inputFloats(), scores = shape.classes * shape.positions;
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
Explainer::Explainer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Explainer::~Explainer() = default;

std::vector<std::unique_ptr<Explainer>> Explainer::together(const Model& model,
                                                            const std::vector<ExplainOptions>& options,
                                                            std::int64_t bytes) {
  std::vector<std::unique_ptr<Explainer>> all(options.size());
  if (options.empty() || model.isBagOfWords()) return all;
  std::vector<std::unique_ptr<Impl>> impls;
  std::vector<std::optional<Method>> methods;
  for (const ExplainOptions& one : options) {
    impls.push_back(std::make_unique<Impl>(model, one));
    methods.push_back(impls.back()->methodFor());
  }
  translated("compile", [&] {
    std::vector<std::unique_ptr<System>> systems = makeNetworkSystems(model, options, methods, bytes);
    for (std::size_t k = 0; k < all.size(); ++k) {
      if (!systems[k]) continue;
      impls[k]->take(std::move(systems[k]));
      all[k].reset(new Explainer(std::move(impls[k])));
    }
  });
  return all;
}

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
                input.shape[0] == 1
                    ? std::to_string(perImage)
                    : fmt::format("{} or {} (so many for each row)", perImage, perImage * input.shape[0]));
  impl_->beginTiming();
  return translated("explain", [&] { return impl_->explain(input, targets); });
}

Tensor Explainer::forward(const TensorView& input) {
  checkImages(input, impl_->imageShape());
  impl_->beginTiming();
  return impl_->forward(input);
}

const PlanReport& Explainer::report() const {
  return impl_->report;
}
std::vector<StepReport> Explainer::profile() const {
  return impl_->system->steps();
}
double Explainer::forwardSeconds() const {
  return impl_->seconds[0];
}
double Explainer::sparedSeconds() const {
  return impl_->spared;
}
double Explainer::backwardSeconds() const {
  return impl_->seconds[1];
}

}  // namespace relprop

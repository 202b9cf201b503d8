#include "relprop/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <thread>

#include "bench/clock.h"
#include "bench/floor_layers.h"
#include "bench/process_memory.h"
#include "bench/spread.h"
#include "eval/statistics.h"
#include "explainer/compilation.h"
#include "explainer/prepare.h"
#include "kernels/bare.h"

namespace relprop {
namespace {

void refuse(const char* what, const std::string& got, const char* expected) {
  throw Error(ErrorCode::InvalidArgument, what, got, expected);
}

void validate(const BenchOptions& o) {
  if (o.methods.empty()) refuse("methods", "none", "at least one");
  if (o.batches.empty() || o.threads.empty()) refuse("batches and threads", "none", "at least one of each");
  for (int batch : o.batches)
    for (int threads : o.threads) checkBatchAndThreads(batch, threads);
  if (o.rounds < 1 || o.rounds > 100000) refuse("rounds", std::to_string(o.rounds), "1 to 100000");
}

// The bare layers of one method.
class FloorMeter {
 public:
  FloorMeter(const PlanWork& plan, int threads, BareType type)
      : layers_(plan.layers), bare_(layers_.calls(), threads, type) {
    bare_.sweep();
  }
  void round() { rounds_.push_back(bare_.sweep()); }
  void report(BenchRun& run) const { layers_.report(rounds_, run); }

 private:
  FloorLayers layers_;
  BareLayers bare_;
  std::vector<std::vector<double>> rounds_;
};

// The method itself.
class MethodMeter {
 public:
  MethodMeter(const Model& model, const ExplainOptions& options) : asked_(options.method) {
    compile_ = secondsOf([&] { explainer_.emplace(model, options); });
  }

  void warmUp(const Tensor& input) {
    explainer_->explain(input);
    peak_ = memory_.bytes();
  }

  void round(const Tensor& input) {
    total_.push_back(secondsOf([&] { explainer_->explain(input); }));
    forward_.push_back(explainer_->forwardSeconds());
    backward_.push_back(explainer_->backwardSeconds());
    const std::vector<StepReport> steps = explainer_->profile();
    seconds_.resize(steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) seconds_[i].push_back(steps[i].seconds);
  }

  void report(BenchRun& run) const {
    run.method = explainer_->methodString(), run.asked = asked_;
    run.compile = compile_, run.peakBytes = peak_;
    run.forward = spreadOf(forward_), run.backward = spreadOf(backward_), run.total = spreadOf(total_);
    run.estimatedBytes = explainer_->report().memory;
    run.steps = explainer_->profile();
    for (std::size_t i = 0; i < run.steps.size(); ++i) run.steps[i].seconds = eval::medianOf(seconds_[i]);
  }

 private:
  PeakMemory memory_;
  std::string asked_;
  std::optional<Explainer> explainer_;
  double compile_ = 0;
  std::int64_t peak_ = 0;
  std::vector<double> forward_, backward_, total_;
  std::vector<std::vector<double>> seconds_;  // of each step
};

PixelRange neutralRange(std::int64_t count) {
  const auto channels = static_cast<std::size_t>(count);
  return {std::vector<float>(channels, -1.f), std::vector<float>(channels, 1.f)};
}

// The same values in every run; each within what its channel can hold.
Tensor noise(const Shape& image, Layout layout, int batch, const PixelRange& range) {
  Shape shape = image;
  shape.insert(shape.begin(), batch);
  Tensor x(relaid(shape, layout, Layout::ChannelsFirst));
  const std::size_t channels = range.low.size(), plane = x.data.size() / (static_cast<std::size_t>(batch) * channels);
  unsigned state = 1;
  for (std::size_t i = 0; i < x.data.size(); ++i) {
    state = state * 1664525u + 1013904223u;
    const std::size_t channel = i / plane % channels;
    const float share = static_cast<float>(state >> 8) / static_cast<float>(1u << 24);
    x.data[i] = range.low[channel] + share * (range.high[channel] - range.low[channel]);
  }
  return layout == Layout::ChannelsFirst ? x : relaid(x, Layout::ChannelsFirst, layout);
}

Tensor repeated(const Tensor& rows, int batch) {
  Shape shape = rows.shape;
  shape[0] = batch;
  Tensor x(shape);
  for (std::size_t i = 0; i < x.data.size(); ++i) x.data[i] = rows.data[i % rows.data.size()];
  return x;
}

class Benchmark {
 public:
  Benchmark(const std::filesystem::path& path, const BenchOptions& options) : options_(options) {
    validate(options);
    load(path);
    for (const std::string& method : options.methods) (void)runsManyInputs(method);  // a mistake shows before all work
  }

  BenchReport run() {
    for (int threads : options_.threads)
      for (int batch : batches())
        for (const std::string& method : options_.methods) measure(method, batch, threads);
    return std::move(report_);
  }

 private:
  void load(const std::filesystem::path& path) {
    constexpr int kLoads = 3;
    std::vector<double> seconds;
    for (int i = 0; i < kLoads; ++i) {
      goOn("loading " + path.string());
      model_.reset();  // to give back the memory of the one before takes its time too
      seconds.push_back(secondsOf([&] { model_.emplace(Model::load(path, options_.model)); }));
    }
    report_.model = model_->path(), report_.hash = model_->hash(), report_.load = spreadOf(seconds);
    layout_ = model_->layout(options_.explain.layout);
    const Shape full = fullInputShape(*model_, options_.explain.inputShape, 1, layout_);
    report_.input = Shape(full.begin() + 1, full.end());
    report_.neutralRange = !options_.explain.pixelRange;
  }

  // Those that the model holds for; one that holds for fewer rows is measured with these.
  std::vector<int> batches() {
    std::vector<int> held;
    for (int batch : options_.batches) {
      const Compilation compilation(*model_, explainOptions("gradient", batch, 1));
      const auto rows = static_cast<int>(compilation.rows());
      if (rows != batch) report_.warnings = compilation.warnings();  // why
      if (std::find(held.begin(), held.end(), rows) == held.end()) held.push_back(rows);
    }
    return held;
  }

  void goOn(const std::string& what) const {
    if (options_.progress && !options_.progress(what)) throw Error(ErrorCode::Cancelled, "bench", "stopped at " + what);
  }

  int channels() const { return model_->channels(options_.explain.inputShape, options_.explain.layout); }

  ExplainOptions explainOptions(const std::string& method, int batch, int threads) const {
    ExplainOptions o = options_.explain;
    o.method = method, o.batch = batch, o.threads = threads;
    if (!o.pixelRange) o.pixelRange = neutralRange(channels());
    return o;
  }

  Tensor input(const ExplainOptions& o) const {
    if (options_.input.data.empty())
      return noise(report_.input, layout_, o.batch,
                   static_cast<int>(o.pixelRange->low.size()) == channels() ? *o.pixelRange : neutralRange(channels()));
    checkImages(options_.input, report_.input);
    return repeated(options_.input, o.batch);
  }

  // The method is compiled and run once on its own first, for its memory. Then it runs in turn with its bare layers.
  void measure(const std::string& method, int batch, int threads) {
    const int used = threads > 0 ? threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    const std::string what = fmt::format("{}, batch {}, {} threads", method, batch, used);
    goOn("compiling " + what);
    const ExplainOptions o = explainOptions(method, batch, threads);
    const Tensor x = input(o);
    MethodMeter meter(*model_, o);
    meter.warmUp(x);
    const PlanWork plan = planWork(*model_, o);
    std::optional<FloorMeter> floor;
    if (!runsManyInputs(method)) floor.emplace(plan, threads, bareType());
    for (int r = 0; r < options_.rounds; ++r) {
      goOn(what + fmt::format(", round {}/{}", r + 1, options_.rounds));
      if (floor) floor->round();
      meter.round(x);
    }
    BenchRun run;
    run.batch = batch, run.threads = used, run.work = plan.work;
    meter.report(run);
    if (floor) floor->report(run);
    report_.runs.push_back(std::move(run));
  }

  BareType bareType() const {
    return options_.floorPrecision == Precision::Bfloat16 ? BareType::Bfloat16 : BareType::Float32;
  }

  const BenchOptions& options_;
  std::optional<Model> model_;
  Layout layout_ = Layout::ChannelsFirst;
  BenchReport report_;
};

}  // namespace

BenchReport measureModel(const std::filesystem::path& model, const BenchOptions& options) {
  return translated("bench", [&] { return Benchmark(model, options).run(); });
}

}  // namespace relprop

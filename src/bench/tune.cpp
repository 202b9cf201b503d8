// Each layer that can be computed in several ways is computed in all of them, in turn, and the fastest is kept.
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <limits>
#include <memory>
#include <set>

#include "bench/clock.h"
#include "bench/plan_work.h"
#include "eval/statistics.h"
#include "explainer/classifier.h"
#include "explainer/translated.h"
#include "explainer/tuning.h"
#include "kernels/backend.h"
#include "relprop/error.h"

namespace relprop {
namespace {

// 64-byte aligned, as plans give it.
class Space {
 public:
  explicit Space(std::int64_t bytes)
      : bytes_((bytes + 127) / 64 * 64),
        data_(static_cast<std::byte*>(std::aligned_alloc(64, static_cast<std::size_t>(bytes_))), std::free) {
    if (!data_) throw std::bad_alloc();
    fill(0.5f);
  }
  void fill(float value) { std::fill_n(reinterpret_cast<float*>(data_.get()), bytes_ / 4, value); }
  std::byte* data() const { return data_.get(); }

 private:
  std::int64_t bytes_;
  std::unique_ptr<std::byte, void (*)(void*)> data_;
};

struct Layer {
  LinearShape shape;
  bool backward;
  std::string key;
};

// Of one image, each shape once.
std::vector<Layer> layersOf(const Model& model, const TuneOptions& options) {
  std::vector<Layer> layers;
  std::set<std::string> known;
  const PlanWork work = planWork(
      model, {.method = "gradient", .inputShape = options.inputShape, .layout = options.layout, .pixelRange = {}});
  for (const LayerCalls& layer : work.layers)
    for (const LinearCall& call : layer.calls) {
      Layer one{call.shape, call.kind == LinearCall::Kind::Backward, ""};
      one.shape.n = 1, one.key = layerKey(one.shape, one.backward);
      if (!one.shape.dense && known.insert(one.key).second) layers.push_back(std::move(one));
    }
  return layers;
}

// A layer computed in one way.
struct Way {
  Algorithm algorithm;
  std::unique_ptr<Backend> backend;
  KernelPtr kernel;
  std::vector<double> seconds = {};
};

LinearKernelSpec specOf(const Layer& layer, const Backend& backend) {
  return {.shape = layer.shape,
          .srcBlock = backend.activation(layer.shape.inputShape()).block,
          .dstBlock = backend.activation(layer.shape.outputShape()).block,
          .weights = std::vector<float>(static_cast<std::size_t>(layer.shape.weightCount()), 0.01f)};
}

KernelPtr kernelOf(const Layer& layer, Backend& backend) {
  const LinearKernelSpec spec = specOf(layer, backend);
  return layer.backward ? backend.linearBackward(spec) : backend.linearForward(spec);
}

// Those that the layer can be computed in: what is asked for is what is made.
std::vector<Way> waysOf(const Layer& layer, int threads) {
  std::vector<Way> ways;
  for (const Algorithm algorithm : kAlgorithms) {
    auto table = std::make_shared<AlgorithmTable>(AlgorithmTable{{layer.key, algorithm}});
    auto backend = makeBackend({.threads = threads, .algorithms = std::move(table)});
    KernelPtr kernel = kernelOf(layer, *backend);
    if (kernel->algorithm() == std::string_view(nameOf(algorithm)))
      ways.push_back({algorithm, std::move(backend), std::move(kernel)});
  }
  return ways;
}

// Asks before every round whether to go on: there may be any number of them.
using GoOn = std::function<void()>;

TunedLayer measured(const Layer& layer, std::vector<Way>& ways, int rounds, const GoOn& goOn) {
  constexpr std::int64_t kColder = 8 << 20;  // between two runs: weights are not in the second-level cache in a plan
  const Backend& backend = *ways.front().backend;
  std::int64_t scratchBytes = 0;
  for (const Way& way : ways) scratchBytes = std::max(scratchBytes, way.kernel->scratchBytes());
  const TensorDesc x = backend.activation(layer.shape.inputShape()), y = backend.activation(layer.shape.outputShape());
  const Space in((layer.backward ? y : x).bytes()), out((layer.backward ? x : y).bytes()), scratch(scratchBytes);
  Space other(kColder);
  for (int round = 0; round <= rounds; ++round)
    for (Way& way : ways) {
      goOn();
      other.fill(static_cast<float>(round));
      const std::byte* from = in.data();
      std::byte* to = out.data();
      const double seconds = secondsOf([&] { way.kernel->run(&from, &to, scratch.data()); });
      if (round > 0) way.seconds.push_back(seconds);  // the first one warms up
    }
  TunedLayer result{layer.key, {}, "", ""};
  for (const Way& way : ways) result.seconds[nameOf(way.algorithm)] = eval::medianOf(way.seconds);
  const auto faster = [](const auto& a, const auto& b) { return a.second < b.second; };
  result.fastest = std::min_element(result.seconds.begin(), result.seconds.end(), faster)->first;
  return result;
}

// Seconds an image, the network's forward pass over ever more of them. Ends where more do not help any longer.
std::vector<std::pair<int, double>> batchesOf(const Model& model, const TuneOptions& options, int threads,
                                              const GoOn& goOn) {
  constexpr int kMost = 64;
  std::vector<std::pair<int, double>> batches;
  const bool fixed = !model.inputShape().empty() && model.inputShape()[0] > 0;
  for (int batch = 1; batch <= (fixed ? 1 : kMost); batch *= 2) {
    Classifier classifier(model, options.inputShape, options.layout, batch, threads);
    const std::int64_t floats = elementCount(classifier.imageShape());
    const auto pass = [&] {
      classifier.forward(
          batch, [floats](std::int64_t, float* to) { std::fill_n(to, floats, 0.5f); },
          [](std::int64_t, const float*) {});
    };
    pass();
    std::vector<double> seconds;
    for (int round = 0; round < options.rounds; ++round) goOn(), seconds.push_back(secondsOf(pass) / batch);
    batches.emplace_back(batch, eval::medianOf(seconds));
    if (batches.size() > 2 && batches.back().second > batches[batches.size() - 3].second) break;
  }
  return batches;
}

// The smallest that is within 3 % of the best: it takes the least memory.
int chosenBatch(const std::vector<std::pair<int, double>>& batches) {
  double best = std::numeric_limits<double>::infinity();
  for (const auto& [batch, seconds] : batches) best = std::min(best, seconds);
  const auto good =
      std::find_if(batches.begin(), batches.end(), [&](const auto& b) { return b.second <= 1.03 * best; });
  return good->first;
}

TuneReport tuned(const Model& model, const TuneOptions& options) {
  const auto plain = makeBackend({.threads = options.threads});
  const int threads = plain->threads();
  TuneReport report;
  report.tuning.processor = processorName(), report.tuning.threads = threads;
  report.tuning.libraries = backendLibraries();
  const std::vector<Layer> layers = layersOf(model, options);
  std::size_t k = 0;
  const GoOn goOn = [&] {
    if (options.progress && !options.progress(k, layers.size())) throw Error(ErrorCode::Cancelled, "tune", "stopped");
  };
  for (; k < layers.size(); ++k) {
    goOn();
    std::vector<Way> ways = waysOf(layers[k], threads);
    if (ways.size() < 2) continue;
    report.layers.push_back(measured(layers[k], ways, options.rounds, goOn));
    report.layers.back().builtIn = kernelOf(layers[k], *plain)->algorithm();
    report.tuning.layers[layers[k].key] = report.layers.back().fastest;
  }
  report.batches = batchesOf(model, options, threads, goOn);
  report.tuning.batch = chosenBatch(report.batches);
  return report;
}

}  // namespace

TuneReport tune(const Model& model, const TuneOptions& options) {
  if (options.rounds < 1)
    throw Error(ErrorCode::InvalidArgument, "rounds", std::to_string(options.rounds), "at least 1");
  if (model.isBagOfWords())
    throw Error(ErrorCode::InvalidArgument, model.path(), "a bag of visual words", "a network, which has layers");
  return translated("tune", [&] { return tuned(model, options); });
}

}  // namespace relprop

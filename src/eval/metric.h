// A metric as data: its name, parameters, the numbers it gives, and a function from a case to those numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/parameters.h"
#include "relprop/dataset.h"
#include "relprop/explain.h"
#include "relprop/metrics.h"
#include "relprop/tensor.h"

namespace relprop::eval {

// A heatmap: the channel sum of the relevance.
struct Plane {
  int height = 0, width = 0;
  std::vector<float> values;  // row by row
  std::size_t count() const { return values.size(); }
};

// The channel sum of a 1×C×H×W or C×H×W tensor. Throws NumericFailure for NaN or infinity, ShapeMismatch.
Plane planeOf(const Tensor& relevance);

using Fill = std::function<void(std::int64_t k, float* input)>;         // writes the k-th input, C×H×W
using Read = std::function<void(std::int64_t k, const float* scores)>;  // gets what the network says of it

// What the network says of one picture.
struct Answer {
  double logit = 0, probability = 0;  // of the target; a probability that there is not is NaN
  bool correct = false;               // the target is what the network would answer
};

// Relevance still on its way after each node, from the output down, as a share of the seed.
struct LayerSum {
  std::string node;
  double share = 0;
};

// The map of a network whose weights were re-drawn from the output down to a layer, a share of all layers.
struct RedrawnMap {
  std::string layer;
  Plane map;
  double share = 1;
};

// One picture explained by one method: all a metric may look at or ask for.
struct Case {
  std::string picture;  // its id
  Plane map;            // finite
  // As the method gave it, C×H×W; methods that draw one plane have C = 1.
  Shape relevanceShape;
  std::vector<float> relevance;
  double seed = 0, sum = 0;  // relevance put in, and that arrived
  std::vector<LayerSum> layers;

  const Truth* truth = nullptr;  // of the view's size; parts may be missing
  const Image* view = nullptr;   // the picture as the network saw it, RGB, before normalisation
  Shape inputShape;              // C×H×W
  const float* input = nullptr;  // normalised
  std::vector<float> black;      // a black pixel after normalisation, by channel of the input
  std::vector<float> low, high;  // the range of a pixel, by channel
  const Preprocess* preprocess = nullptr;
  int target = 0;
  bool oneClass = true;  // the picture shows what has one class of the data set, or its classes are not asked about

  // Forward passes over `count` inputs, a batch at a time.
  std::function<void(std::int64_t count, const Fill&, const Read&)> forward;
  // Reads off the scores that `forward` hands out; as they come from the network's head.
  std::function<Answer(const float* scores)> answer;
  // The same method and target on other inputs.
  std::function<std::vector<Plane>(std::int64_t count, const Fill&)> explain;
  // Up to `count` other pictures of the data set as the network gets them, each of another class and none of the
  // target's, that it answers rightly with at least this probability; which ones depends on the seed alone.
  std::function<std::vector<std::vector<float>>(std::size_t count, double confidence, std::uint64_t seed)> companions;
  // From the output down, stage by stage. Only for metrics with Protocol::randomisedLayers; means over
  // Protocol::copies.
  std::vector<RedrawnMap> randomised;

  std::uint64_t seedOf(const std::string& use) const;  // by picture, run seed and use: the same whatever the order
  std::uint64_t runSeed = 0;
};

// Noisy copies of a picture, x + noise·(max x − min x)·N(0, 1), whose maps are averaged.
struct NoisyCopies {
  int samples = 0;  // 0: the picture itself
  double noise = 0;
};

struct Measured {
  std::vector<NamedScore> scores;
  std::vector<Curve> curves;
  std::string skipped;  // why there is no score
  static Measured skip(std::string why) { return {{}, {}, std::move(why)}; }
};

// A metric with its parameters fixed.
struct Protocol {
  std::string text;  // complete: "name@version:key=value,…"
  std::vector<ScoreInfo> scores;
  enum class Region { None, BoxesOrMask, Boxes, Mask } region = Region::None;
  bool layers = false;                       // reads Case::layers
  bool probability = false;                  // reads Answer::probability
  Precision precision = Precision::Float32;  // of Case::forward
  int randomisedLayers = 0;  // > 0: so many maps of randomised networks are wanted; -1: one for every layer
  NoisyCopies copies;        // what these are maps of
  std::function<Measured(const Case&)> measure;
};

struct Metric {
  std::string name;
  int version;
  std::string summary, citation;
  // Reads the parameters and returns what measures; sets everything of Protocol but text.
  Protocol (*make)(Parameters& parameters);
  bool asksNetwork = false;  // reads Case::forward, whose precision is then a parameter
};

const std::vector<Metric>& metrics();  // the one list, metric_list.cpp
// Throws UnknownMetric, InvalidMetricParameter.
Protocol parseProtocol(const std::string& text);
// The mean of the maps that `explain` gives of the case's noisy copies, the same copies for every network; of its
// picture, input, inputShape and run seed alone (noisy_copies.cpp).
Plane meanOfCopies(const Case& c, const NoisyCopies& copies,
                   const std::function<std::vector<Plane>(std::int64_t count, const Fill&)>& explain);
// What a score of a stored protocol is; of the metric without parameters where this version does not know the text, and
// nothing of an unknown metric or score.
std::optional<ScoreInfo> scoreInfoOf(const std::string& protocol, const std::string& score);
// The text of a protocol that asks the network with this precision unless it says which itself.
std::string withPrecision(const std::string& text, Precision precision);

}  // namespace relprop::eval

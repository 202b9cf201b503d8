#include "explainer/bag_run.h"

#include <algorithm>
#include <numeric>

#include "bow/limits.h"
#include "explain/methods/method_list.h"
#include "explainer/model_impl.h"
#include "explainer/prepare.h"
#include "kernels/threads.h"
#include "relprop/error.h"
#include "relprop/tuning.h"

namespace relprop {
namespace {

bow::Root rootOf(const Method& method) {
  if (!method.bag || method.bag->root == "search") return bow::Root::Search;
  return method.bag->root == "zero" ? bow::Root::Zero : bow::Root::Mean;
}

double sumOf(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

ScoreShape scoreShapeOf(const bow::Machine& machine) {
  ScoreShape shape{.classes = machine.classes(), .head = HeadKind::Sigmoid};
  for (const auto& [slope, offset] : machine.platt) shape.sigmoids.push_back({-slope, -offset});
  return shape;
}

std::size_t sizeOf(std::int64_t count) {
  return static_cast<std::size_t>(count);
}

}  // namespace

BagRun::BagRun(std::shared_ptr<const bow::Bag> bag, Method method, const Shape& imageShape, std::int64_t rows,
               std::int64_t targets, int threads)
    : bag_(std::move(bag)),
      method_(std::move(method)),
      root_(rootOf(method_)),
      imageShape_(imageShape),
      rows_(rows),
      targets_(targets),
      threads_(threads),
      scoreShape_(scoreShapeOf(bag_->machine)),
      input_(sizeOf(rows * inputFloats())),
      scores_(sizeOf(rows * scoreShape_.count())),
      seen_(sizeOf(rows)) {
  if (!method_.backward) return;
  seed_.resize(sizeOf(rows * targets * scoreShape_.count()));
  relevance_.resize(sizeOf(rows * targets * inputFloats()));
  sums_.resize(sizeOf(rows * targets));
}

std::int64_t BagRun::bytes() const {
  const std::size_t floats = input_.size() + scores_.size() + seed_.size() + relevance_.size();
  return static_cast<std::int64_t>(floats * sizeof(float));
}

void BagRun::run(Phase phase, const Again& again) {
  const ThreadScope scope(threads_);
  if (phase == Phase::Forward) return look(again);
  for (std::int64_t at = 0; at < rows_ * targets_; ++at)
    walk(at / targets_, seed_.data() + at * scoreShape_.count(), relevance_.data() + at * inputFloats(),
         sums_[sizeOf(at)], again);
}

// Rows beyond those that are used repeat the one before.
void BagRun::look(const Again& again) {
  const std::int64_t n = inputFloats();
  const int height = static_cast<int>(imageShape_[1]), width = static_cast<int>(imageShape_[2]);
  for (std::int64_t r = 0; r < rows_; ++r) {
    const float* picture = input_.data() + r * n;
    const bool repeated = r > 0 && std::equal(picture, picture + n, picture - n);
    seen_[sizeOf(r)] = repeated ? seen_[sizeOf(r - 1)] : bow::look(*bag_, picture, height, width, again);
    const std::vector<double>& scores = seen_[sizeOf(r)].scores;
    std::copy(scores.begin(), scores.end(), scores_.begin() + r * scoreShape_.count());
  }
}

// Of every class as its share of that class' score, so that what is put in at a score is what comes out.
std::vector<double> BagRun::ofWords(const bow::Seen& seen, const float* seed, BagSums& sums, const Again& again) const {
  const std::vector<double>& x = seen.histogram.values;
  std::vector<double> all(x.size());
  const auto add = [&all](double share, const std::vector<double>& dims) {
    for (std::size_t d = 0; d < all.size(); ++d) all[d] += share * dims[d];
  };
  for (std::int64_t k = 0; k < scoreShape_.classes; ++k) {
    if (seed[k] == 0) continue;
    bow::goOn(again);
    if (method_.bag->derivative) {
      add(seed[k], bow::gradient(bag_->machine, k, x));
      continue;
    }
    const bow::WordRelevance r = bow::decompose(bag_->machine, k, x, root_, again);
    const double share = r.score == 0 ? 0 : seed[k] / r.score;
    add(share, r.dims);
    sums.taylor += share * r.gap;
    sums.noScore += r.score == 0 ? seed[k] : 0;
    sums.rooted = sums.rooted && r.rooted;
  }
  return all;
}

// A third of a pixel's relevance to each of its colours: features know places alone.
void BagRun::walk(std::int64_t row, const float* seed, float* relevance, BagSums& sums, const Again& again) const {
  const bow::Seen& seen = seen_[sizeOf(row)];
  sums = {};
  sums.seed = std::accumulate(seed, seed + scoreShape_.count(), 0.0);
  const std::vector<double> words = ofWords(seen, seed, sums, again);
  const bow::Pooled pooled{seen.supports, seen.mapped, seen.height, seen.width, bag_->vocabulary.words()};
  const std::vector<double> features = bow::featureRelevance(words, pooled, bag_->pooling);
  const std::vector<double> pixels = bow::pixelRelevance(features, seen.covers, seen.height, seen.width);
  sums.words = sumOf(words), sums.features = sumOf(features), sums.pixels = sumOf(pixels);
  sums.uncovered =
      static_cast<double>(bow::uncovered(seen.covers, seen.height, seen.width)) / static_cast<double>(pixels.size());
  const double part = 1.0 / static_cast<double>(imageShape_[0]);
  for (std::int64_t c = 0; c < imageShape_[0]; ++c)
    relevance = std::transform(pixels.begin(), pixels.end(), relevance,
                               [part](double r) { return static_cast<float>(part * r); });
}

namespace {

std::vector<std::string> methodsOfBags() {
  std::vector<std::string> names;
  for (const MethodEntry& e : methodList())
    if (parseMethod(e.name).bag) names.emplace_back(e.name);
  return names;
}

void requireMethodOfBags(const Method& method) {
  if (method.bag) return;
  std::string known;
  for (const std::string& name : methodsOfBags()) known += (known.empty() ? "" : ", ") + name;
  throw Error(ErrorCode::NotSupportedByMethod, "method", method.text + ", which walks through the layers of a network",
              "for a bag of visual words one of " + known);
}

void requireOptionsOfBags(const ExplainOptions& options) {
  const auto refuse = [](const char* option, const std::string& got) {
    throw Error(ErrorCode::InvalidArgument, option, got, "nothing: a bag of visual words has no layers",
                "leave it out");
  };
  if (!options.rules.empty()) refuse("rules", options.rules.front());
  if (!options.from.empty()) refuse("from", options.from);
  if (!options.at.empty()) refuse("at", options.at.front());
  if (!options.patterns.empty()) refuse("patterns", options.patterns.string());
  if (options.precision != Precision::Float32) refuse("precision", "bfloat16");
  if (options.memory > 0) refuse("memory", std::to_string(options.memory));
  if (options.reference) refuse("reference", "on");
  if (options.tuning) refuse("tuning", nameOf(*options.tuning));
}

}  // namespace

std::unique_ptr<BagRun> makeBagRun(const Model& model, const ExplainOptions& options, Method method) {
  checkBatchAndThreads(options.batch, options.threads);
  requireMethodOfBags(method);
  requireOptionsOfBags(options);
  const std::shared_ptr<const bow::Bag> bag = ModelAccess::bag(model);
  const auto [height, width] = bow::fixedSize(bag->preprocess);
  const Shape own = height > 0 ? Shape{height, width} : Shape();
  const Shape given = options.inputShape.empty() ? own : options.inputShape;
  const Shape full = fullInputShape(model, given, options.batch, model.layout(options.layout));
  bow::checkPictureSize(full[2], full[3], bag->features, {ErrorCode::InvalidArgument, "input"});
  return std::make_unique<BagRun>(bag, std::move(method), Shape(full.begin() + 1, full.end()), full[0],
                                  static_cast<std::int64_t>(options.targets.size()), options.threads);
}

}  // namespace relprop

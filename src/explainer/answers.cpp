#include "explainer/answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "explain/finish.h"
#include "explainer/prepare.h"
#include "relprop/error.h"

namespace relprop {

namespace {

constexpr char kNotFinite[] =
    "the network gives NaN or infinity on this input: an overflow, or a division by 0 or root of a negative number "
    "that the file has";

}  // namespace

const Target& Answers::target(std::int64_t image, std::int64_t t) const {
  const bool forAll = static_cast<std::int64_t>(targets_.size()) == runnable_.targets();
  return targets_[index(forAll ? 0 : image, t)];
}

Explanation Answers::predicted(const float* scores, const Target& target, Question& q) const {
  const ScoreShape& shape = runnable_.scoreShape();
  requireFinite(scores, shape.count(), ErrorCode::NumericFailure, "scores", kNotFinite);
  Explanation e = predict(shape, scores);
  q = questionOf(target, shape, e, runnable_.method().seed);
  e.target = static_cast<int>(q.index);
  const auto t = static_cast<std::size_t>(e.target);
  e.targetPrediction = {e.target, e.logits[t], probabilities(shape, scores)[t]};
  if (q.negated) e.targetPrediction = {e.target, -e.logits[t], 1 - e.targetPrediction.probability};
  return e;
}

void Answers::requireSum(const SeedSums& seed) const {
  if (!runnable_.method().procedure->walksOnce() || !runnable_.scalesToSum()) return;
  if (std::abs(seed.sum) < 1e-5 * seed.magnitude)
    throw Error(ErrorCode::NotSupportedByMethod, "target", "a seed whose sum is 0",
                "relevance with a sum, which " + runnable_.method().text + " hands on",
                "use another method for this contrast, such as lrp-zplus");
}

std::vector<Question> Answers::ask(std::int64_t k, const float* scores) {
  std::vector<Question> questions(static_cast<std::size_t>(runnable_.targets()));
  for (std::size_t t = 0; t < questions.size(); ++t) {
    Explanation e = predicted(scores, target(k, static_cast<std::int64_t>(t)), questions[t]);
    const SeedSums seed = seedSums(questions[t], runnable_.method().seed, runnable_.scoreShape(), scores);
    requireSum(seed);
    e.seed = seed.sum;
    all_.push_back(std::move(e));
    magnitudes_.push_back(seed.magnitude);
  }
  return questions;
}

// A remedy that the method has. RAP's stabiliser is 0 by definition; that of lrp-0 does not reach its layers.
const char* Answers::overflowHint() const {
  const std::string& method = runnable_.method().text;
  if (method.find("epsilon=") != std::string::npos) return "try a larger epsilon=, or another method";
  if (method.rfind("lrp-0", 0) != 0 && method.find("stabilizer=") != std::string::npos)
    return "try a larger stabilizer=, or another method";
  return runnable_.method().conserves ? "try another method, such as lrp-zplus" : "the derivatives overflow here";
}

namespace {

// Drawn, such a map looks as if it said something. The heatmap is flat where each channel is.
void warnOfFlatness(Explanation& e, const std::string& whyZero) {
  const std::vector<float>& map = e.relevance.data;
  const Shape& shape = e.relevance.shape;  // 1×C×H×W, or 1×… of what is no picture
  const auto plane = map.size() / static_cast<std::size_t>(shape.size() > 3 ? shape[1] : 1);
  for (std::size_t i = 0; i < map.size(); ++i)
    if (map[i] != map[i - i % plane]) return;
  if (std::all_of(map.begin(), map.end(), [](float v) { return v == 0; }))
    e.warnings.push_back("the map is 0 everywhere: " +
                         (whyZero.empty() ? "nothing was found that speaks for or against" : whyZero));
  else if (plane > 1)
    e.warnings.emplace_back("the map has one value everywhere: it tells no place from another");
}

}  // namespace

void Answers::finish(Explanation& e, Shape shape, std::vector<float> map, const std::string& whyZero) const {
  if (runnable_.method().conserves && std::any_of(map.begin(), map.end(), [](float v) { return std::isinf(v); }))
    throw Error(ErrorCode::NumericFailure, "relevance", "Σ|R| grew from layer to layer beyond what float32 holds",
                "values below 3.4e38", overflowHint());
  requireFinite(map.data(), static_cast<std::int64_t>(map.size()), ErrorCode::NumericFailure, "relevance",
                overflowHint());
  e.sum = std::accumulate(map.begin(), map.end(), 0.0);
  finishMap(runnable_.method().finish, shape, map);
  requireFinite(map.data(), static_cast<std::int64_t>(map.size()), ErrorCode::NumericFailure, "relevance",
                overflowHint());  // squares, sums over channels
  shape.insert(shape.begin(), 1);
  e.relevance = Tensor(shape, std::move(map));
  warnOfFlatness(e, whyZero);
}

namespace {

// float32 has 24 bits: what is less than 2^−24 of the parts of a sum is lost in their rounding.
void warnOfCancellation(Explanation& e, double magnitude, double seed) {
  if (seed > 0 && magnitude > 0x1p24 * seed)
    e.warnings.push_back(fmt::format(
        "relevance of both signs cancels: Σ|R| is {:.1e} times what was put in, which float32 does not hold; "
        "the map's sum means nothing",
        magnitude / seed));
}

double magnitudeOf(const float* values, std::int64_t count) {
  return std::accumulate(values, values + count, 0.0, [](double sum, float v) { return sum + std::abs(v); });
}

}  // namespace

void Answers::walked(std::int64_t k, const Session::Row& row) {
  for (std::int64_t t = 0; t < runnable_.targets(); ++t) {
    Explanation& e = answer(k, t);
    const float* r = row.relevance(t);
    finish(e, runnable_.imageShape(), {r, r + runnable_.inputFloats()});
    if (runnable_.method().conserves)
      warnOfCancellation(e, magnitudeOf(r, runnable_.inputFloats()), magnitudes_[index(k, t)]);
    const std::int64_t at = row.row * runnable_.targets() + t;
    for (std::size_t n = 0; n < runnable_.recordedNodes().size(); ++n) {
      Shape shape = runnable_.recordedShape(n);
      shape[0] = 1;
      const float* from = runnable_.recorded(n) + at * elementCount(shape);
      e.layers.push_back({runnable_.recordedNodes()[n], Tensor(shape, {from, from + elementCount(shape)})});
    }
    if (options_.ledger && runnable_.method().conserves) e.ledger = system_.ledger(at);
    e.facts = system_.facts(at);
    requireConservation(e, magnitudes_[index(k, t)], options_.requireConservation);
  }
}

void Answers::drawn(std::int64_t k, std::vector<Attribution> maps) {
  for (std::int64_t t = 0; t < runnable_.targets(); ++t) {
    Attribution& a = maps[static_cast<std::size_t>(t)];
    Explanation& e = answer(k, t);
    finish(e, a.shape, {a.map.begin(), a.map.end()}, a.whyZero);
    e.facts = std::move(a.facts);
  }
}

}  // namespace relprop

#include "explainer/prediction.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "relprop/error.h"

namespace relprop {
namespace {

std::vector<int> ranked(const std::vector<float>& logits) {
  std::vector<int> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
  });
  return order;
}

int withinClasses(int number, const ScoreShape& shape, const char* where, const char* what) {
  if (number < 0 || number >= shape.classes)
    throw Error(ErrorCode::UnknownTarget, where, std::to_string(number),
                fmt::format("{} from 0 to {}", what, shape.classes - 1));
  return number;
}

int classIndex(int index, const ScoreShape& shape, const char* where) {
  return withinClasses(index, shape, where, "a class index");
}

int classAt(int rank, const ScoreShape& shape, const Explanation& prediction) {
  const auto place = static_cast<std::size_t>(withinClasses(rank, shape, "target rank", "a place"));
  return place < prediction.top5.size() ? prediction.top5[place].index : ranked(prediction.logits)[place];
}

Question vectorQuestion(const Target& target, const ScoreShape& shape) {
  const auto count = static_cast<std::int64_t>(target.relevance().size());
  const std::int64_t wanted = shape.classes * shape.positions;
  if (count != wanted)
    throw Error(ErrorCode::UnknownTarget, "target", fmt::format("a relevance vector of {} values", count),
                fmt::format("{}, one a score", wanted));
  if (!std::all_of(target.relevance().begin(), target.relevance().end(), [](float v) { return std::isfinite(v); }))
    throw Error(ErrorCode::UnknownTarget, "target", "a relevance vector with NaN or infinity", "finite numbers");
  Question q;
  q.kind = Question::Kind::Vector;
  q.vector = target.relevance();
  const auto largest = std::max_element(q.vector.begin(), q.vector.end());
  q.index = (largest - q.vector.begin()) / shape.positions;
  return q;
}

void contrast(Question& q, const Target& target, const ScoreShape& shape) {
  if (target.contrast() == Target::Contrast::None) return;
  if (shape.classes < 2)
    throw Error(ErrorCode::UnknownTarget, "contrast", "one class", "another class to compare with");
  q.contrast = Question::Contrast::Others;
  if (target.contrast() == Target::Contrast::Others) return;
  q.contrast = Question::Contrast::Class;
  q.against = classIndex(target.rival(), shape, "contrast");
  if (q.against == q.index)
    throw Error(ErrorCode::UnknownTarget, "contrast", fmt::format("class {}, which is the target", q.against),
                "another class");
}

}  // namespace

Explanation predict(const ScoreShape& shape, const float* scores) {
  Explanation e;
  const std::vector<double> sums = classScores(shape, scores);
  e.logits.assign(sums.begin(), sums.end());
  const std::vector<double> p = probabilities(shape, scores);
  const std::vector<int> order = ranked(e.logits);
  for (std::size_t k = 0; k < std::min<std::size_t>(5, order.size()); ++k) {
    const auto i = static_cast<std::size_t>(order[k]);
    e.top5.push_back({order[k], e.logits[i], p[i]});
  }
  return e;
}

Question questionOf(const Target& target, const ScoreShape& shape, const Explanation& prediction, Seed seed) {
  if (seed == Seed::Probability && shape.positions > 1)
    throw Error(ErrorCode::NotSupportedByMethod, "seed", "probability at an inner node", "class scores",
                "use seed=logit");
  if (seed == Seed::Probability && !shape.hasProbabilities())
    throw Error(ErrorCode::NotSupportedByMethod, "seed", "probability of a network with one output and no sigmoid",
                "class probabilities", "use seed=logit");
  if (target.kind() == Target::Kind::Relevance && target.contrast() != Target::Contrast::None)
    throw Error(ErrorCode::InvalidArgument, "contrast", "a contrast beside a relevance vector",
                "one of them: the vector says what every score gets");
  if (target.kind() == Target::Kind::Relevance) return vectorQuestion(target, shape);
  Question q;
  q.index = prediction.top5.at(0).index;
  if (target.kind() == Target::Kind::All) q.kind = Question::Kind::All;
  if (target.kind() == Target::Kind::Class) q.index = classIndex(target.index(), shape, "target");
  if (target.kind() == Target::Kind::Rank) q.index = classAt(target.index(), shape, prediction);
  if (target.kind() == Target::Kind::Not) q.index = classIndex(target.index(), shape, "target"), q.negated = true;
  contrast(q, target, shape);
  return q;
}

SeedSums seedSums(const Question& q, Seed seed, const ScoreShape& shape, const float* scores) {
  std::vector<float> values(static_cast<std::size_t>(shape.count()));
  writeSeed(q, seed, shape, scores, values.data());
  SeedSums s;
  for (float v : values) s.sum += v, s.magnitude += std::abs(v);
  return s;
}

void requireConservation(const Explanation& e, double seedMagnitude, double limit) {
  if (limit <= 0) return;
  if (std::abs(e.sum - e.seed) <= limit * seedMagnitude) return;
  throw Error(ErrorCode::NotConserved, "relevance", fmt::format("Σ {:.6g} of a seed of {:.6g}", e.sum, e.seed),
              fmt::format("a difference of at most {:g} of the seed", limit),
              "see where it goes with `relprop inspect --ledger`");
}

}  // namespace relprop

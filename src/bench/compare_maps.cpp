// How far two settings agree about the same pictures.
#include <algorithm>
#include <cmath>
#include <string>

#include "eval/plane.h"
#include "eval/ranking.h"
#include "eval/statistics.h"
#include "explainer/prepare.h"
#include "relprop/bench.h"

namespace relprop {
namespace {

// Relevance of the pixels: the sum over channels.
std::vector<float> heatmap(const Tensor& relevance) {
  const Shape& s = relevance.shape;
  const auto plane = static_cast<std::size_t>(s[s.size() - 1] * s[s.size() - 2]);
  std::vector<float> map(plane);
  for (std::size_t i = 0; i < relevance.data.size(); ++i) map[i % plane] += relevance.data[i];
  return map;
}

// Two constant maps agree; one of them alone says nothing about the other.
double rankCorrelation(const std::vector<float>& a, const std::vector<float>& b) {
  if (eval::isConstant(a) || eval::isConstant(b)) return eval::isConstant(a) && eval::isConstant(b);
  return eval::correlation(eval::averageRanks(a), eval::averageRanks(b));
}

double conservationOf(const Explanation& e) {
  return e.seed == 0 ? 0 : std::abs(e.sum - e.seed) / std::abs(e.seed);
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, magnitude = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = std::max(difference, std::abs(static_cast<double>(a[i]) - b[i]));
    magnitude = std::max(magnitude, std::abs(static_cast<double>(a[i])));
  }
  return magnitude > 0 ? difference / magnitude : difference;
}

template <class Value>
std::vector<double> valuesOf(const std::vector<Agreement>& all, Value value) {
  std::vector<double> values;
  for (const Agreement& a : all) values.push_back(value(a));
  return values;
}

const ExplainOptions& singleTarget(const ExplainOptions& options) {
  const std::size_t targets = options.targets.size();
  if (targets != 1) throw Error(ErrorCode::InvalidArgument, "targets", std::to_string(targets), "1");
  return options;
}

}  // namespace

Agreement agreementOf(const Explanation& a, const Explanation& b) {
  const std::vector<float> one = heatmap(a.relevance), other = heatmap(b.relevance);
  if (one.size() != other.size())
    throw Error(ErrorCode::ShapeMismatch, "maps", toString(b.relevance.shape), toString(a.relevance.shape));
  if (a.logits.size() != b.logits.size())
    throw Error(ErrorCode::ShapeMismatch, "scores", std::to_string(b.logits.size()), std::to_string(a.logits.size()));
  return {.spearman = rankCorrelation(one, other),
          .sameTop = a.top5.at(0).index == b.top5.at(0).index,
          .conserves = !a.ledger.empty() && !b.ledger.empty(),
          .conservation = {conservationOf(a), conservationOf(b)},
          .logits = distance(a.logits, b.logits)};
}

MapComparison::MapComparison(const Model& model, const ExplainOptions& first, const ExplainOptions& second)
    : first_(model, singleTarget(first)), second_(model, singleTarget(second)) {}

std::vector<Agreement> MapComparison::compare(const Tensor& input) {
  const std::vector<Explanation> maps = first_.explain(input);
  std::vector<Target> same;
  for (const Explanation& map : maps) same.push_back(Target::of(map.target));
  const std::vector<Explanation> others = second_.explain(input, same);
  std::vector<Agreement> all;
  for (std::size_t i = 0; i < maps.size(); ++i) all.push_back(agreementOf(maps[i], others[i]));
  compared_.insert(compared_.end(), all.begin(), all.end());
  return all;
}

AgreementSummary summarise(const std::vector<Agreement>& all) {
  AgreementSummary s;
  s.pictures = all.size();
  if (all.empty()) return s;
  const std::vector<double> rho = valuesOf(all, [](const Agreement& a) { return a.spearman; });
  s.spearman = eval::medianOf(rho);
  s.lowestSpearman = *std::min_element(rho.begin(), rho.end());
  for (const Agreement& a : all) s.topChanged += !a.sameTop;
  s.conserves = all.front().conserves;
  for (const int setting : {0, 1})
    s.conservation[setting] =
        eval::medianOf(valuesOf(all, [=](const Agreement& a) { return a.conservation[setting]; }));
  s.logits = eval::medianOf(valuesOf(all, [](const Agreement& a) { return a.logits; }));
  return s;
}

AgreementSummary MapComparison::summary() const {
  return summarise(compared_);
}

}  // namespace relprop

// Checks of what an explanation promises: that relevance is neither lost nor made, and that it depends on what the
// network has learnt.
//   randomisation            likeness of |H| to |H| of networks whose weights are re-drawn from the output down, by
//   ranks
//                            and SSIM. Adebayo et al., NeurIPS 2018. With samples: both of means over noisy copies
//                            (smooth MPRT). [H] Hedström et al., 2024, arXiv:2401.06465
//   efficient-randomisation  (E(H_random) − E(H)) / E(H), E the entropy of a histogram (efficient MPRT). [H]
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "eval/metric_list.h"
#include "eval/plane.h"
#include "eval/ranking.h"
#include "eval/ssim.h"
#include "eval/statistics.h"
#include "relprop/error.h"

namespace relprop::eval {
namespace {

// |Σ R − R_seed| / |R_seed| at the pixels, and the same at each node; [Bach 2015] eq. 2.
Measured conserved(const Case& c) {
  if (c.seed == 0) return Measured::skip("no relevance was put in");
  Measured m{{{"input", std::abs(c.sum - c.seed) / std::abs(c.seed)}}, {}, {}};
  if (c.layers.empty()) return m;
  Curve curve{"share of the seed", "nodes passed, from the output down", {}, {}};
  double worst = 0;
  for (const LayerSum& layer : c.layers) {
    curve.x.push_back(static_cast<double>(curve.x.size() + 1));
    curve.y.push_back(layer.share);
    worst = std::max(worst, std::abs(layer.share - 1));
  }
  m.scores.push_back({"worst-layer", worst});
  m.curves.push_back(std::move(curve));
  return m;
}

// Likeness of |H| to |H of the network with its upper layers re-drawn|, stage by stage.
struct Likeness {
  std::vector<double> share, spearman, ssim;
};

Likeness likenessOf(const Plane& original, const std::vector<RedrawnMap>& randomised) {
  Likeness l;
  const std::vector<double> ranks = averageRanks(original.values);
  for (const RedrawnMap& stage : randomised) {
    const Plane map = magnitudeOf(stage.map);
    l.share.push_back(stage.share);
    l.spearman.push_back(correlation(ranks, averageRanks(map.values)));
    l.ssim.push_back(structuralSimilarity(original, map));
  }
  return l;
}

const char* const kNoLayer = "the network has no layer to re-draw";

Measured compared(const Case& c, const NoisyCopies& copies) {
  if (c.randomised.empty()) return Measured::skip(kNoLayer);
  const Plane original = magnitudeOf(copies.samples > 0 ? meanOfCopies(c, copies, c.explain) : c.map);
  // Ranks of a constant map say nothing, so its correlation is 0/0.
  if (isConstant(original.values)) return Measured::skip("the magnitude of the map is constant");
  for (const RedrawnMap& stage : c.randomised)
    if (isConstant(magnitudeOf(stage.map).values))
      return Measured::skip(fmt::format("the magnitude of the map is constant once {} is re-drawn", stage.layer));
  const Likeness l = likenessOf(original, c.randomised);
  const std::string x = "share of layers re-drawn";
  return {{{"spearman", l.spearman.back()},
           {"ssim", l.ssim.back()},
           {"mean-spearman", meanOf(l.spearman).mean},
           {"mean-ssim", meanOf(l.ssim).mean}},
          {{"spearman", x, l.share, l.spearman}, {"ssim", x, l.share, l.ssim}},
          {}};
}

// −Σ_b p_b ln p_b over the shares p of pixels in equal bins from the least to the largest |H|.
double histogramEntropy(const Plane& magnitudes, int bins) {
  const auto [at, end] = std::minmax_element(magnitudes.values.begin(), magnitudes.values.end());
  const double low = *at, range = static_cast<double>(*end) - low;
  std::vector<double> counts(static_cast<std::size_t>(bins));
  for (const float h : magnitudes.values) {
    const double place = range > 0 ? (h - low) * bins / range : 0;  // in this order an edge is a whole number
    ++counts[static_cast<std::size_t>(std::min(place, bins - 1.0))];
  }
  double entropy = 0;
  for (const double n : counts) {
    const double p = n / static_cast<double>(magnitudes.count());
    if (p > 0) entropy -= p * std::log(p);
  }
  return entropy;
}

// (entropy of the random network's map − of the own) / of the own.
Measured riseOfEntropy(const Case& c, int bins) {
  if (c.randomised.empty()) return Measured::skip(kNoLayer);
  const double own = histogramEntropy(magnitudeOf(c.map), bins),
               random = histogramEntropy(magnitudeOf(c.randomised.back().map), bins);
  if (own == 0) return Measured::skip("the magnitude of the map is constant");
  return {{{"rise", (random - own) / own}, {"entropy", own}, {"random-entropy", random}}, {}, {}};
}

// samples=0: the picture itself.
NoisyCopies copiesOf(Parameters& p) {
  const std::string samples = p.optional("samples", "0 to 10000 noisy copies, whose mean map is compared", "0");
  const bool given = !samples.empty() && p.whole("samples", 0, 0, 10000) > 0;
  const std::string noise = p.optional("noise", "of the copies, as a share of the input's range", "0.1");
  if (!given && p.isGiven("noise"))
    throw Error(ErrorCode::InvalidMetricParameter, "metric randomisation, noise",
                "given without samples=", "noisy copies", "add samples=50");
  if (!given) return {};
  const float sigma = p.number("noise", 0.1f);
  if (!(sigma > 0 && sigma <= 10))
    throw Error(ErrorCode::InvalidMetricParameter, "metric randomisation, noise", fmt::format("{}", sigma),
                "a number above 0, at most 10");
  return {p.whole("samples", 0, 0, 10000), sigma};
}

// "all" → −1, as Protocol::randomisedLayers wants it.
int stagesParameter(Parameters& p) {
  const std::string text = p.text("layers", "5", "all, or in how many stages");
  if (text == "all") return -1;
  return p.whole("layers", 5, 1, 10000);
}

}  // namespace

Protocol conservation(Parameters&) {
  Protocol protocol;
  protocol.layers = true;
  protocol.scores = {{"input", "share of the relevance lost or gained at the pixels", Better::Lower},
                     {"worst-layer", "largest share lost or gained after any node", Better::Lower}};
  protocol.measure = conserved;
  return protocol;
}

Protocol randomisation(Parameters& p) {
  Protocol protocol;
  protocol.randomisedLayers = stagesParameter(p);
  protocol.scores = {
      {"spearman", "rank correlation with the map of the network with all weights re-drawn", Better::Lower},
      {"ssim", "structural similarity to the same map", Better::Lower},
      {"mean-spearman", "mean rank correlation over the stages", Better::Lower},
      {"mean-ssim", "mean structural similarity over the stages", Better::Lower}};
  protocol.copies = copiesOf(p);
  protocol.measure = [copies = protocol.copies](const Case& c) { return compared(c, copies); };
  return protocol;
}

Protocol efficientRandomisation(Parameters& p) {
  const int bins = p.whole("bins", 100, 2, 100000);
  Protocol protocol;
  protocol.randomisedLayers = 1;
  protocol.scores = {{"rise", "rise of the map's entropy once all weights are re-drawn, as a share", Better::Higher},
                     {"entropy", "entropy of the histogram of |H|, in nats", Better::Neither},
                     {"random-entropy", "the same with all weights re-drawn", Better::Neither}};
  protocol.measure = [bins](const Case& c) { return riseOfEntropy(c, bins); };
  return protocol;
}

}  // namespace relprop::eval

// Checks of what an explanation promises: that relevance is neither lost nor made, and that it depends on what the
// network has learnt.
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

Likeness likenessOf(const Plane& original, const std::vector<std::pair<std::string, Plane>>& randomised) {
  Likeness l;
  const std::vector<double> ranks = averageRanks(original.values);
  for (const auto& stage : randomised) {
    const Plane map = magnitudeOf(stage.second);
    l.share.push_back(static_cast<double>(l.share.size() + 1) / static_cast<double>(randomised.size()));
    l.spearman.push_back(correlation(ranks, averageRanks(map.values)));
    l.ssim.push_back(structuralSimilarity(original, map));
  }
  return l;
}

Measured compared(const Case& c) {
  if (c.randomised.empty()) return Measured::skip("the network has no layer to re-draw");
  const Plane original = magnitudeOf(c.map);
  // Ranks of a constant map say nothing, so its correlation is 0/0.
  if (isConstant(original.values)) return Measured::skip("the magnitude of the map is constant");
  for (const auto& [layer, map] : c.randomised)
    if (isConstant(magnitudeOf(map).values))
      return Measured::skip(fmt::format("the magnitude of the map is constant once {} is re-drawn", layer));
  const Likeness l = likenessOf(original, c.randomised);
  const std::string x = "share of layers re-drawn";
  return {{{"spearman", l.spearman.back()},
           {"ssim", l.ssim.back()},
           {"mean-spearman", meanOf(l.spearman).mean},
           {"mean-ssim", meanOf(l.ssim).mean}},
          {{"spearman", x, l.share, l.spearman}, {"ssim", x, l.share, l.ssim}},
          {}};
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
  protocol.measure = compared;
  return protocol;
}

}  // namespace relprop::eval

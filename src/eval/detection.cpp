// The map as a detector of the object's pixels, whatever the threshold. Void pixels of the truth are left out.
//   auc  area under the receiver operating characteristic of H: the probability that a pixel of the object has the
//        higher value than one beside it, equal values counting half.
//   map  average precision of object and background in one list, as reported on ImageNet-Segmentation: with
//        H' = (H − min)/(max − min) every pixel stands in it twice, as object with H' and as background with 1 − H';
//        AP = Σ_k (R_k − R_{k−1})·P_k over the list's values in decreasing order.       [Chefer et al. 2021], section 4
#include <algorithm>

#include "eval/metric_list.h"
#include "eval/plane.h"
#include "eval/ranking.h"
#include "eval/region.h"

namespace relprop::eval {
namespace {

// What is to be found, and how strongly the map says so.
struct Detections {
  std::vector<float> values;
  std::vector<bool> object;
  std::size_t objects = 0;

  void add(float value, bool isObject) {
    values.push_back(value), object.push_back(isObject);
    objects += isObject;
  }
};

Detections detectionsOf(const Plane& map, const Region& region) {
  Detections all;
  for (std::size_t i = 0; i < map.count(); ++i)
    if (!region.leavesOut(i)) all.add(map.values[i], region.has(i));
  return all;
}

// Mann and Whitney: (Σ ranks of the object − n(n + 1)/2) / (n·m).
double areaUnderCurve(const Detections& all) {
  const std::vector<double> ranks = averageRanks(all.values);
  const auto n = static_cast<double>(all.objects), m = static_cast<double>(all.values.size() - all.objects);
  double sum = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i)
    if (all.object[i]) sum += ranks[i];
  return (sum - n * (n + 1) / 2) / (n * m);
}

// Equal values enter together.
double averagePrecision(const Detections& all) {
  const std::vector<std::uint32_t> order = decreasingOrder(all.values);
  double precision = 0, hits = 0, before = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    hits += all.object[order[k]];
    if (k + 1 < order.size() && all.values[order[k + 1]] == all.values[order[k]]) continue;
    precision += (hits - before) * hits / static_cast<double>(k + 1);
    before = hits;
  }
  return precision / static_cast<double>(all.objects);
}

Measured measureArea(const Plane& map, const Region& region) {
  if (isConstant(map.values)) return Measured::skip(kConstantMap);
  return {{{"auc", areaUnderCurve(detectionsOf(map, region))}}, {}, {}};
}

Measured measurePrecision(const Plane& map, const Region& region) {
  if (isConstant(map.values)) return Measured::skip(kConstantMap);
  const Detections object = detectionsOf(map, region);
  const Detections shares = detectionsOf({map.height, map.width, shareOfRange(map)}, region);
  Detections both;
  for (std::size_t i = 0; i < shares.values.size(); ++i)
    both.add(shares.values[i], shares.object[i]), both.add(1 - shares.values[i], !shares.object[i]);
  return {{{"map", averagePrecision(both)}, {"object", averagePrecision(object)}}, {}, {}};
}

}  // namespace

Protocol areaUnderRoc(Parameters& p) {
  return onRegionOf(p, {{"auc", "area under the ROC of the map's values", Better::Higher}}, Whole::Skipped,
                    measureArea);
}

Protocol meanAveragePrecision(Parameters& p) {
  return onRegionOf(p,
                    {{"map", "average precision of object and background in one list", Better::Higher},
                     {"object", "average precision of the object alone", Better::Higher}},
                    Whole::Skipped, measurePrecision);
}

}  // namespace relprop::eval

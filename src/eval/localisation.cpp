// Whether relevance lies where the object is. H⁺ = max(H, 0), H⁻ = max(−H, 0).
#include <algorithm>
#include <cmath>

#include "eval/metric_list.h"
#include "eval/plane.h"
#include "eval/ranking.h"
#include "eval/region.h"

namespace relprop::eval {
namespace {

// Means of H⁺ and H⁻ on either side.
struct Sides {
  double positiveInside = 0, positiveOutside = 0, negativeInside = 0, negativeOutside = 0;
};

Sides sidesOf(const Plane& map, const Region& region) {
  Sides s;
  for (std::size_t i = 0; i < map.count(); ++i) {
    if (region.leavesOut(i)) continue;
    (region.has(i) ? s.positiveInside : s.positiveOutside) += positivePart(map.values[i]);
    (region.has(i) ? s.negativeInside : s.negativeOutside) += negativePart(map.values[i]);
  }
  s.positiveInside /= static_cast<double>(region.inside), s.negativeInside /= static_cast<double>(region.inside);
  s.positiveOutside /= static_cast<double>(region.outside), s.negativeOutside /= static_cast<double>(region.outside);
  return s;
}

// [RAP] eq. 11: μ = (H̄⁺ outside + H̄⁻ inside) / (H̄⁺ inside + H̄⁻ outside).
Measured outsideInsideRatio(const Plane& map, const Region& region) {
  const Sides s = sidesOf(map, region);
  const double wrong = s.positiveOutside + s.negativeInside, right = s.positiveInside + s.negativeOutside;
  if (wrong == 0 && right == 0) return Measured::skip(kZeroMap);
  // A cap would let its arbitrary value rule the mean of a data set.
  if (right == 0) return Measured::skip("the ratio is infinite: all relevance has the wrong sign for its side");
  Measured m{{{"all", wrong / right}}, {}, {}};
  if (s.positiveInside > 0) m.scores.push_back({"pos", s.positiveOutside / s.positiveInside});
  return m;
}

std::size_t highest(const Plane& map, const Region& region) {
  std::size_t best = map.count();
  for (std::size_t i = 0; i < map.count(); ++i)
    if (!region.leavesOut(i) && (best == map.count() || map.values[i] > map.values[best])) best = i;
  return best;
}

bool regionWithin(const Plane& map, const Region& region, std::size_t point, int tolerance) {
  const int px = static_cast<int>(point) % map.width, py = static_cast<int>(point) / map.width;
  for (int y = std::max(0, py - tolerance); y <= std::min(map.height - 1, py + tolerance); ++y)
    for (int x = std::max(0, px - tolerance); x <= std::min(map.width - 1, px + tolerance); ++x) {
      const bool near = (x - px) * (x - px) + (y - py) * (y - py) <= tolerance * tolerance;
      if (near && region.has(static_cast<std::size_t>(y * map.width + x))) return true;
    }
  return false;
}

Measured pointing(const Plane& map, const Region& region, int tolerance) {
  if (isZero(map)) return Measured::skip(kZeroMap);
  if (isConstant(map.values)) return Measured::skip(kConstantMap);  // its order is that of the pixels' numbers
  const bool hit = regionWithin(map, region, highest(map, region), tolerance);
  return {{{"hit", hit ? 1.0 : 0.0}}, {}, {}};
}

Measured massInside(const Plane& map, const Region& region) {
  double inside = 0, all = 0;
  for (std::size_t i = 0; i < map.count(); ++i) {
    if (region.leavesOut(i)) continue;
    all += positivePart(map.values[i]);
    if (region.has(i)) inside += positivePart(map.values[i]);
  }
  if (all == 0) return Measured::skip(kNoPositive);
  return {{{"mass", inside / all}}, {}, {}};
}

Measured rankInside(const Plane& map, const Region& region) {
  if (isZero(map)) return Measured::skip(kZeroMap);
  if (isConstant(map.values)) return Measured::skip(kConstantMap);  // its order is that of the pixels' numbers
  std::size_t looked = 0, found = 0;
  for (const std::uint32_t i : decreasingOrder(map.values)) {
    if (looked == region.inside) break;
    if (region.leavesOut(i)) continue;
    ++looked, found += region.has(i);
  }
  return {{{"rank", static_cast<double>(found) / static_cast<double>(region.inside)}}, {}, {}};
}

}  // namespace

Protocol outsideInside(Parameters& p) {
  return onRegionOf(
      p,
      {{"all", "relevance of the wrong sign for its side over that of the right one", Better::Lower, true},
       {"pos", "mean positive relevance outside over inside", Better::Lower, true}},
      Whole::Skipped, outsideInsideRatio);
}

Protocol pointingGame(Parameters& p) {
  const int tolerance = p.whole("tolerance", 15, 0, 10000);
  return onRegionOf(p, {{"hit", "1 when the highest pixel lies in the region, else 0", Better::Higher}}, Whole::Allowed,
                    [tolerance](const Plane& map, const Region& region) { return pointing(map, region, tolerance); });
}

Protocol relevanceMass(Parameters& p) {
  return onRegionOf(p, {{"mass", "share of positive relevance that lies in the region", Better::Higher}},
                    Whole::Allowed, massInside);
}

// Relevance mass on boxes, as its authors measure it; whatever else the truth has.
Protocol energyPointingGame(Parameters&) {
  Protocol protocol;
  protocol.scores = {{"energy", "share of positive relevance inside the boxes", Better::Higher}};
  protocol.region = Protocol::Region::Boxes;
  protocol.measure = [](const Case& c) {
    Measured m = onRegion(c, Protocol::Region::Boxes, Whole::Allowed, massInside);
    for (NamedScore& score : m.scores) score.name = "energy";
    return m;
  };
  return protocol;
}

Protocol relevanceRank(Parameters& p) {
  return onRegionOf(p, {{"rank", "share of the highest pixels, as many as the region has, inside it", Better::Higher}},
                    Whole::Allowed, rankInside);
}

}  // namespace relprop::eval

#include "eval/region.h"

#include <fmt/format.h>

#include <algorithm>

#include "relprop/error.h"

namespace relprop::eval {
namespace {

const Mask* regionOf(const Truth& truth, Protocol::Region wanted) {
  const Mask* boxes = truth.boxes ? &*truth.boxes : nullptr;
  const Mask* mask = truth.mask ? &*truth.mask : nullptr;
  if (wanted == Protocol::Region::Boxes) return boxes;
  if (wanted == Protocol::Region::Mask) return mask;
  return boxes ? boxes : mask;
}

const char* missing(Protocol::Region wanted) {
  if (wanted == Protocol::Region::Boxes) return "no boxes";
  return wanted == Protocol::Region::Mask ? "no mask" : "neither boxes nor a mask";
}

void requireSameSize(const Case& c, const Mask& mask) {
  if (mask.width == c.map.width && mask.height == c.map.height && mask.values.size() == c.map.count()) return;
  throw Error(ErrorCode::ShapeMismatch, c.picture, fmt::format("truth of {}×{}", mask.height, mask.width),
              fmt::format("{}×{}, the heatmap's size", c.map.height, c.map.width));
}

std::size_t countOf(const Mask& mask, std::uint8_t value) {
  return static_cast<std::size_t>(std::count(mask.values.begin(), mask.values.end(), value));
}

}  // namespace

Protocol::Region regionParameter(Parameters& parameters) {
  const std::string word = parameters.word("region", "any", {"any", "boxes", "mask"});
  if (word == "boxes") return Protocol::Region::Boxes;
  return word == "mask" ? Protocol::Region::Mask : Protocol::Region::BoxesOrMask;
}

Measured onRegion(const Case& c, Protocol::Region wanted, Whole whole,
                  const std::function<Measured(const Plane&, const Region&)>& measure) {
  const Mask* mask = c.truth ? regionOf(*c.truth, wanted) : nullptr;
  if (!mask) return Measured::skip(c.truth && !c.truth->lack.empty() ? c.truth->lack : missing(wanted));
  requireSameSize(c, *mask);
  const Region region{mask->values, countOf(*mask, Mask::kObject), countOf(*mask, Mask::kBackground)};
  if (region.inside == 0) return Measured::skip("the region covers nothing of the view");
  if (whole == Whole::Skipped && region.outside == 0) return Measured::skip("the region covers all of the view");
  return measure(c.map, region);
}

Protocol onRegionOf(Parameters& p, std::vector<ScoreInfo> scores, Whole whole,
                    std::function<Measured(const Plane&, const Region&)> measure) {
  Protocol protocol;
  protocol.scores = std::move(scores);
  protocol.region = regionParameter(p);
  protocol.measure = [wanted = protocol.region, whole, measure = std::move(measure)](const Case& c) {
    return onRegion(c, wanted, whole, measure);
  };
  return protocol;
}

}  // namespace relprop::eval

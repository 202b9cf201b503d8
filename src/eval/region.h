// Where the truth says the object is. Void pixels belong to neither side.
#pragma once

#include <functional>

#include "eval/metric.h"

namespace relprop::eval {

// Key region: any (boxes where there are any, else the mask), boxes or mask.
Protocol::Region regionParameter(Parameters& parameters);

struct Region {
  const std::vector<std::uint8_t>& side;  // Mask::kObject, kBackground or kVoid, pixel by pixel
  std::size_t inside = 0, outside = 0;    // how many of each
  bool has(std::size_t pixel) const { return side[pixel] == Mask::kObject; }
  bool leavesOut(std::size_t pixel) const { return side[pixel] == Mask::kVoid; }
};

enum class Whole { Allowed, Skipped };  // a region that covers all of the view
// What `measure` makes of the wanted region, or why there is none to measure on. Throws ShapeMismatch when truth and
// map differ in size.
Measured onRegion(const Case& c, Protocol::Region wanted, Whole whole,
                  const std::function<Measured(const Plane&, const Region&)>& measure);

// The protocol that reads key region and measures on what it says.
Protocol onRegionOf(Parameters& parameters, std::vector<ScoreInfo> scores, Whole whole,
                    std::function<Measured(const Plane&, const Region&)> measure);

}  // namespace relprop::eval

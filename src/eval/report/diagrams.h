// Curves and costs of a section as SVG with their legend.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "eval/report/section.h"

namespace relprop::eval {

std::string legend(const Section& section, const std::vector<std::size_t>& methods);
std::string curveDiagrams(const Section& section);                                 // "" without curves
std::string pictureDiagrams(const Section& section, const ShownPicture& picture);  // of one picture alone
std::string costDiagrams(const Section& section);                                  // "" when no costs are known

}  // namespace relprop::eval

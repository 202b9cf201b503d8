// Curves and costs of a section as SVG with their legend.
#pragma once

#include <string>

#include "eval/report/section.h"

namespace relprop::eval {

std::string legend(const Section& section);
std::string curveDiagrams(const Section& section);                                 // "" without curves
std::string pictureDiagrams(const Section& section, const ShownPicture& picture);  // of one picture alone
std::string costDiagrams(const Section& section);                                  // "" when no costs are known

}  // namespace relprop::eval

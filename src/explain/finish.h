// What is done with a finished map.
#pragma once

#include <vector>

#include "explain/method.h"

namespace relprop {

// sign=abs|positive|negative, normalize=on (finish.cpp).
void applyFinish(Method& m, Parameters& p);
// Runs the steps of `finish` over a map of the given shape, which they may change.
void finishMap(const std::vector<Finish>& steps, Shape& shape, std::vector<float>& map);

}  // namespace relprop

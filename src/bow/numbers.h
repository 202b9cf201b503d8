// What every number of a bag satisfies, read or made.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>

#include "bow/limits.h"

namespace relprop::bow {

// Throws NonFiniteWeights; MalformedModel for what is beyond kMaxValue.
template <class Values>
void checkNumbers(const Values& values, const std::string& where) {
  for (const double value : values) {
    if (!std::isfinite(value)) throw Error(ErrorCode::NonFiniteWeights, where, "NaN or infinity", "finite numbers");
    if (std::abs(value) > kMaxValue)
      throw Error(ErrorCode::MalformedModel, where, fmt::format("the number {}", value),
                  fmt::format("none beyond {}", kMaxValue));
  }
}

}  // namespace relprop::bow

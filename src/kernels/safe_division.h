// Division that is safe: 0 where the denominator is 0, and where it is so small (a denormal number, say) that the
// quotient would overflow float32 in the layer that sums it. Who divides has to treat the numerator as not sent.
#pragma once

namespace relprop {

inline constexpr float kLargestQuotient = 0x1p100f, kSmallDenominator = 0x1p-64f;

}  // namespace relprop

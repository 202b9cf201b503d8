// Included by ops.inc.h: functions that loops over them make vectors of. No branches; both sides of a case are computed
// of every element. Errors are relative and were measured over all magnitudes (the tests' Functions).

// e^x = 2^k·e^r with k = round(x/log 2) and r = x − k·log 2, |r| ≤ 0.35: a minimax polynomial of r. Within 1.2e-7 down
// to where results lose digits; below −103.97 0, above 88.72 infinite.
inline float exponential(float x) {
  constexpr float kRound = 12582912.0f;                                  // 1.5·2^23: a sum with it has no fraction
  constexpr float kLog2High = 0.693359375f, kLog2Low = -2.12194440e-4f;  // k·high is exact
  const float low = x < -104.0f ? -104.0f : x, bounded = low > 89.0f ? 89.0f : low;
  const float shifted = bounded * 1.44269504f + kRound, k = shifted - kRound;
  const float r = (bounded - k * kLog2High) - k * kLog2Low;
  const float q = 0.49999994f + r * (0.16666515f + r * (0.041668456f + r * (0.008369419f + r * 0.0013813144f)));
  const float e = 1.0f + (r + r * r * q);
  // 2^k in two factors, each of them a float where 2^k is none.
  const int power = __builtin_bit_cast(int, shifted) - __builtin_bit_cast(int, kRound), half = power >> 1;
  const float first = __builtin_bit_cast(float, (half + 127) << 23);
  return e * first * __builtin_bit_cast(float, (power - half + 127) << 23);
}

// An odd polynomial up to 0.625, 1 − 2/(e^2|x| + 1) beyond. Within 2.5e-7.
inline float hyperbolicTangent(float x) {
  const float s = x * x, magnitude = fabsf(x);
  const float near =
      x + x * s * (-0.33333284f + s * (0.13331491f + s * (-0.053743497f + s * (0.020650582f + s * -0.005717039f))));
  const float far = copysignf(1.0f - 2.0f / (exponential(2.0f * magnitude) + 1.0f), x);
  return magnitude < 0.625f ? near : far;
}

// Minimax fits: an odd polynomial up to 1; from there to 4, where erf reaches 1 in single precision, 1 − e^polynomial.
inline float errorFunction(float x) {
  const float s = x * x, magnitude = fabsf(x), t = magnitude < 4.0f ? magnitude : 4.0f;
  const float near =
      x * (1.1283791f +
           s * (-0.37612327f + s * (0.11280182f + s * (-0.026711351f + s * (0.0049175906f + s * -0.00056315635f)))));
  const float exponent =
      -0.0021957655f +
      t * (-1.1190729f + t * (-0.65229085f + t * (-0.090079444f + t * (0.015242308f + t * -0.0012086293f))));
  const float far = copysignf(1.0f - exponential(exponent), x);
  return magnitude < 1.0f ? near : far;
}

// log(u)·a/(u − 1) with u = 1 + a rounded: what rounding cut off cancels.
inline float logOnePlus(float a) {
  const float u = 1.0f + a, rounded = u - 1.0f;
  const float q = logf(u) * (a / (rounded == 0.0f ? 1.0f : rounded));
  return rounded == 0.0f ? a : q;
}

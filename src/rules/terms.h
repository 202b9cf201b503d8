// A rule for a linear node as data. A message is
//     R_i += coef · part_i(x) · Σ_j part_ij(w) · take(R)_j / D_j
// with D the sum of the named denominators, each D_j = Σ terms Σ_i part_i(x)·part_ij(w) + part_j(b), stabilised.
#pragma once

#include <string>
#include <vector>

namespace relprop {

enum class InputPart { X, Pos, Neg, One, AboveLow, BelowHigh };  // x, x⁺, x⁻ (≤ 0), 1, x − l (≥ 0), x − h (≤ 0)
// w, w⁺, w⁻ (≤ 0), |w|, w+γw⁺, w+γw⁻, w², 1, a, w·a (a: patterns estimated from data)
enum class WeightPart { W, Pos, Neg, Abs, PlusGammaPos, PlusGammaNeg, Square, One, Pattern, WeightTimesPattern };
enum class BiasPart { None, B, Pos, Neg, PlusGammaPos, PlusGammaNeg, Square };
enum class Take {
  All,
  Positive,
  Negative,
  WherePositive,
  WhereNegative
};  // of R: all, R⁺, R⁻, where z > 0, where z < 0
enum class After { None, ShiftActivated, AbsoluteNormalise, UniformCorrection };
enum class BiasMode { Keep, Drop, Spread };

// Parts that also take the layer's patterns a.
inline bool isPattern(WeightPart part) {
  return part == WeightPart::Pattern || part == WeightPart::WeightTimesPattern;
}

struct Term {
  InputPart in;
  WeightPart weight;
  BiasPart bias = BiasPart::None;
  float sign = 1;
};

struct Denominator {
  std::vector<Term> terms;
  float epsilon = 0;      // stab(z) = z + ε·sign(z); 0: safe division
  int complementOf = -1;  // this = P − (z − b) with P that denominator: their sum needs no convolution of its own
};

struct Message {
  float coef = 1;
  Take take = Take::All;
  std::vector<int> over;  // denominators that are added; none: R is not divided
  std::vector<Term> back;
};

struct LinearRule {
  std::vector<Denominator> denominators;
  std::vector<Message> messages;
  After after = After::None;
  float gamma = 0;
  BiasMode bias = BiasMode::Keep;
  bool imageBounds = false;  // l and h: extremes of the image instead of the pixel range

  // Is R_i a multiple of x_i? Then nothing reaches an input that is 0.
  bool multipliesInput() const;
  bool usesBounds() const;
  bool usesPatterns() const;
  // Does it look at more of the layer's output z than whether z > 0?
  bool readsOutput() const;
};

}  // namespace relprop

// What is asked at the scores, once it is known which class that means.
#pragma once

#include <vector>

#include "explain/method.h"

namespace relprop {

// Scores are N×classes, or N×channels×positions when an inner node is explained.
struct ScoreShape {
  std::int64_t classes = 0, positions = 1;
  std::int64_t count() const { return classes * positions; }
};

struct Question {
  enum class Kind { Class, All, Vector } kind = Kind::Class;
  std::int64_t index = 0;  // Class
  enum class Contrast { None, Others, Class } contrast = Contrast::None;
  std::int64_t against = 0;        // Contrast::Class
  std::vector<float> vector = {};  // Vector: relevance of every score
};

// A class' score: the sum over positions.
std::vector<double> classScores(const ScoreShape& shape, const float* scores);

// Writes the relevance put in at the scores. Class: the target's score, 1 or its probability at the target. Contrast:
// minus the same spread over the other classes in equal parts ([CLRP] Gu et al. 2018), or minus the rival's own at the
// rival.
void writeSeed(const Question& target, Seed seed, const ScoreShape& shape, const float* scores, float* out);

// The function of the input that the question names, for methods that speak of its change: Σ seed-one · scores.
double valueOf(const Question& target, const ScoreShape& shape, const float* scores);

}  // namespace relprop

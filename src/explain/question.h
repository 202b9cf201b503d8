// What is asked at the scores, once it is known which class that means.
#pragma once

#include <vector>

#include "explain/method.h"
#include "graph/head.h"

namespace relprop {

// Scores are N×classes, or N×channels×positions when an inner node is explained. Where the classes are some of more
// scores, or lie in another order, `kept` says which (Head::kept), and `scores` how many there are.
struct ScoreShape {
  // Of HeadKind::Sigmoid, class by class: 1/(1 + exp(−(slope·score + offset))); none: slope 1, offset 0.
  struct Sigmoid {
    double slope = 1, offset = 0;
  };
  std::int64_t classes = 0, positions = 1;
  HeadKind head = HeadKind::None;
  std::vector<std::int64_t> kept = {};
  std::int64_t scores = 0;
  std::vector<Sigmoid> sigmoids = {};

  std::int64_t count() const { return kept.empty() ? classes * positions : scores; }
  std::int64_t at(std::int64_t k, std::int64_t position = 0) const {
    return kept.empty() ? k * positions + position : kept[static_cast<std::size_t>(k)];
  }
  // Of a sum over positions the function behind the scores makes none.
  bool hasProbabilities() const { return head != HeadKind::Regression && positions == 1; }
};

struct Question {
  enum class Kind { Class, All, Vector } kind = Kind::Class;
  std::int64_t index = 0;  // Class
  enum class Contrast { None, Others, Class } contrast = Contrast::None;
  std::int64_t against = 0;        // Contrast::Class
  std::vector<float> vector = {};  // Vector: relevance of every class and position
  bool negated = false;            // what speaks against it: all that is put in changes its sign
};

// A class' score: the sum over positions.
std::vector<double> classScores(const ScoreShape& shape, const float* scores);

// Of each class, as the head makes them; NaN where there are none.
std::vector<double> probabilities(const ScoreShape& shape, const float* scores);
// 1/(1 + e^−z)
double logistic(double z);

// Writes the relevance put in at the scores. Class: the target's score, 1 or its probability at the target. Contrast:
// minus the same spread over the other classes in equal parts ([CLRP] Gu et al. 2018), or minus the rival's own at the
// rival.
void writeSeed(const Question& target, Seed seed, const ScoreShape& shape, const float* scores, float* out);

// The function of the input that the question names, for methods that speak of its change: Σ seed-one · scores.
double valueOf(const Question& target, const ScoreShape& shape, const float* scores);

}  // namespace relprop

// From scores and a caller's target to what is asked of a method, and what is told about the class.
#pragma once

#include "explain/question.h"
#include "relprop/explain.h"

namespace relprop {

// logits, probabilities and the five highest classes; of an inner node its channels, each with the sum over positions.
Explanation predict(const ScoreShape& shape, const float* scores);

// Throws UnknownTarget, InvalidArgument.
Question questionOf(const Target& target, const ScoreShape& shape, const Explanation& prediction, Seed seed);

// Of the relevance put in at the scores.
struct SeedSums {
  double sum = 0, magnitude = 0;
};
SeedSums seedSums(const Question& q, Seed seed, const ScoreShape& shape, const float* scores);

// Throws NotConserved when `limit` > 0 and more than that share of Σ|seed| was lost or gained. With a contrast Σ seed
// itself may be 0.
void requireConservation(const Explanation& e, double seedMagnitude, double limit);

}  // namespace relprop

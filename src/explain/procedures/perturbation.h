// What methods share that run the network forward over changed pictures.
#pragma once

#include <memory>
#include <vector>

#include "explain/procedures/cam.h"

namespace relprop {

// So many planes of zeros. Throws NotSupportedByMethod for an input that is no picture.
std::vector<Attribution> planes(const Session& session, std::size_t count);
// valueOf with the probabilities in place of the scores; an inner node explained as a whole and a regression have none.
// What is not a class has the probability that the class leaves.
double probabilityOf(const Question& q, const ScoreShape& shape, const float* scores);
// A method that needs no walk and no layer.
Method forwardOnly(std::shared_ptr<const Procedure> procedure);

}  // namespace relprop

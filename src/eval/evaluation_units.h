// Which pictures are asked about which classes, and how a data set's classes are found among the network's.
#pragma once

#include <string>
#include <vector>

#include "relprop/evaluate.h"

namespace relprop {

// One a picture; of pictures with several classes one a class, unless the predicted class is explained.
std::vector<EvaluationUnit> unitsOf(const Dataset& dataset, const std::string& target, bool onlyCorrect);

// The network's class of every class of the data set; empty: they are the same numbers. By name where both have names
// (case, '_' and a leading "001." do not matter; beside ImageNet's own names synsets will do), else by number where
// there are equally many. −1: the network does not know the class, which is allowed where it knows no others than some
// of the data set's, as when it was trained on those with enough pictures. Throws UnknownTarget.
std::vector<int> classMapping(const Dataset& dataset, const std::vector<std::string>& labels, int classes);

}  // namespace relprop

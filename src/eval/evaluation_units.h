// Which pictures are asked about which classes, and how a data set's classes are found among the network's.
#pragma once

#include <string>
#include <vector>

#include "relprop/evaluate.h"

namespace relprop {

// The data set's name of a class; where classes are numbers ImageNet's in its kinds and "class 3" in others, as bags of
// visual words that are trained on them call it.
std::string classNameIn(const Dataset& dataset, int aClass);

// One a picture; of pictures with several classes one a class, unless the predicted class is explained.
std::vector<EvaluationUnit> unitsOf(const Dataset& dataset, const std::string& target, bool onlyCorrect);

// The network's class of every class of the data set; empty: they are the same numbers. By name where both have names
// (exactly, else without case, '_' and a leading "001.", else the first of several; beside ImageNet's own names synsets
// will do), else by number where there are equally many. Numbers are the network's own, but those of labels such as
// "class 3" are found by them, and ImageNet's by ImageNet's names, wherever the network has those. −1: the network does
// not know the class, which is allowed where it knows no others than some of the data set's, as when it was trained on
// those with enough pictures. Throws UnknownTarget, also where several classes of the network fit or names contradict
// numbers. `notes` gets sentences for the user about it: what was assumed, and which classes became one.
std::vector<int> classMapping(const Dataset& dataset, const std::vector<std::string>& labels, int classes,
                              std::vector<std::string>* notes = nullptr);

}  // namespace relprop

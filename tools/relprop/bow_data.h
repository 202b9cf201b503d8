// Data sets as bags of visual words are trained on them.
#pragma once

#include <string>
#include <vector>

#include "console.h"
#include "relprop/bow.h"
#include "relprop/dataset.h"

namespace relprop::cli {

// All pictures of the data set and its classes; where those are numbers, the ones that occur, called as ImageNet calls
// them in its kinds and "class 3" in others. The data set has to live as long. Throws InvalidArgument for a number that
// is no class.
BowPictures bowPictures(const Dataset& data);

// Without the classes that have fewer pictures than `least`, which a note names; their pictures stay, as examples of no
// class. Throws InvalidArgument where no class is left.
BowPictures withoutRareClasses(BowPictures pictures, std::size_t least, Console& console);

}  // namespace relprop::cli

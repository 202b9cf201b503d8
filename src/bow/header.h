// header.json of a model.bow: everything of a bag but its arrays, and their sizes.
#pragma once

#include <string>

#include "bow/bag.h"

namespace relprop::bow {

// Counts of what the arrays hold, as the header says and the arrays have to be.
struct ArraySizes {
  std::int64_t words = 0, length = 0;  // of the vocabulary
  std::int64_t supports = 0, dimensions = 0, classes = 0;
};
ArraySizes arraySizes(const Bag& bag);

std::string headerText(const Bag& bag);

struct Header {
  Bag bag;  // without arrays
  ArraySizes sizes;
};
// All keys are there and known, all values in their ranges and sizes consistent. `where` names the entry. Throws
// MalformedModel, UnsupportedModel (another version).
Header parseHeader(const std::string& text, const std::string& where);

}  // namespace relprop::bow

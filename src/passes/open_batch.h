// Networks that are made for any number of images and compute with that number.
#pragma once

#include "graph/graph.h"
#include "passes/passes.h"

namespace relprop {

// `folded` is what the first pass made of `imported`. Throws UnsupportedModel where a constant that derives from the
// shape of the input enters arithmetic and is another one for a single image: results would depend on the batch.
void refuseArithmeticWithBatch(const Graph& imported, const Graph& folded, const SpecialiseOptions& options);

}  // namespace relprop

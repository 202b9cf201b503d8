// How many classes a network has.
#pragma once

#include "onnx/importer.h"
#include "passes/input_layout.h"

namespace relprop {

// As the file declares its output; where that is open, as the output's shape follows from one image's. -1 where it
// follows from nothing, or depends on the size of the image.
std::int64_t classCount(const ImportedModel& network, const InputLayout& layout);

}  // namespace relprop

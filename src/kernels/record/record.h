// A backend that only writes down what it is asked for: it says what a plan will compute without computing it.
#pragma once

#include <memory>
#include <vector>

#include "kernels/linear_call.h"

namespace relprop {

// Lays values out as `like` does. Appends to `calls` in the order of the kernels, each of which becomes one step of the
// plan; none of them does anything when it is run, but each says how many bytes its packed weights would take.
std::unique_ptr<Backend> makeRecordingBackend(std::unique_ptr<Backend> like, std::vector<LinearCall>& calls);

}  // namespace relprop

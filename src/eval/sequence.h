// Sequences of pictures in which ever more pixels are replaced, and what the network says of each.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "eval/metric.h"

namespace relprop::eval {

// Pictures as the network gets them, C×H×W. In the k-th the pixels order[0 … ends[k]) are those of `finish`, all others
// those of `start`; a pixel is all channels at one position.
struct Sequence {
  std::vector<float> start, finish;
  std::vector<std::uint32_t> order;
  std::vector<std::size_t> ends;  // never decreasing
};

// 0, step, 2·step, …, until all `count` pixels are replaced or `steps` steps are made.
std::vector<std::size_t> evenEnds(std::size_t count, std::size_t step, std::size_t steps);

// Sequence by sequence, picture by picture. All sequences share their batches.
std::vector<std::vector<Answer>> answersTo(const Case& c, const std::vector<Sequence>& sequences);

// What the network says of the picture, and of another one in its place.
std::array<Answer, 2> answersBesides(const Case& c, const std::vector<float>& other);

}  // namespace relprop::eval

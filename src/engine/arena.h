// Where buffers lie in one arena: those that live at the same time never overlap.
#pragma once

#include <cstdint>
#include <vector>

namespace relprop {

struct Lifetime {
  std::int64_t floats = 0;
  int first = -1, last = -1;  // steps, both included; nobody uses it where first is -1
  std::int64_t offset = 0;    // floats; set by layOut, a multiple of one cache line

  bool used() const { return first >= 0; }
};

// Sets the offsets and returns the floats of the arena.
std::int64_t layOut(std::vector<Lifetime>& buffers);
// The most that lives at one time: no layout is smaller.
std::int64_t mostAlive(const std::vector<Lifetime>& buffers);

}  // namespace relprop

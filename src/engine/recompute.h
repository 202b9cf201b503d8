// Less memory for more work: what the forward pass computed and the backward phase reads much later is freed after its
// last use in the forward pass and computed again right before it is read.
//
// Forward steps are grouped into units, contiguous segments or single elementwise steps. A unit's steps run a second
// time, into buffers of their own ("copies"), directly before the first backward step that reads one of its results.
// What such a second run reads from outside of its unit is a checkpoint and stays in memory.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "engine/arena.h"
#include "engine/expr.h"

namespace relprop {

// What a step does with buffers, in the order of its views.
struct Access {
  std::vector<BufferId> reads, writes;
  bool forward = true;
  bool repeatable = true;  // running it again with the same buffers has no effect but writing the same results
  bool cheap = false;      // elementwise, pools, layouts: no products with weights
  double cost = 0;
  int stage = 0;  // where several walks share a forward phase (StepList::walks)
  // Positions of a result and of an input: the result may lie where the input does, if nobody reads that afterwards.
  std::vector<std::pair<int, int>> inPlace = {};
};

struct Storage {
  std::int64_t floats = 0;
  bool pinned = false;  // keeps its place all the time; forward steps only read it if nobody changes it between phases
};

struct StepList {
  std::vector<Access> steps;  // all forward ones first
  std::vector<Storage> buffers;
  // With more than one, stage 0 is what all of them need, stage 1 what some need, and each walk is a stage of its own.
  // Walks run in any order and any number of times behind one forward phase, and steps of stage 1 when the first walk
  // needs them: what a stage leaves to a later one stays. No step then runs again.
  int walks = 1;
};

// One step of the list that is run: the original, on other buffers where ids differ from the original's.
struct ScheduledStep {
  int step = 0;
  bool again = false;
  std::vector<BufferId> reads, writes;
};

struct Arrangement {
  std::vector<ScheduledStep> steps;
  std::vector<int> placeOf;      // by buffer: the original ones, then copies
  std::vector<Lifetime> places;  // a result computed in place shares that of its input
  std::int64_t floats = 0;       // of the arena
  double cost = 0;               // of what runs again

  std::int64_t offset(BufferId id) const { return place(id).offset; }
  const Lifetime& place(BufferId id) const {
    return places[static_cast<std::size_t>(placeOf[static_cast<std::size_t>(id)])];
  }
};

// Every step once, in order.
Arrangement arrangedOnce(const StepList& list);
// The cheapest arrangement whose arena takes at most `floats`; the smallest one where none does.
Arrangement arrangedWithin(const StepList& list, std::int64_t floats);

}  // namespace relprop

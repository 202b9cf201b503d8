// Weights in the order that kernels read them in, of which the kernels of one backend share a copy where they read the
// same ones: several walks of a plan, plans of several batches.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "kernels/backend.h"

namespace relprop {

// What they are for errors.
constexpr const char* kPackedWeights = "weights in a kernel's order";

// Layout: the order, comparable. Packed: what holds them.
template <class Layout, class Packed>
class PackedWeights {
 public:
  struct Found {
    std::shared_ptr<Packed> packed;
    bool isNew;  // nobody had it before
  };

  // What some kernel still has of these weights in this order, else what make() packs.
  template <class Make>
  Found get(const SharedFloats& weights, WeightSlopes part, const Layout& layout, Make make) {
    std::erase_if(entries_, [](const Entry& e) { return e.packed.expired(); });
    for (const Entry& e : entries_)
      if (weights.isSame(e.weights) && e.part == part && e.layout == layout) return {e.packed.lock(), false};
    std::shared_ptr<Packed> packed = make();
    entries_.push_back({weights.identity(), part, layout, packed});
    return {std::move(packed), true};
  }

 private:
  struct Entry {
    SharedFloats::Identity weights;
    WeightSlopes part;
    Layout layout;
    std::weak_ptr<Packed> packed;
  };
  std::vector<Entry> entries_;
};

}  // namespace relprop

// A network's linear layers as bare oneDNN primitives in layouts of oneDNN's own choice: the floor no engine gets
// below.
#pragma once

#include <memory>
#include <vector>

#include "kernels/backend.h"

namespace relprop::bench {

class BareLayers {
 public:
  explicit BareLayers(const std::vector<LinearShape>& layers);
  ~BareLayers();
  // Seconds of one sweep over all layers.
  double forward();
  double backward();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace relprop::bench

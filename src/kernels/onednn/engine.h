// What all oneDNN kernels run on.
#pragma once

#include "kernels/onednn/compat.h"
#include "relprop/error.h"
#include "system/memory_bound.h"

namespace relprop::onednn {

inline const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

inline dnnl::stream& stream() {
  static thread_local dnnl::stream s(cpu());
  return s;
}

// oneDNN does not notice when its code got no memory.
inline bool lacksMemory(const dnnl::error& e) {
  return e.status == dnnl_out_of_memory || !hasRoomFor(kRoomForKernels);
}

// For what oneDNN makes of a lack of memory.
[[noreturn]] inline void failMemory(const char* what) {
  throw Error(ErrorCode::OutOfMemory, what, "no memory left for its kernels", "memory within " + memoryBound(),
              "use a smaller --batch, input size or number of --threads, or raise the limit");
}

}  // namespace relprop::onednn

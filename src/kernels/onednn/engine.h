// What all oneDNN kernels run on.
#pragma once

#include "kernels/onednn/compat.h"

namespace relprop::onednn {

inline const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

inline dnnl::stream& stream() {
  static thread_local dnnl::stream s(cpu());
  return s;
}

}  // namespace relprop::onednn

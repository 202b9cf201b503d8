#include "kernels/ref/backend.h"

namespace relprop {

std::unique_ptr<Backend> makeReferenceBackend() {
  return std::make_unique<ReferenceBackend>();
}

}  // namespace relprop

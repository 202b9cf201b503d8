#include "kernels/ref/backend.h"

namespace relprop {

std::unique_ptr<Backend> makeReferenceBackend(Element operand) {
  return std::make_unique<ReferenceBackend>(operand);
}

}  // namespace relprop

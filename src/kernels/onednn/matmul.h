// Products of two computed matrices through a oneDNN primitive.
#pragma once

#include "kernels/backend.h"

namespace relprop::onednn {

KernelPtr matmul(const MatmulSpec& spec);

}  // namespace relprop::onednn

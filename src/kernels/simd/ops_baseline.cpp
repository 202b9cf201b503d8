#define RELPROP_ISA opsBaseline
#define RELPROP_ISA_NAME "baseline"
#define RELPROP_BLOCK 8
#include "kernels/simd/ops.inc.h"

#define RELPROP_ISA opsAvx2
#define RELPROP_ISA_NAME "AVX2"
#define RELPROP_BLOCK 8
#include "kernels/simd/ops.inc.h"

#define RELPROP_ISA opsAvx512
#define RELPROP_ISA_NAME "AVX-512"
#define RELPROP_BLOCK 16
#include "kernels/simd/ops.inc.h"

#define RELPROP_WINOGRAD winogradAvx512
#define RELPROP_BLOCK 16
#define RELPROP_PANEL 4
#include "kernels/simd/winograd.inc.h"

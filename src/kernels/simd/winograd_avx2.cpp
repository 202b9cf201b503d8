#define RELPROP_WINOGRAD winogradAvx2
#define RELPROP_BLOCK 8
#define RELPROP_PANEL 2
#include "kernels/simd/winograd.inc.h"

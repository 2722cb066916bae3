// AVX-512 and the tiles of AMX.
#define RECURRA_ISA amx
#define RECURRA_TILES RECURRA_TILES_HARDWARE

#include "../kernels.h"
#include "simd_avx512.h"

#include "../generic/all.h"

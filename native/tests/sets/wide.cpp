// The shape of AVX-512.
#include "../../kernels/kernels.h"

#define RECURRA_ISA wide
#define RECURRA_WIDTH 16
#define RECURRA_ROWS 6
#include "simd_lanes.h"

#include "../../kernels/generic/all.h"

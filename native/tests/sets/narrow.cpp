// The shape of NEON.
#include "../../kernels/kernels.h"

#define RECURRA_ISA narrow
#define RECURRA_WIDTH 4
#define RECURRA_ROWS 6
#include "simd_lanes.h"

#include "../../kernels/generic/all.h"

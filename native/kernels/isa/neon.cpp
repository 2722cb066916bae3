#include "../kernels.h"
#include "simd_neon.h"

#include "../generic/all.h"

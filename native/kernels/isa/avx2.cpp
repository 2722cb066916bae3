#include "../kernels.h"
#include "simd_avx2.h"

#include "../generic/all.h"

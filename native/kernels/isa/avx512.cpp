#include "../kernels.h"
#include "simd_avx512.h"

#include "../generic/all.h"

#include "../kernels.h"
#include "simd_emulated.h"

#include "../generic/all.h"

#include "../kernels.h"
#include "simd_portable.h"

#include "../generic/all.h"

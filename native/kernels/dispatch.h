// What there is to choose from. Not part of kernels.h: the sources of the instruction sets must not instantiate anything
// of the standard library, which the linker might then use elsewhere.
#pragma once

#include <string>
#include <vector>

namespace recurra {

// The names of the sets that this machine runs: by default the first is chosen.
std::vector<std::string> instruction_sets();

}  // namespace recurra

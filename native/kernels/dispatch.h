// What there is to choose from. Not part of kernels.h: the sources of the instruction sets must not instantiate
// anything of the standard library, which the linker might then use elsewhere.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace recurra {

// A setting in the environment that cannot be: becomes EngineError in Python.
struct BadSetting : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The names of the sets that this machine runs: by default the first is chosen.
std::vector<std::string> instruction_sets();
// Why the chosen set has no tiles, for any precision but float32; empty where it has.
std::string tiles_missing();

}  // namespace recurra

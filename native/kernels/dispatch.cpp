// Picks the instruction set once, at first use. RECURRA_ISA overrides (portable, avx2, avx512, neon).
#include "kernels.h"

#include <stdlib.h>
#include <string.h>
#include <stdexcept>
#include <string>

namespace recurra {

#if defined(__x86_64__)
namespace avx512 { const Kernels& table(); }
namespace avx2 { const Kernels& table(); }
#elif defined(__aarch64__)
namespace neon { const Kernels& table(); }
#endif
namespace portable { const Kernels& table(); }
#if defined(RECURRA_TEST_SETS)
namespace wide { const Kernels& table(); }
namespace narrow { const Kernels& table(); }
#endif

namespace {

struct Choice {
  const char* name;
  bool runs_here;
  const Kernels& (*table)();
};

const Kernels& choose() {
  const Choice choices[] = {
#if defined(__x86_64__)
      {"avx512",
       __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma"),
       avx512::table},
      {"avx2", __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"), avx2::table},
#elif defined(__aarch64__)
      {"neon", true, neon::table},
#endif
      {"portable", true, portable::table},
#if defined(RECURRA_TEST_SETS)
  // Shapes of other sets, with the instructions of AVX2 or NEON; never chosen unless named.
#if defined(__x86_64__)
      {"wide", __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"), wide::table},
      {"narrow", __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"), narrow::table},
#else
      {"wide", true, wide::table},
      {"narrow", true, narrow::table},
#endif
#endif
  };
  const char* wanted = getenv("RECURRA_ISA");
  std::string known;
  for (const Choice& choice : choices) {
    if (!choice.runs_here) continue;
    if (!wanted || !*wanted || strcmp(wanted, choice.name) == 0) return choice.table();
    known += known.empty() ? choice.name : std::string(", ") + choice.name;
  }
  throw std::runtime_error("RECURRA_ISA names the instruction set '" + std::string(wanted) +
                           "', which this machine or build does not have. It has: " + known + ".");
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace recurra

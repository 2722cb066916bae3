// Picks the instruction set once, at first use. RECURRA_ISA overrides (portable, avx2, avx512, emulated, neon).
#include "dispatch.h"

#include <stdlib.h>
#include <string.h>
#include <stdexcept>

#include "kernels.h"

namespace recurra {

#if defined(__x86_64__)
namespace avx512 { const Kernels& table(); }
namespace avx2 { const Kernels& table(); }
namespace emulated { const Kernels& table(); }
#elif defined(__aarch64__)
namespace neon { const Kernels& table(); }
#endif
namespace portable { const Kernels& table(); }

namespace {

struct Choice {
  const char* name;
  bool runs_here;
  const Kernels& (*table)();
  bool by_name_only = false;
};

// Best first.
std::vector<Choice> choices() {
#if defined(__x86_64__)
  const bool fma = __builtin_cpu_supports("fma"), avx2 = fma && __builtin_cpu_supports("avx2");
  const bool avx512 = fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#endif
  return {
#if defined(__x86_64__)
      {"avx512", avx512, avx512::table},
      {"avx2", avx2, avx2::table},
#elif defined(__aarch64__)
      {"neon", true, neon::table},
#endif
      {"portable", true, portable::table},
#if defined(__x86_64__)
      {"emulated", avx2, emulated::table, true},
#endif
  };
}

const Kernels& choose() {
  const char* wanted = getenv("RECURRA_ISA");
  const bool any = !wanted || !*wanted;
  std::string known;
  for (const Choice& choice : choices()) {
    if (!choice.runs_here) continue;
    if (any ? !choice.by_name_only : strcmp(wanted, choice.name) == 0) return choice.table();
    known += (known.empty() ? "" : ", ") + std::string(choice.name);
  }
  throw std::runtime_error("RECURRA_ISA names the instruction set '" + std::string(wanted) +
                           "', which this machine or build does not have. It has: " + known + ".");
}

}  // namespace

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const Choice& choice : choices())
    if (choice.runs_here) names.emplace_back(choice.name);
  return names;
}

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace recurra

// Picks the instruction set once, at first use. RECURRA_ISA overrides (portable, avx2, avx512, amx, emulated, neon).
#include "dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace recurra {

#if defined(RECURRA_HAS_AMX)
namespace amx { const Kernels& table(); }
#endif
#if defined(__x86_64__)
namespace avx512 { const Kernels& table(); }
namespace avx2 { const Kernels& table(); }
namespace emulated { const Kernels& table(); }
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
  bool by_name_only = false;
};

#if defined(__x86_64__)
enum class Amx { runs, not_built, no_processor, refused };

// The registers are large, so the kernel grants them to a process that asks for them, and saves them for it then.
Amx find_amx() {
#if !defined(RECURRA_HAS_AMX)
  return Amx::not_built;
#else
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kBf16 = 1u << 22, kTile = 1u << 24;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & kBf16) == 0 || (d & kTile) == 0) return Amx::no_processor;
#if defined(__linux__) && defined(SYS_arch_prctl)
  constexpr long kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequest, kTileData) == 0 ? Amx::runs : Amx::refused;
#else
  return Amx::refused;
#endif
#endif
}

Amx amx_here() {
  static const Amx found = find_amx();
  return found;
}
#endif

// Best first.
std::vector<Choice> choices() {
#if defined(__x86_64__)
  const bool fma = __builtin_cpu_supports("fma"), avx2 = fma && __builtin_cpu_supports("avx2");
  const bool avx512 = fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#endif
  return {
#if defined(RECURRA_HAS_AMX)
      {"amx", avx512 && amx_here() == Amx::runs, amx::table},
#endif
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
#if defined(RECURRA_TEST_SETS)
  // Shapes of other sets, with the instructions of AVX2 or NEON.
#if defined(__x86_64__)
      {"wide", avx2, wide::table, true},
      {"narrow", avx2, narrow::table, true},
#else
      {"wide", true, wide::table, true},
      {"narrow", true, narrow::table, true},
#endif
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
  throw BadSetting("RECURRA_ISA names the instruction set '" + std::string(wanted) +
                   "', which this machine or build does not have. It has: " + known + ".");
}

}  // namespace

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const Choice& choice : choices())
    if (choice.runs_here) names.emplace_back(choice.name);
  return names;
}

std::string tiles_missing() {
  if (kernels().tile_gemm) return "";
#if defined(__x86_64__)
  switch (amx_here()) {
    case Amx::not_built: return "the compiler that built recurra here does not know AMX";
    case Amx::no_processor:
      return "this processor lacks AMX (amx-tile and amx-bf16), which Intel Xeon processors have from the 4th "
             "generation on";
    case Amx::refused: return "the operating system does not grant the tile registers of AMX";
    case Amx::runs: break;
  }
  return "RECURRA_ISA chooses the instruction set '" + std::string(kernels().name) + "' rather than 'amx'";
#else
  return "this processor lacks AMX, which some processors of the x86-64 kind have";
#endif
}

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace recurra

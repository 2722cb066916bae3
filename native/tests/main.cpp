// Runs the tests, or prints what other runs are compared with:
//   native_tests [--quick] [part of a name...]   the tests, or those named
//   native_tests --fingerprints                   one line a network: its name and the digest of all its numbers
//   native_tests --instruction-set                the set that the kernels use here
#include <cstring>
#include <stdexcept>

#include "check.h"
#include "networks.h"

using namespace recurra;
using namespace recurra::tests;

int main(int argc, char** argv) {
  std::vector<const char*> parts;
  try {
    kernels();
  } catch (const std::runtime_error& error) {  // RECURRA_ISA names a set that this machine lacks
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  for (int i = 1; i < argc; i++) {
    if (std::strcmp(argv[i], "--instruction-set") == 0) return std::puts(kernels().name) < 0;
    if (std::strcmp(argv[i], "--fingerprints") == 0) {
      std::printf("%016llx functions\n", static_cast<unsigned long long>(functions_fingerprint()));
      for (const Network& network : networks())
        std::printf("%016llx %s\n", static_cast<unsigned long long>(fingerprint(network)), network.name().c_str());
      return 0;
    }
    if (std::strcmp(argv[i], "--quick") == 0) quick = true;
    else parts.push_back(argv[i]);
  }
  int ran = 0;
  for (const Test& test : registry()) {
    bool wanted = parts.empty();
    for (const char* part : parts) wanted |= std::strstr(test.name, part) != nullptr;
    if (!wanted) continue;
    const int before = failures;
    ran++;
    test.run();
    std::printf("%s %s\n", failures == before ? "passed" : "FAILED", test.name);
    std::fflush(stdout);
  }
  if (ran == 0) std::fputs("No test has that name.\n", stderr);
  return failures > 0 || ran == 0;
}

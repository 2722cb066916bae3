// The whole test framework: TEST registers, CHECK and EXPECT_THROWS say what went wrong and where.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

namespace recurra::tests {

struct Test {
  const char* name;
  void (*run)();
};

inline std::vector<Test>& registry() {
  static std::vector<Test> tests;
  return tests;
}

inline int failures = 0;
inline bool quick = false;  // where the processor is emulated or sanitizers slow it down: fewer cases

inline bool report(const char* file, int line, const std::string& what) {
  // Not all of them, where a loop goes wrong everywhere.
  if (++failures <= 20) std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
  return false;
}

#define TEST(name)                                                                                   \
  static void name();                                                                                \
  static const bool name##_registered = (recurra::tests::registry().push_back({#name, name}), true); \
  static void name()

#define CHECK(condition, ...) \
  ((condition) || recurra::tests::report(__FILE__, __LINE__, #condition __VA_OPT__(+(": " + std::string(__VA_ARGS__)))))

// The statement throws `Error` with a text that contains `part`.
#define CHECK_THROWS(statement, Error, part)                                        \
  try {                                                                             \
    statement;                                                                      \
    recurra::tests::report(__FILE__, __LINE__, #statement " throws nothing");       \
  } catch (const Error& error) {                                                    \
    CHECK(std::string(error.what()).find(part) != std::string::npos, error.what()); \
  }

}  // namespace recurra::tests

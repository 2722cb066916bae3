#!/usr/bin/env bash
# Builds the core and the extension under sanitizers, beside the installed one, and runs their tests:
#   tools/sanitize.sh .venv/bin/python
# Memory and undefined behaviour: the tests of the core, of engines and of streaming. Threads: those that start some. What
# needs tiles runs on the emulated instruction set.
set -euo pipefail
# Looking for uses of a local variable after its function has returned is off, as it is by default before g++ 13: it puts
# local variables where vectors of 64 bytes are not aligned, and the first store of one ends the program (seen with
# g++ 13.3 and AVX-512; without it all tests pass there).
export ASAN_OPTIONS=detect_stack_use_after_return=0
cd "$(dirname "$0")/.."
python=$(realpath -s "$1")
build=$PWD/build/sanitize
mkdir -p "$build"

# An environment that sees the packages of the given one, but not the recurra installed there: a folder named in a .pth
# file is searched for packages, while the .pth files in it, such as that of an editable installation, are not read.
"$python" -m venv --without-pip "$build/venv"
packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "$packages" >"$("$build/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/packages.pth"

run() { # name, sanitizers, libraries to load first, names of tests of the core, pytest arguments
  local name=$1 sanitizers=$2 libraries=$3 core=$4
  shift 4
  cmake -S . -B "$build/$name" -DPython_EXECUTABLE="$python" -DRECURRA_SANITIZE="$sanitizers" \
    -DRECURRA_TESTS=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo >"$build/$name.log" 2>&1 || { cat "$build/$name.log"; exit 1; }
  cmake --build "$build/$name" --parallel "$(nproc)" >>"$build/$name.log" 2>&1 || { cat "$build/$name.log"; exit 1; }
  echo "--- $sanitizers"
  local set
  # The best set, and the shape of AVX-512, whose vectors reach furthest beyond an array.
  for set in "" $([ "$name" = memory ] && echo wide || true); do
    # shellcheck disable=SC2086
    UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 TSAN_OPTIONS=halt_on_error=1 RECURRA_ISA=$set \
      "$build/$name/native_tests" --quick $core
  done
  rm -rf "$build/tree"
  mkdir -p "$build/tree"
  cp -r src tests pyproject.toml "$build/tree"
  rm -f "$build"/tree/src/recurra/engines/native/_native*.so
  cp "$build/$name"/_native*.so "$build/tree/src/recurra/engines/native/"
  local preload=
  for library in $libraries; do preload+="$(g++ -print-file-name="$library") "; done
  # Leaks are not looked for: Python itself leaves memory behind when it ends.
  local under=(env LD_PRELOAD="$preload" PYTHONPATH="$build/tree/src" OPENBLAS_NUM_THREADS=1
    ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 TSAN_OPTIONS=halt_on_error=1
    "$build/venv/bin/python")
  (
    cd "$build/tree"
    "${under[@]}" -c 'import recurra.engines.native._native as n; assert "build/sanitize" in n.__file__, n.__file__'
    "${under[@]}" -m pytest -q -p no:cacheprovider "$@"
  )
}

run memory address,undefined "libasan.so libubsan.so" "" tests/engines/test_parity.py tests/engines/test_native.py \
  tests/engines/test_contract.py tests/engines/test_many_weights.py tests/streaming -k "not fork"
RECURRA_ISA=emulated run memory address,undefined "libasan.so libubsan.so" "" tests/engines/test_precision.py
run threads thread libtsan.so "thread session" tests/engines/test_native.py \
  -k "(thread or same_bits or split) and not fork and not without_more"
RECURRA_ISA=emulated run threads thread libtsan.so "" tests/engines/test_precision.py -k "same_bits"

#!/usr/bin/env bash
# Builds the core and its tests without Python, runs them, and compares what instruction sets compute:
#   tools/native-tests.sh              on this machine: all tests with its best set, a part of them with every set it has
#   tools/native-tests.sh older-x86    on emulated processors without AVX, and with AVX2 alone
#   tools/native-tests.sh aarch64      cross-compiled, on an emulated 64-bit ARM processor
# A fingerprint is a digest of all that a network computes: predictions, gradients, training, streaming.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$PWD/build
where=${1:-here}

need() { # command, Debian package
  command -v "$1" >/dev/null 2>&1 || { echo "$1 is not installed. Debian and Ubuntu: apt-get install $2" >&2; exit 2; }
}

compile() { # folder, more arguments of cmake
  local folder=$1
  shift
  cmake -S . -B "$folder" -DRECURRA_PYTHON=OFF -DRECURRA_TESTS=ON "$@" >"$folder.log" 2>&1 &&
    cmake --build "$folder" --parallel "$(nproc)" >>"$folder.log" 2>&1 || { cat "$folder.log" >&2; exit 1; }
}

fingerprints() { # file, command of the tests
  local file=$1
  shift
  "$@" --fingerprints >"$file"
  echo "$(wc -l <"$file") fingerprints with the set $("$@" --instruction-set 2>/dev/null): ${file#"$PWD"/}"
}

same() { # two files of fingerprints
  cmp -s "$1" "$2" || {
    echo "Not the same bits, $1 and $2:" >&2
    diff "$1" "$2" | head -20 >&2 || true
    exit 1
  }
  echo "The same bits: $(basename "$1") and $(basename "$2")."
}

mkdir -p "$build"
here=$build/native
compile "$here"
tests=$here/native_tests
export RECURRA_NUM_THREADS=${RECURRA_NUM_THREADS:-2}
best=$(RECURRA_ISA='' "$tests" --instruction-set)

case $where in
here)
  for set in amx avx512 avx2 neon wide narrow portable; do
    # The list of sets that this machine has is the dispatcher's.
    RECURRA_ISA=$set "$tests" --instruction-set >/dev/null 2>&1 || continue
    echo "--- $set"
    quick=$([ "$set" = "$best" ] || echo --quick)
    RECURRA_ISA=$set "$tests" $quick
    RECURRA_ISA=$set fingerprints "$here/$set.txt" "$tests"
    if [ "$set" != portable ] && [ "$set" != "$best" ]; then same "$here/$best.txt" "$here/$set.txt"; fi
  done
  if [ "$(uname -m)" = x86_64 ]; then
    echo "--- instructions"
    need objdump binutils
    python3 tools/instructions.py "$here/librecurra_core.a" "$tests"
  fi
  ;;
older-x86)
  need qemu-x86_64 qemu-user
  # Emulated threads that wait take the time of those that work.
  export RECURRA_NUM_THREADS=1
  for set in portable avx2; do
    processor=$([ $set = avx2 ] && echo Haswell || echo Nehalem)
    echo "--- $processor"
    run=(qemu-x86_64 -cpu "$processor" "$tests")
    chosen=$("${run[@]}" --instruction-set 2>/dev/null)
    [ "$chosen" = $set ] || { echo "$processor should run the set $set, and chose $chosen" >&2; exit 1; }
    RECURRA_ISA=$set fingerprints "$here/$set.txt" "$tests"
    fingerprints "$here/$processor.txt" "${run[@]}" 2> >(grep -v "TCG doesn't support" >&2)
    same "$here/$set.txt" "$here/$processor.txt"
  done
  ;;
aarch64)
  need aarch64-linux-gnu-g++ g++-aarch64-linux-gnu
  need qemu-aarch64 qemu-user
  compile "$build/aarch64" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
    -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DCMAKE_EXE_LINKER_FLAGS=-static
  run=(qemu-aarch64 "$build/aarch64/native_tests")
  RECURRA_NUM_THREADS=1 fingerprints "$build/aarch64/neon.txt" "${run[@]}"
  if [ "$best" = portable ]; then
    echo "This machine has no set with fused multiply-add: nothing to compare with." >&2
    exit 1
  fi
  fingerprints "$here/$best.txt" "$tests"
  same "$here/$best.txt" "$build/aarch64/neon.txt"
  # What differs between processors; threads gain nothing from being emulated.
  RECURRA_NUM_THREADS=1 "${run[@]}" --quick function nan_ too_small finite pieces whole_sequence gathered
  ;;
*)
  sed -n '2,6p' "$0" >&2
  exit 2
  ;;
esac

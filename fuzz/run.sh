#!/bin/sh
# Runs each fuzz target for some seconds: run.sh SECONDS [TARGET...]. Exits with 1 if an input crashed one.
#
# libFuzzer needs only flags that stable Rust has, so neither nightly nor cargo-fuzz is asked for: they add
# AddressSanitizer, which finds little in code without `unsafe`. `cargo fuzz run TARGET fuzz/seeds/TARGET` works too.
set -eu
target=$(realpath -m "${CARGO_TARGET_DIR:-$(dirname "$0")/../target}")/fuzz
cd "$(dirname "$0")"

seconds=$1
shift
[ $# -gt 0 ] || set -- $(sed -n 's/^name = "\(.*\)"$/\1/p' Cargo.toml | grep -v dockos-fuzz)
command -v "${CXX:-c++}" >/dev/null || { echo "fuzz: a C++ compiler is needed (apt-get install g++)"; exit 1; }

host=$(rustc -vV | sed -n 's/^host: //p')
# What cargo-fuzz passes, without the sanitizer.
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-trace-compares
  -Cllvm-args=-simplifycfg-branch-fold-threshold=0 -Ccodegen-units=1 --cfg fuzzing"
echo "fuzz: building"
RUSTFLAGS=$coverage "${CARGO:-cargo}" build --quiet --locked --release --target "$host" --target-dir "$target"

status=0
for name in "$@"; do
    corpus=$target/corpus/$name
    found=artifacts/$name
    log=$target/$name.log
    mkdir -p "$corpus" "$found"
    echo "fuzz: $name for $seconds s"
    # Bounds of a machine with little memory: 512 MB for the whole process, 5 s for one input.
    if "$target/$host/release/$name" "$corpus" "seeds/$name" -dict="dictionaries/$name.dict" \
        -artifact_prefix="$found/" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=512 -max_len=8192 \
        -print_final_stats=1 >"$log" 2>&1; then
        sed -n 's/^stat::number_of_executed_units: */fuzz:   inputs tried: /p' "$log"
        # Coverage as libFuzzer prints it on its last line.
        sed -n 's/.*DONE *\(cov: [0-9]*\).*/fuzz:   \1/p' "$log"
    else
        status=1
        grep -a -m3 "panicked at\|^SUMMARY\|^ERROR\|==ERROR" "$log" || tail -3 "$log"
        sed -n 's/.*Test unit written to /fuzz:   the input is in fuzz\//p' "$log"
    fi
done
exit $status

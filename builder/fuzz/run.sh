#!/usr/bin/env bash
# Fuzzes all targets, or those that are named, each for some seconds, and prints a table of what each did:
# executions, executions per second, peak of memory, findings.
#
#     run.sh TARGET-DIRECTORY SECONDS [TARGET...]
#
# An input may take a second and 64 MiB: libFuzzer limits the time and what C libraries allocate, the targets
# limit what Rust allocates. 512 MiB are for the fuzzer itself and the sanitizer.
set -euo pipefail
cd "$(dirname "$0")"
built=$1 seconds=$2
shift 2
fuzz() { cargo +nightly fuzz "$1" --target-dir "$built" "${@:2}"; }

# Those that are named are built one by one.
if [ $# -gt 0 ]; then targets=("$@"); else
    mapfile -t targets < <(cargo +nightly fuzz list)
    fuzz build
fi
mkdir -p "$built"
found=0
printf '| target | executions | per second | MiB | findings |\n|---|---|---|---|---|\n'
for target in "${targets[@]}"; do
    mkdir -p "corpus/$target"
    directories=("corpus/$target")
    [ ! -d "seeds/$target" ] || directories+=("seeds/$target")
    options=(-timeout=1 -malloc_limit_mb=64 -rss_limit_mb=512 "-max_total_time=$seconds" -print_final_stats=1)
    [ ! -e "$target.dict" ] || options+=("-dict=$target.dict")
    log=$built/$target.log findings=0
    if ! fuzz run "$target" "${directories[@]}" -- "${options[@]}" >"$log" 2>&1; then
        findings=1 found=1
    fi
    stat() { sed -n "s/^stat::$1: *//p" "$log" | tail -1; }
    printf '| %s | %s | %s | %s | %s |\n' "$target" "$(stat number_of_executed_units)" \
        "$(stat average_exec_per_sec)" "$(stat peak_rss_mb)" "$findings"
    [ "$findings" = 0 ] || grep -hE 'panicked|SUMMARY|ERROR|Test unit written' -A1 "$log" | head -20 >&2
done
exit "$found"

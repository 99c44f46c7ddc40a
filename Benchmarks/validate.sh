#!/usr/bin/env bash
# How long 'pipe validate' takes for graphs of 10 to 10 000 stages: seconds of processor time, least of five runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
./pipe version >/dev/null
pipe=.build/release/pipe
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
printf '%8s %10s %14s\n' stages seconds 'µs a stage'
for count in 10 100 1000 10000; do
    # Chains of ten: a source, eight filters with long links, a sink.
    awk -v n="$count" 'BEGIN {
        print "pipe: 1\nstages:"
        for (i = 0; i < n; i++) {
            if (i % 10 == 0) printf "  s%d: { type: generate, rate: 30/s, fields: { t: 20 + item.sequence %% 5 } }\n", i
            else if (i % 10 == 9) printf "  s%d: { type: jsonl_file, from: s%d, path: out/r%d.jsonl, flush: 500ms }\n", i, i - 1, i
            else printf "  s%d:\n    type: filter\n    from: { s%d: { capacity: 8, when_full: drop_oldest, max_age: 500ms } }\n    where: t > %d and sensor != \"x\"\n    replicas: 2\n", i, i - 1, i % 7
        }
    }' >"$work/graph.yaml"
    best="$(for _ in 1 2 3 4 5; do
        /usr/bin/time -f '%U %S' -o "$work/time" "$pipe" validate -q "$work/graph.yaml" && awk '{print $1 + $2}' "$work/time"
    done | sort -n | head -n 1)"
    awk -v n="$count" -v s="$best" 'BEGIN { printf "%8d %10.2f %14.0f\n", n, s, s / n * 1e6 }'
done

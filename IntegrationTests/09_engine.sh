# What the engine costs: no allocation for an item, no wake-up where nothing happens, an hour in a second.

# Counts calls of malloc and its kin in a whole process, and copies of 64 KiB or more.
cat >count.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_long calls, copies;
void *__libc_malloc(size_t);
void *__libc_memalign(size_t, size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

void *malloc(size_t size) { calls++; return __libc_malloc(size); }
void *calloc(size_t n, size_t size) { calls++; return __libc_calloc(n, size); }
void *realloc(void *p, size_t size) { calls++; return __libc_realloc(p, size); }
void *aligned_alloc(size_t a, size_t size) { calls++; return __libc_memalign(a, size); }
int posix_memalign(void **p, size_t a, size_t size) { calls++; *p = __libc_memalign(a, size); return *p ? 0 : 12; }

static void *copy(void *to, const void *from, size_t size) {
    if (size >= 65536) copies++;
    for (size_t at = 0; at < size; at++) ((volatile char *)to)[at] = ((const char *)from)[at];
    return to;
}
void *memcpy(void *to, const void *from, size_t size) { return copy(to, from, size); }
void *memmove(void *to, const void *from, size_t size) {
    if ((char *)to <= (char *)from) return copy(to, from, size);
    if (size >= 65536) copies++;
    for (size_t at = size; at > 0; at--) ((volatile char *)to)[at - 1] = ((const char *)from)[at - 1];
    return to;
}

__attribute__((destructor)) static void tell(void) {
    FILE *out = fopen(getenv("COUNT_TO"), "w");
    if (out) fprintf(out, "%ld %ld\n", atomic_load(&calls), atomic_load(&copies));
}
C
clang -shared -fPIC -O1 -fno-builtin -o count.so count.c
COUNT_TO=calls LD_PRELOAD=./count.so python3 -c 'bytes(bytearray(1 << 20))'
read -r _ copies <calls
((copies > 0)) || fail 'copies are not counted'
count() {  # WORKLOAD SECONDS: items, allocations and large copies of a run
    COUNT_TO=calls LD_PRELOAD=./count.so "$PIPE" bench engine --workload "$1" --seconds "$2" --json >line.json
    printf '%s %s\n' "$(py 'import json; print(json.load(open("line.json"))["items"])')" "$(cat calls)"
}
workloads=(chain4 chain4-fused fanout fanin frames)
# A debug build puts closures on the heap and asks task-local switches at each count: it has nothing to show here.
[[ "$PIPE" == */release/* ]] || { echo 'not a release build: allocations are not counted'; workloads=(); }
for workload in "${workloads[@]}"; do
    read -r items1 calls1 copies1 < <(count $workload 0.2)
    read -r items2 calls2 copies2 < <(count $workload 1.2)
    python3 - $workload $((calls2 - calls1)) $((copies2 - copies1)) $((items2 - items1)) <<'P'
import sys
workload, (calls, copies, items) = sys.argv[1], map(int, sys.argv[2:])
print(f"{workload}: {calls} allocations and {copies} large copies more for {items} items more")
assert items > 10_000, "too few items to tell"
# The reference to a frame is an object of its own.
assert calls < items * (1.01 if workload == "frames" else 0.001), "an item on its way allocates"
assert copies == 0, "a frame on its way is copied"
P
done

# A graph of a hundred stages that waits for something does nothing meanwhile.
{
    printf 'pipe: 1\nstages:\n  s0: { type: generate, rate: 1/h }\n'
    for i in $(seq 1 98); do printf '  s%d: { type: map, set: { v: "1" }, from: s%d }\n' "$i" $((i - 1)); done
    printf '  s99: { type: "null", from: s98 }\n'
} >idle.yaml
"$PIPE" run idle.yaml --quiet &
run=$!
switches() { cat /proc/$run/task/*/status 2>/dev/null | awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n + 0 }'; }
until [[ $(grep -l pipe-worker /proc/$run/task/*/comm 2>/dev/null | wc -l) -gt 0 && $(switches) == "$(sleep 0.5; switches)" ]]; do
    kill -0 $run
done
before=$(switches)
sleep 3  # the time that is looked at
after=$(switches)
kill -TERM $run
wait $run
((after - before <= 1)) || fail "$((after - before)) wake-ups in three idle seconds"

# An hour of ten stages at 30 frames a second, on virtual time.
{
    printf 'pipe: 1\nname: hour\nstages:\n  s0: { type: generate, rate: 30/s }\n'
    for i in $(seq 1 8); do printf '  s%d: { type: filter, where: item.sequence >= 0, from: s%d }\n' "$i" $((i - 1)); done
    printf '  s9: { type: "null", from: s8 }\n'
    printf 'tests:\n  - { name: an hour, run: 1h, expect: [ { stage: s9, in: "107_990...108_001" }, { books: balanced } ] }\n'
} >hour.yaml
expect_exit 0 "$PIPE" test hour.yaml --json
echo "$out" | py 'import json, sys; print("an hour took", json.load(sys.stdin)["tests"][0]["seconds"], "s")'

# MEF 3 sessions at the shell and in graphs: what is shown, checked and exported, what a crash leaves, and a real client.

night="$ROOT/pipelines/data/night.mefd"
fixtures="$ROOT/Tests/Mef3Tests/Fixtures"

expect_exit 0 "$PIPE" mef info "$night"
contains "$out" "O2       256 Hz  0.1 uV     7168"
expect_exit 0 "$PIPE" mef info "$night" --json
py 'import json,sys; d=json.load(sys.stdin); assert [c["gaps"] for c in d["channels"]] == [1]*4 and d["damage"] == []' <<<"$out"
expect_exit 1 "$PIPE" mef info "$fixtures/encrypted.mefd"
contains "$err" "[locked]"
contains "$err" "--secret NAME"
expect_exit 64 "$PIPE" mef info "$fixtures/encrypted.mefd" --secret NIGHT
password="$(py 'import json,sys; print([s["openWith"] for s in json.load(sys.stdin) if s["path"] == "encrypted.mefd"][0])' <"$fixtures/expected.json")"
PIPE_SECRET_NIGHT="$password" expect_exit 0 "$PIPE" mef verify "$fixtures/encrypted.mefd" --secret NIGHT
contains "$out" "all sound"
expect_exit 1 "$PIPE" mef info nowhere.mefd
expect_exit 64 "$PIPE" mef export "$night" night.txt
contains "$err" ".csv, .edf, .mefd"

# Damage is found, told and left out.
cp -r "$night" hurt.mefd
printf '\x55' | dd of=hurt.mefd/C4.timd/C4-000000.segd/C4-000000.tdat bs=1 seek=1400 conv=notrunc status=none
expect_exit 1 "$PIPE" mef verify hurt.mefd
contains "$out" "1 thing damaged"
expect_exit 1 "$PIPE" mef verify hurt.mefd --json
py 'import json,sys; d=json.load(sys.stdin)["damage"]; assert len(d) == 1 and d[0]["channel"] == "C4" and d[0]["block"] == 0' <<<"$out"
expect_exit 1 "$PIPE" mef export hurt.mefd hurt.csv
contains "$err" "1 thing damaged"

# A copy is the same, sample for sample; a table has a line for each moment.
expect_exit 0 "$PIPE" mef export "$night" copy.mefd
for session in "$night" copy.mefd; do
    expect_exit 0 "$PIPE" mef export "$session" table.csv
    sha256sum <table.csv >>sums
done
[[ "$(sort -u sums | wc -l)" == 1 ]] || fail "a copy differs"
[[ "$(wc -l <table.csv)" == 7169 ]] || fail "$(wc -l <table.csv) lines"
expect_exit 0 "$PIPE" mef export "$fixtures/multirate.mefd" long.csv
[[ "$(wc -l <long.csv)" == 38696 ]] || fail "$(wc -l <long.csv) lines"
expect_exit 1 "$PIPE" mef export "$fixtures/multirate.mefd" many.edf
contains "$err" "--channel"

# The patterns of the benchmark answer each client with all values.
expect_exit 0 "$PIPE" bench mef "$night" --seconds 5 --segments 6 --work 0.01 --json
py 'import json,sys; rows=[json.loads(l) for l in sys.stdin]; assert [r["values"]//r0 for r0 in [6*5*256*4] for r in rows] == [1,1,1,3]*2, rows' <<<"$out"

# Killed in the middle, a writer leaves what can be salvaged, and an EDF file that counts what it has.
cat >crash.yaml <<YAML
pipe: 1
stages:
  recording: { type: mef_reader, path: "$night", speed: 2x, layout: aligned, block: 250ms }
  session: { type: mef_writer, path: out/crash.mefd, from: { recording: { when_full: block } }, block: 1s }
  file: { type: edf_file, path: out/crash.edf, from: { recording: { when_full: block } } }
YAML
"$PIPE" run crash.yaml -q &
pid=$!
for _ in {1..200}; do
    [[ -s out/crash.edf && "$(stat -c %s out/crash.mefd/O2.timd/*/*.tdat 2>/dev/null || echo 0)" -gt 3000 ]] && break
    sleep 0.1
done
kill -9 $pid
wait $pid 2>/dev/null || true
expect_exit 1 "$PIPE" mef verify out/crash.mefd --json
py 'import json,sys; d=json.load(sys.stdin); assert d["samples"] >= 256 and d["lost"] == 0, d' <<<"$out"
expect_exit 1 "$PIPE" mef export out/crash.mefd again.csv --channel O2
contains "$err" "again.csv: "
[[ "$(wc -l <again.csv)" -gt 256 ]] || fail "only $(wc -l <again.csv) lines"
py 'import sys; b=open("out/crash.edf","rb").read(); n=int(b[236:244]); assert n >= 1 and len(b) >= int(b[184:192]) + n*(4*256*2+32), n' </dev/null

# A published Python client, where there is one, gets what the session holds.
if "${PIPE_PYTHON:-python3}" -c 'import mef3io_server' 2>/dev/null; then
    cp "$ROOT/pipelines/mef-server.yaml" server.yaml
    "$PIPE" run server.yaml --set params.root="$ROOT/pipelines/data" --set params.address=127.0.0.1:0 2>server.log &
    pid=$!
    for _ in {1..100}; do grep -q "at 127.0.0.1:" server.log && break; sleep 0.1; done
    port="$(sed -n 's/.*at 127\.0\.0\.1:\([0-9]*\).*/\1/p' server.log | head -1)"
    "$PIPE" mef export "$night" c3.csv --channel C3 2>/dev/null
    "${PIPE_PYTHON:-python3}" - "$port" "$night" <<'PY'
import sys
import numpy as np
from mef3io_server.client import Mef3Client

client = Mef3Client(f"127.0.0.1:{sys.argv[1]}")
info = client.open_file(sys.argv[2])
start = info["start_uutc"]
got = client.get_signal_range(sys.argv[2], ["C3"], start, start + 5_000_000)["array"][0]
wanted = np.array([float(line.split(",")[1]) for line in open("c3.csv").read().splitlines()[1:1281]])
assert np.allclose(got, wanted, atol=1e-3), (got[:5], wanted[:5])
PY
    kill -TERM $pid
    wait $pid || fail "the server ended with $?: $(cat server.log)"
    [[ -f out/mef/server.jsonl ]] || fail "no notes"
fi

# A block costs each filter its buffer's handle and nothing else; a debug build has nothing to show here.
if [[ "$PIPE" == */release/* ]]; then
    cat >count.c <<'C'
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_long calls;
void *__libc_malloc(size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) { calls++; return __libc_malloc(size); }
int posix_memalign(void **p, size_t a, size_t size) { calls++; *p = __libc_memalign(a, size); return *p ? 0 : 12; }

__attribute__((destructor)) static void tell(void) {
    FILE *out = fopen(getenv("COUNT_TO"), "w");
    if (out) fprintf(out, "%ld\n", atomic_load(&calls));
}
C
    clang -shared -fPIC -O1 -o count.so count.c
    source="recording: { type: mef_reader, path: \"$night\", block: 8ms }"
    printf 'pipe: 1\nstages:\n  %s\n  end: { type: "null", from: recording }\n' "$source" >bare.yaml
    cat >filters.yaml <<YAML
pipe: 1
stages:
  $source
  band: { type: bandpass, from: recording, low: 1Hz, high: 40Hz }
  mains: { type: notch, from: band }
  strength: { type: envelope, from: mains }
  end: { type: "null", from: strength }
YAML
    for graph in bare filters; do
        COUNT_TO=$graph.calls LD_PRELOAD=./count.so "$PIPE" run $graph.yaml -q --report $graph.json --workers 1
    done
    python3 - <<'P'
import json
items = json.load(open("filters.json"))["stages"][0]["out"]
more = int(open("filters.calls").read()) - int(open("bare.calls").read())
print(f"{more} allocations more for {items} blocks through three filters")
assert items > 10_000, items
assert more < 3.2 * items, "a filter allocates beyond its buffer"
P
fi

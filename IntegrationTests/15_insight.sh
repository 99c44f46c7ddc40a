# Looking inside a run from another process: who runs, what limits it, what passes a link, and steering it.

export PIPE_RUN_DIR="$PWD/runs"

cat >gate.yaml <<'Y'
pipe: 1
name: gate
stages:
  camera: { type: generate, rate: 60/s, fields: { temperature: item.sequence % 40 }, stations: [a, b] }
  fit: { type: fault, delay: 50ms, from: { camera: { when_full: latest } } }
  all: { type: merge, from: [fit] }
  out: { type: jsonl_file, from: all, path: gate.jsonl, mode: overwrite }
Y
expect_exit 0 "$PIPE" status
contains "$err" "no graph runs here"
expect_exit 1 "$PIPE" why
contains "$err" "start one with 'pipe run'"

"$PIPE" run gate.yaml >run.out 2>run.err &
run=$!
until [[ -S $(echo runs/gate.*) ]]; do kill -0 $run || fail "$(cat run.err)"; read -rt 0.05 <> <(:) || true; done
[[ $(stat -c %a runs) == 700 ]] || fail "others may enter: $(stat -c %a runs)"

expect_exit 0 "$PIPE" status
contains "$out" "gate.$run  running"
expect_exit 0 "$PIPE" why --over 1s
contains "$out" "'fit' limits the run"
contains "$out" "replicas: 2"
expect_exit 0 "$PIPE" why gate --over 500ms --json
echo "$out" | py 'import json, sys; a = json.load(sys.stdin); assert a["limit"]["stage"] == "fit" and a["fixes"][0]["gain"] > 1.5, a'
expect_exit 0 "$PIPE" why gate --item last
contains "$out" "after its capture"
contains "$out" "arrived"
expect_exit 1 "$PIPE" why gate --item nobody#1
contains "$err" "nothing is known of items of 'nobody'"
expect_exit 0 "$PIPE" tap gate out -n 3 --where 'temperature >= 0' --json
echo "$out" | py '
import json, sys
items = [json.loads(line) for line in sys.stdin]
assert len(items) == 3 and all(i["value"]["temperature"] >= 0 and i["source"].startswith("camera/") for i in items), items
'
expect_exit 0 "$PIPE" top gate -n 2 --every 300ms --sort busy
contains "$out" "BUSY"
[[ $(grep -c '^STAGE' <<<"$out") == 2 ]] || fail "$out"
expect_exit 0 "$PIPE" graph --live "$run"
contains "$out" "% busy"
contains "$out" "#c0392b"
expect_exit 0 "$PIPE" status gate --json
echo "$out" | py 'import json, sys; a = json.load(sys.stdin); assert a["balanced"] and len(a["stages"]) == 6, len(a["stages"])'

# A station more, one less, and one that makes no sense.
expect_exit 0 "$PIPE" stations gate --add c --remove a
expect_exit 0 "$PIPE" status gate --json
echo "$out" | py '
import json, sys
stations = {s["station"]: s["state"] for s in json.load(sys.stdin)["stages"] if s["name"] == "camera"}
assert set(stations) == {"a", "b", "c"} and stations["c"] == "running", stations
'
expect_exit 1 "$PIPE" stations gate --add 'not a name/'
expect_exit 0 "$PIPE" log gate debug

# What makes no sense is told with a way out.
expect_exit 1 "$PIPE" tap gate nowhere
contains "$err" "no link leads to 'nowhere'"
expect_exit 1 "$PIPE" why gat
contains "$err" "did you mean 'gate'?"

expect_exit 0 "$PIPE" stop gate
wait $run || fail "$(cat run.err)"
contains "$(cat run.err)" "the books balance"
[[ ! -e runs/gate.$run ]] || fail "the socket is still there"

# A run that was killed leaves a socket behind; the next look clears it away.
"$PIPE" run gate.yaml >run.out 2>run.err &
run=$!
until [[ -S runs/gate.$run ]]; do kill -0 $run || fail "$(cat run.err)"; read -rt 0.05 <> <(:) || true; done
kill -KILL $run
wait $run || true
expect_exit 0 "$PIPE" status
[[ ! -e runs/gate.$run ]] || fail "a dead run's socket is still there"

# A file that is called like a run of a dead process is no socket, and stays.
touch runs/notes.999999
expect_exit 0 "$PIPE" status
[[ -f runs/notes.999999 ]] || fail "a file was cleared away that is no socket"

# Over TCP for who shows the token.
expect_exit 64 env -u PIPE_TOKEN "$PIPE" run gate.yaml --control 127.0.0.1:0
contains "$err" "set PIPE_TOKEN"

cat >finite.yaml <<'Y'
pipe: 1
name: finite
stages:
  source: { type: generate, count: 500 }
  end: { type: "null", from: source }
Y
cat >skips.yaml <<'Y'
pipe: 1
name: skips
stages:
  source: { type: generate, count: 100 }
  shaky: { type: fault, from: source, fail: 100%, on_error: skip }
  end: { type: "null", from: shaky }
Y

# A trace is what Chrome reads, nests on each thread, and comes to what the books say.
cat >traced.yaml <<'Y'
pipe: 1
name: traced
stages:
  source: { type: generate, count: 3000, rate: 3kHz }
  shaky: { type: fault, from: source, fail: 5%, lose: 5%, on_error: skip }
  slow: { type: fault, delay: 5ms, from: { shaky: { when_full: drop_oldest, capacity: 8 } } }
  wide: { type: fault, from: { shaky: { when_full: block } }, replicas: 3, die_after: 500, restart: { max: 3, per: 10s, backoff: 10ms } }
  out: { type: jsonl_file, from: wide, path: traced.jsonl, mode: overwrite }
  end: { type: "null", from: slow }
Y
"$PIPE" run traced.yaml --trace trace.json --report traced-report.json >run.out 2>run.err || true
contains "$(cat run.err)" "failed on an item: it fails, as told"
expect_exit 0 python3 "$ROOT/IntegrationTests/trace_reader.py" trace.json traced-report.json
expect_exit 0 "$PIPE" run finite.yaml --trace small.json --trace-size 2KiB
contains "$err" "events are not in it"
python3 -c 'import json; assert json.load(open("small.json"))["otherData"]["left_out"] > 0'

# Logs for programs: a JSON object a line, with the item that it is about; many of one kind are counted.
expect_exit 0 "$PIPE" run skips.yaml --log json
echo "$err" | py '
import json, sys
entries = [json.loads(line) for line in sys.stdin]
failures = [e for e in entries if e["message"].startswith("failed on an item")]
assert len(failures) == 10 and all(e["level"] == "error" and e["stage"] == "shaky" for e in failures), entries
assert any("said 90 times more" in e["message"] for e in entries), entries
assert all(e["time"].endswith("Z") and e["graph"] == "skips" for e in entries), entries
'

# A recorded run is replayed: the same outputs, the same drops; also where it was killed in the midst of it.
cat >recorded.yaml <<'Y'
pipe: 1
name: recorded
stages:
  camera: { type: generate, rate: 1kHz, keys: [a, b], fields: { t: item.sequence % 40 } }
  wide: { type: fault, delay: 3ms, replicas: 2, from: { camera: { when_full: latest } } }
  slow: { type: fault, delay: 8ms, fail: 3%, on_error: skip, from: { wide: { when_full: drop_oldest, capacity: 6 } } }
  gather: { type: batch, from: slow, count: 4, window: 200ms }
  out: { type: jsonl_file, from: gather, path: recorded.jsonl, mode: overwrite }
Y
expect_exit 0 "$PIPE" run recorded.yaml --for 2s --record first --report recorded-report.json
expect_exit 0 "$PIPE" replay first --out again --drops drops --report again.json
contains "$err" "to its end"
cmp recorded.jsonl again/recorded.jsonl
[[ -s drops ]] || fail "nothing was dropped"
expect_exit 0 "$PIPE" replay first --drops drops2 --quiet
cmp drops drops2
py '
import json
first, again = (json.load(open(name)) for name in ("recorded-report.json", "again.json"))
for kind in ("stages", "links"):
    for a, b in zip(first[kind], again[kind]):
        for key in ("in", "out", "made", "done", "dropped", "failed", "held"):
            assert a.get(key) == b.get(key), (a, b)
drops = [line.split("\t")[0] for line in open("drops")]
for link in again["links"]:
    assert drops.count(link["name"]) == sum(link["dropped"].values()), link
'
item="$(py 'import json; print(json.loads(open("recorded.jsonl").readline())["items"][-1]["sequence"])')"
expect_exit 0 "$PIPE" replay first --until "slow.survivors -> gather:$item"
contains "$err" "item $item leaves the link"
lost="$(awk -F'\t' '$1 == "wide.survivors -> slow" { sub(/.*#/, "", $2); print $2; exit }' drops)"
expect_exit 0 "$PIPE" replay first --until "wide.survivors -> slow:$lost"
contains "$err" "camera#$lost was dropped in the link: overflow"
expect_exit 64 "$PIPE" replay first --until 'nowhere:5'
expect_exit 1 "$PIPE" run recorded.yaml --for 1s --record first
contains "$err" "is not empty"
expect_exit 1 "$PIPE" replay nowhere

# A recording becomes a test, which fails when the graph goes another way.
expect_exit 0 "$PIPE" new test --from first --name 'as it was'
contains "$out" "replay: 'first'"
contains "$out" "overflow:"
{ cat recorded.yaml; echo tests:; echo "$out"; } >tested.yaml
expect_exit 0 "$PIPE" test tested.yaml
contains "$err" "1 test passed"
sed 's/in: [0-9]*, dropped/in: 1, dropped/' tested.yaml >other.yaml
expect_exit 1 "$PIPE" test other.yaml
contains "$out" "expected 1, got"
sed 's/when_full: latest/when_full: drop_newest/' tested.yaml >other.yaml
expect_exit 1 "$PIPE" test other.yaml
contains "$out" "it parts from the recording at"
sed 's/replay:.*/&\n    seed: 7/' tested.yaml >other.yaml
expect_exit 2 "$PIPE" test other.yaml
contains "$err" "keep 'seed' or 'replay'"
expect_exit 64 "$PIPE" new test

# A graph from standard input is read once, and stands in its recording.
expect_exit 0 "$PIPE" run - --for 1s --record piped <recorded.yaml
expect_exit 0 "$PIPE" replay piped
contains "$err" "to its end"

"$PIPE" run recorded.yaml --record killed 2>run.err &
run=$!
until [[ -f killed/entries.rec && $(stat -c %s killed/entries.rec) -gt 300000 ]]; do
    kill -0 $run || fail "$(cat run.err)"
    read -rt 0.05 <> <(:) || true
done
kill -KILL $run
wait $run || true
expect_exit 0 "$PIPE" replay killed --out killed-again
contains "$err" "up to where the recording was cut off"
[[ -s killed-again/recorded.jsonl ]] || fail "nothing was replayed"
expect_exit 0 "$PIPE" run recorded.yaml --for 1s --record small --record-size 20KiB
contains "$err" "it has the size that it may have"
expect_exit 0 "$PIPE" replay small

# Runs of the built program: ends, signals, reports, exit codes, and what stands in files afterwards.

cat >finite.yaml <<'Y'
pipe: 1
name: finite
stages:
  source: { type: generate, count: 500 }
  odd: { type: filter, from: source, where: item.sequence % 2 == 1 }
  out: { type: jsonl_file, from: odd, path: finite.jsonl, mode: overwrite }
Y
expect_exit 0 "$PIPE" run finite.yaml --report report.json
contains "$err" "the books balance"
contains "$err" "not_chosen 250"
[[ $(wc -l <finite.jsonl) == 250 ]] || fail "$(wc -l <finite.jsonl) lines"
py '
import json
report = json.load(open("report.json"))
stages = {s["name"]: s for s in report["stages"]}
assert report["balanced"] and stages["source"]["made"] == 500, report
assert stages["odd"]["in"] == 500 and stages["odd"]["dropped"] == {"not_chosen": 250}, stages["odd"]
assert stages["out"]["out"] == 250 and report["paths"][0]["latency"]["count"] == 250, report
assert all(l["in"] == l["out"] + sum(l["dropped"].values()) + l["held"] for l in report["links"])
'
expect_exit 0 "$PIPE" run finite.yaml --json --quiet
echo "$out" | py 'import json, sys; assert json.load(sys.stdin)["graph"] == "finite"'

# A graph that is wrong does not run; a command line that is wrong says what is right.
sed 's/filter/fliter/' finite.yaml >wrong.yaml
expect_exit 2 "$PIPE" run wrong.yaml
contains "$err" "did you mean 'filter'"
expect_exit 64 "$PIPE" run finite.yaml --for long
contains "$err" "write '10s'"

# Something that fails ends with 1, a limit that is broken with 3 and the name of the link.
cat >fails.yaml <<'Y'
pipe: 1
stages:
  source: { type: generate, count: 100 }
  shaky: { type: fault, from: source, die_after: 10 }
  end: { type: "null", from: shaky }
Y
expect_exit 1 "$PIPE" run fails.yaml
contains "$err" "shaky failed: it dies after 10 items"
cat >lossy.yaml <<'Y'
pipe: 1
stages:
  source: { type: generate, count: 200, rate: 2kHz }
  slow: { type: throttle, rate: 100/s, from: { source: { capacity: 2, when_full: drop_oldest } } }
  end: { type: "null", from: slow }
limits: { max_loss: 1% }
Y
expect_exit 3 "$PIPE" run lossy.yaml
contains "$err" "limit broken: link source.items -> slow lost"
contains "$err" "overflow"

# SIGUSR1 reads the graph anew: stations come and go, and the books hold for all that ever ran.
stations() {
    cat >stations.yaml <<Y
pipe: 1
name: stations
stages:
  camera: { type: generate, rate: 200/s, stations: [$1] }
  keep: { type: jsonl_file, from: camera, path: "stations-\${station}.jsonl", flush: 10ms }
Y
}
stations "a"
"$PIPE" run stations.yaml --report stations.json 2>stations.err &
run=$!
until [[ -s stations-a.jsonl ]]; do kill -0 $run && sleep 0.01; done
stations "a, b"
kill -USR1 $run
until [[ -s stations-b.jsonl ]]; do kill -0 $run && sleep 0.01; done
stations "b"
kill -USR1 $run
until [[ $(grep -c 'read anew' stations.err) == 2 ]]; do kill -0 $run && sleep 0.01; done
printf 'pipe: 1\nstages: { camera: { type: gen } }\n' >stations.yaml
kill -USR1 $run
until grep -q 'the run goes on as it was' stations.err; do kill -0 $run && sleep 0.01; done
kill -TERM $run
wait $run || fail "the run ended with $?: $(cat stations.err)"
py '
import json
report = json.load(open("stations.json"))
assert report["balanced"] and [s["state"] for s in report["stages"]] == ["ended"] * 4, report
made = {s["station"]: s["made"] for s in report["stages"] if s["name"] == "camera"}
lines = {name: sum(1 for _ in open(f"stations-{name}.jsonl")) for name in "ab"}
assert made == lines, (made, lines)
'

# SIGTERM stops the sources, and what is under way comes to its end.
cat >endless.yaml <<'Y'
pipe: 1
name: endless
stages:
  source: { type: generate, rate: 500/s }
  out: { type: jsonl_file, from: source, path: endless.jsonl, mode: overwrite, flush: 50ms }
Y
"$PIPE" run endless.yaml --json --quiet >end.json 2>end.err &
run=$!
until [[ -s endless.jsonl ]]; do kill -0 $run && sleep 0.01; done
kill -TERM $run
wait $run || fail "SIGTERM: exit code $?: $(cat end.err)"
py '
import json
report = json.load(open("end.json"))
stages = {s["name"]: s for s in report["stages"]}
lines = sum(1 for _ in open("endless.jsonl"))
assert stages["source"]["made"] == stages["out"]["out"] == lines, (stages, lines)
assert not report["links"][0]["dropped"] and report["links"][0]["held"] == 0, report
'

# The second signal stops at once: what was held is in the books as cancelled.
cat >stuck.yaml <<'Y'
pipe: 1
name: stuck
stages:
  source: { type: generate }
  slow: { type: throttle, rate: 1/min, from: source }
  out: { type: jsonl_file, from: slow, path: stuck.jsonl, mode: overwrite, flush: 10ms }
Y
"$PIPE" run stuck.yaml --json --drain 1h >stuck.json 2>stuck.err &
run=$!
until [[ -s stuck.jsonl ]]; do kill -0 $run && sleep 0.01; done
kill -TERM $run
until grep -q stopping stuck.err; do kill -0 $run && sleep 0.01; done
kill -TERM $run
code=0
wait $run || code=$?
[[ $code == 1 ]] || fail "second SIGTERM: exit code $code: $(cat stuck.err)"
contains "$(cat stuck.err)" "the run was stopped at once"
py '
import json
report = json.load(open("stuck.json"))
assert report["balanced"], report
lost = sum(l["dropped"].get("cancelled", 0) for l in report["links"]) + sum(s["dropped"].get("cancelled", 0) for s in report["stages"])
assert lost > 0, report
'

# --for stops by itself; a drain that takes too long says what was lost, and fails.
expect_exit 1 "$PIPE" run stuck.yaml --for 200ms --drain 100ms --report late.json
contains "$err" "100ms for draining were over"
py 'import json; assert "drained_late" in open("late.json").read()'

# SIGKILL in the midst of writing leaves whole lines, and nothing that stops the next run.
cat >torrent.yaml <<'Y'
pipe: 1
stages:
  source: { type: generate, padding: 300B }
  out: { type: jsonl_file, from: source, path: torrent.jsonl, flush: 1ms }
Y
for round in 1 2 3 4 5; do
    "$PIPE" run torrent.yaml --quiet &
    run=$!
    before=$(stat -c %s torrent.jsonl 2>/dev/null || echo 0)
    until [[ $(stat -c %s torrent.jsonl 2>/dev/null || echo 0) -gt $before ]]; do kill -0 $run && sleep 0.01; done
    kill -KILL $run
    wait $run 2>/dev/null || true
    py '
import json
lines = open("torrent.jsonl").read().split("\n")
for line in lines[:-1]: json.loads(line)
assert lines[-1] == "", lines[-1][:80]
'
done

# On a terminal a table shows how it goes, as wide as the terminal and no wider.
cat >short.yaml <<'Y'
pipe: 1
name: short
stages:
  source: { type: generate, rate: 200/s }
  slow: { type: throttle, rate: 50/s, from: { source: { capacity: 8, when_full: drop_oldest } } }
  out: { type: "null", from: slow }
Y
script -qec "stty cols 80; '$PIPE' run short.yaml --for 1300ms" typescript >/dev/null
contains "$(cat typescript)" "STAGE"
contains "$(cat typescript)" "overflow"
py '
import re
text = open("typescript", errors="replace").read()
for line in re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text).splitlines():
    if not line.startswith("Script "): assert len(line) <= 80, (len(line), line)
'

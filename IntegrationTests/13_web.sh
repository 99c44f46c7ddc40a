# The page of a run: what is served, who may change it, what a browser makes of it, and that a run is the same without.

web_graph() {
    cat <<'Y'
pipe: 1
name: web-test
description: Readings on a page.
web: { listen: "127.0.0.1:0", token: "${secret.WEB}" }
stages:
  source: { type: generate, rate: 100/s, fields: { temperature: 20 + item.sequence % 9 } }
  odd: { type: filter, from: { source: { when_full: drop_oldest } }, where: item.sequence % 2 == 1 }
  view: { type: web_view, from: { source: { when_full: drop_oldest } }, title: Readings, plot: { temperature: temperature } }
  out: { type: jsonl_file, from: odd, path: out.jsonl, mode: overwrite }
Y
}

# start_run GRAPH FLAGS…: runs it until it says where its page is; its process is $run, the page's address $url.
start_run() {
    : >run.err
    PIPE_SECRET_WEB=hush-hush "$PIPE" run "$@" >run.out 2>run.err &
    run=$!
    for _ in $(seq 500); do
        url="$(sed -n 's/.* at \(http:[^ ]*\)$/\1/p' run.err | head -1)"
        [[ -z "$url" ]] || return 0
        kill -0 "$run" || fail "the run ended: $(cat run.err)"
        sleep 0.02
    done
    fail "there is no page: $(cat run.err)"
}
ask() { curl -sS --max-time 20 "$@"; }
status() { ask -o /dev/null -w '%{http_code}' "$@"; }

# A run without a page says nothing of one and serves none.
cat >plain.yaml <<'Y'
pipe: 1
stages: { a: { type: generate, count: 10 }, b: { type: "null", from: a } }
Y
expect_exit 0 "$PIPE" run plain.yaml --report plain.json
[[ "$err" != *http* ]] || fail "$err"
py 'import json; report = json.load(open("plain.json")); assert "web" not in report and "metrics" not in report'

sed 's/, count: 10/, rate: 10\/s/' plain.yaml >plain-endless.yaml

web_graph >web.yaml
start_run web.yaml --report report.json
page="$url"
base="${url%/}"
contains "$(ask "$page")" '<title>pipe</title>'
ask -D head "$page" -o /dev/null
for header in "default-src 'none'; script-src 'self'" 'X-Content-Type-Options: nosniff' 'X-Frame-Options: DENY'; do
    grep -qi "$header" head || fail "no $header: $(cat head)"
done
ask "$base/api/numbers" | py '
import json, sys
numbers = json.load(sys.stdin)
assert numbers["graph"] == "web-test" and numbers["balanced"], numbers
assert [s["name"] for s in numbers["stages"]] == ["source", "odd", "view", "out"], numbers'
ask "$base/api/graph" | py 'import json, sys; text = sys.stdin.read(); assert "hush" not in text; assert len(json.loads(text)["links"]) == 3'
[[ "$(status "$base/healthz") $(status "$base/readyz") $(status "$base/nothing")" == "200 200 404" ]] || fail health
[[ "$(status --path-as-is "$base/../../../etc/passwd")" == 404 ]] || fail "paths"
[[ "$(status -H 'Host: evil.example' "$page")" == 421 ]] || fail "another name"
[[ "$(status -I "$base/metrics")" == 200 ]] || fail "HEAD"

# Numbers for monitors, read by prometheus_client in both forms.
venv="$ROOT/.setup/venv/bin/python3"
ask "$base/metrics" | "$venv" "$ROOT/Tests/RunPageTests/metrics_peer.py" prometheus >samples
ask -H 'Accept: application/openmetrics-text' "$base/metrics" | "$venv" "$ROOT/Tests/RunPageTests/metrics_peer.py" openmetrics >open
[[ $(wc -l <samples) -gt 100 && $(wc -l <samples) == $(wc -l <open) ]] || fail "$(wc -l <samples) and $(wc -l <open) samples"

# And by Prometheus itself, which has rules for names, too.
ask "$base/metrics" >metrics
lint="$("$ROOT/.setup/bin/promtool" check metrics <metrics 2>&1)" || fail "promtool: $lint"
[[ -z "$lint" ]] || fail "promtool: $lint"

# Events, cut off after two seconds; curl says so by its exit code 28.
events="$(curl -sSN --max-time 2 "$base/api/stream" 2>/dev/null || [[ $? == 28 ]])"
contains "$events" $'event: numbers\ndata: {"graph":"web-test"'
contains "$events" $'event: views\ndata: {"panels":[{"name":"view"'

# Only the token changes the run, and draining by the page is draining: the books balance, and the exit code is 0.
[[ "$(status -X POST "$base/api/drain")" == 401 ]] || fail "no token"
[[ "$(status -X POST -H 'Authorization: Bearer hush' "$base/api/drain")" == 401 ]] || fail "a wrong token"
[[ "$(status -H 'Authorization: Bearer hush-hush' "$base/api/drain")" == 405 ]] || fail "GET changes nothing"
[[ "$(status -X POST -H 'Authorization: Bearer hush-hush' "$base/api/drain")" == 202 ]] || fail "the right token"
wait "$run" || fail "the run ended with $?: $(cat run.err)"
grep -q "the books balance" run.err
! grep -q hush-hush run.err report.json || fail "the token is told"
PAGE="$page" py 'import json, os; report = json.load(open("report.json")); assert report["web"] + "/" == os.environ["PAGE"] and report["balanced"], report'

# Stopped at once is an end with 1, as with a second interrupt: what waited is cut off, and counted.
cat >stop.yaml <<'Y'
pipe: 1
web: { listen: "127.0.0.1:0", token: "${secret.WEB}" }
stages:
  source: { type: generate, rate: 1kHz }
  slow: { type: throttle, from: source, rate: 1/s }
  end: { type: "null", from: slow }
Y
start_run stop.yaml
base="${url%/}"
until ask "$base/api/numbers" | py 'import json, sys; sys.exit(json.load(sys.stdin)["links"][0]["held"] < 60)'; do kill -0 "$run"; done
[[ "$(status -X POST -H 'Authorization: Bearer hush-hush' "$base/api/stop")" == 202 ]] || fail stop
code=0; wait "$run" || code=$?
[[ $code == 1 ]] || fail "$code"
contains "$(cat run.err)" "the run was stopped at once"

# An address that is taken ends the run before it begins; the flag goes before the graph.
start_run web.yaml
port="${url##*:}"; port="${port%/}"
expect_exit 1 "$PIPE" run plain.yaml --web "127.0.0.1:$port"
contains "$err" "cannot listen on 127.0.0.1:$port: address already in use"
expect_exit 1 "$PIPE" run plain.yaml --metrics "127.0.0.1:$port" --web 127.0.0.1:0
expect_exit 64 "$PIPE" run plain.yaml --web 8080
contains "$err" "did you mean '127.0.0.1:8080'"
kill -TERM "$run"; wait "$run"
start_run web.yaml --web 127.0.0.2:0
[[ "$url" == http://127.0.0.2:* ]] || fail "$url"
kill -TERM "$run"; wait "$run"

# Numbers alone: no page, and the address in the report.
start_run plain-endless.yaml --metrics 127.0.0.1:0 --report metrics.json
base="${url%/metrics}"
[[ "$(status "$url") $(status "$base/healthz") $(status "$base/") $(status "$base/api/numbers")" == "200 200 404 404" ]] || fail "$url"
kill -TERM "$run"; wait "$run"
BASE="$base" py 'import json, os; assert json.load(open("metrics.json"))["metrics"] == os.environ["BASE"]'

# The page in a browser.
command -v chromium >/dev/null || fail "chromium is missing: run scripts/setup"
sed 's/^web: { listen: \(.*\) }$/web: { listen: \1, token: "${secret.WEB}" }/' "$ROOT/pipelines/live-page.yaml" >live.yaml
grep -q 'secret.WEB}" }$' live.yaml
start_run live.yaml --set params.listen=127.0.0.1:0
port="${url##*:}"; port="${port%/}"
python3 "$ROOT/IntegrationTests/web_page.py" "$url" "${SHOTS:-.}"
# It is started anew at the same address while a browser looks: the page goes on by itself.
kill -TERM "$run"; wait "$run"
python3 "$ROOT/IntegrationTests/web_page.py" "http://127.0.0.1:$port/" . restart "$PIPE" "$ROOT/pipelines/live-page.yaml"

# A camera's pictures, as a client of the lab's first server reads them, and on the page.
start_run "$ROOT/pipelines/ion-camera.yaml" --set params.page=127.0.0.1:0 --set params.out="$PWD/ions"
base="${url%/}"
until [[ "$(status --max-time 1 -I "$base/video_feed" || true)" == 200 ]]; do kill -0 "$run"; done
curl -sSN --max-time 2 -D feed.head -o feed "$base/video_feed" 2>/dev/null || [[ $? == 28 ]]
grep -qi '^Content-Type: multipart/x-mixed-replace; boundary=frame' feed.head || fail "$(cat feed.head)"
py '
import re
data, place, frames = open("feed", "rb").read(), 0, set()
while head := re.compile(rb"--frame\r\nContent-Type: image/jpeg\r\nCache-Control: no-cache\r\nX-Timestamp: \d+\.\d+\r\nContent-Length: (\d+)\r\n\r\n").match(data, place):
    body = data[head.end():head.end() + int(head[1])]
    place = head.end() + len(body) + 2
    if place > len(data): break  # the last was cut off
    assert body[:3] == b"\xff\xd8\xff" and body[-2:] == b"\xff\xd9" and data[place - 2:place] == b"\r\n", place
    frames.add(body)
assert len(frames) >= 10, len(frames)
print(len(frames), "pictures in two seconds")'
telemetry="$(curl -sSN --max-time 1.2 "$base/api/telemetry/stream" 2>/dev/null || [[ $? == 28 ]])"
echo "$telemetry" | py '
import json, sys
events = [line[6:] for line in sys.stdin if line.startswith("data: {") and line.endswith("}\n")]
event = json.loads(events[-1])
assert event["ions"] and set(event["ions"][0]) == {"t", "v"} and event["camera"]["is_live"], events[-1][:300]'
python3 "$ROOT/IntegrationTests/web_page.py" "$base/" "${SHOTS:-.}" video
kill -TERM "$run"; wait "$run"

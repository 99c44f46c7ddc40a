# Spans of items that are followed, for a collector of OpenTelemetry.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Of the first 64 items of a source each one is followed.
cat >shop.yaml <<'Y'
pipe: 1
name: shop
stages:
  camera: { type: generate, rate: 100/s, count: 60 }
  look: { type: fault, delay: 4ms, from: camera, fail: 20%, on_error: skip }
  slow: { type: fault, delay: 30ms, from: { look: { when_full: latest } } }
  all: { type: "null", from: { look: { when_full: block } } }
  end: { type: "null", from: slow }
Y

# Begins a collector, and sets `port`.
collect() {
    rm -f port
    "$ROOT/.setup/venv/bin/python3" "$ROOT/IntegrationTests/otlp_collector.py" "$@" >port 2>collector.err &
    collector=$!
    until [[ -s port ]]; do kill -0 $collector || fail "$(cat collector.err)"; read -rt 0.05 <> <(:) || true; done
    port=$(cat port)
}
end_collector() { kill $collector; wait $collector || true; [[ ! -s collector.err ]] || fail "$(cat collector.err)"; }

collect spans
OTEL_EXPORTER_OTLP_HEADERS=x-key=hush%20hush expect_exit 0 "$PIPE" run shop.yaml --otlp "127.0.0.1:$port" --report report.json
end_collector
py '
import collections, json
spans = [json.loads(line) for line in open("spans")]
report = json.load(open("report.json"))
assert all(s["service"] == "shop" and s["secret"] == "hush hush" for s in spans), spans[0]
assert len({(s["trace"], s["id"]) for s in spans}) == len(spans), "two spans have one identity"
traces = collections.defaultdict(list)
for span in spans: traces[span["trace"]].append(span)
assert len(traces) == 60, len(traces)
for trace in traces.values():
    ids = {s["id"]: s for s in trace}
    roots = [s for s in trace if not s["parent"]]
    assert len(roots) == 1 and roots[0]["name"] == "camera", trace
    for s in trace:
        assert s["from"] <= s["to"] and len({s["item"] for s in trace}) == 1, s
        if s["parent"]: assert ids[s["parent"]]["from"] <= s["from"] + 1_000_000, (s, ids[s["parent"]])

# What they tell is what the books say.
named = collections.Counter(s["name"] for s in spans if not s["failure"])
lost = collections.Counter((s["name"], s["failure"]) for s in spans if s["failure"])
books = {s["name"]: s for s in report["stages"]}
for stage in ("look", "slow", "all", "end"): assert named[stage] == books[stage]["in"], (stage, named, books[stage])
assert lost["look: failed", "failed"] == books["look"]["failed"] > 0, (lost, books["look"])
link = next(l for l in report["links"] if l["name"].endswith("-> slow"))
assert lost[link["name"], "lost: overflow"] == link["dropped"]["overflow"] > 0, (lost, link)
'

# A collector that is not ready yet is asked again, and nothing is lost; one that refuses is told of, once.
collect again --later 1
expect_exit 0 "$PIPE" run shop.yaml --otlp "http://127.0.0.1:$port/v1/traces"
contains "$err" "takes no spans now: it answers 503"
contains "$err" "takes spans again"
end_collector
[[ $(py 'import json; print(len({json.loads(line)["trace"] for line in open("again")}))') == 60 ]] || fail "traces"
collect never --refuse
expect_exit 0 "$PIPE" run shop.yaml --otlp "127.0.0.1:$port"
contains "$err" "refuses spans: it answers 400: not now"
contains "$err" "of items were left out"
end_collector
[[ ! -e never ]]

# Nobody there is no reason not to run.
expect_exit 0 "$PIPE" run shop.yaml --otlp 127.0.0.1:1
contains "$err" "takes no spans now"
contains "$err" "of items were left out"
for wrong in ftp://host :80 127.0.0.1: 'a b' http://; do
    expect_exit 64 "$PIPE" run shop.yaml --otlp "$wrong"
    contains "$err" "is no address of a collector"
done

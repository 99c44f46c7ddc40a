"""Reads a trace as Chrome would, and compares it with the report of the same run.

    python trace_reader.py trace.json report.json

Every event must have what its phase wants; spans of a thread must nest; spans that were begun must end; and all totals must
be those of the books.
"""

import collections
import json
import sys

with open(sys.argv[1]) as file:
    trace = json.load(file)
with open(sys.argv[2]) as file:
    report = json.load(file)

WANTED = {"X": {"name", "cat", "ts", "dur", "pid", "tid"}, "b": {"name", "cat", "id", "ts", "pid", "tid"},
          "e": {"name", "cat", "id", "ts", "pid", "tid"}, "i": {"name", "ts", "s", "pid", "tid"},
          "M": {"name", "args", "pid"}}
spans, open_waits = collections.defaultdict(list), {}
steps = collections.defaultdict(collections.Counter)
waited, dropped, named = collections.Counter(), collections.defaultdict(collections.Counter), set()
for event in trace["traceEvents"]:
    missing = WANTED[event["ph"]] - event.keys()
    assert not missing, (missing, event)
    if event["ph"] == "M":
        named.add(event.get("tid"))
        continue
    assert event["ts"] >= 0, event
    if event["ph"] == "X":
        assert event["dur"] >= 0, event
        spans[event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
        steps[event["name"]].update(event["args"])
    elif event["ph"] == "b":
        assert event["id"] not in open_waits, event
        open_waits[event["id"]] = event
    elif event["ph"] == "e":
        begin = open_waits.pop(event["id"])
        assert begin["name"] == event["name"] and begin["ts"] <= event["ts"], event
        waited[event["name"]] += begin["args"]["items"]
    elif event["ph"] == "i" and event["cat"] != "restart":
        dropped[event["args"]["of"]][event["args"]["what"]] += event["args"]["items"]
assert not open_waits, open_waits

for tid, pieces in spans.items():
    assert tid in named, tid
    stack = []
    # Longer ones first where several begin at once: the others lie in them.
    for begin, end in sorted(pieces, key=lambda piece: (piece[0], -piece[1])):
        while stack and stack[-1] <= begin + 1e-6:
            stack.pop()
        assert not stack or end <= stack[-1] + 1e-6, (tid, begin, end, stack[-1])
        stack.append(end)


def full(entry):
    return entry["name"] + ("/" + entry["station"] if "station" in entry else "")


for stage in report["stages"]:
    name, total = full(stage), steps[full(stage)]
    cut_off = dropped[name]["cut off"]
    assert total["took"] == stage.get("in", 0), (name, total, stage)
    assert total["made"] == stage.get("made", 0), (name, total, stage)
    assert total["failed"] == stage["failed"], (name, total, stage)
    assert total["dropped"] + cut_off == sum(stage["dropped"].values()), (name, total, cut_off, stage)
    assert waited[name] == stage.get("in", 0), (name, waited[name], stage)
for link in report["links"]:
    assert dict(dropped[full(link)]) == link["dropped"], (link, dropped[full(link)])
assert trace["otherData"]["left_out"] == 0, trace["otherData"]
print(f"{len(trace['traceEvents'])} events, {sum(map(len, spans.values()))} steps on {len(spans)} threads")

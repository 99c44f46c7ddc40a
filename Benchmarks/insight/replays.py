"""Ten overloaded graphs, recorded on real time and replayed: are outputs and drops the same, and what does recording cost?

    python replays.py ../../.build/release/pipe [--seconds 60] [--replays 100] [--at-once 5]

Each graph runs once as it is and once recorded; then it is replayed so often, and each replay's files and list of drops are
compared with those of the run and of the first replay. Exit code 0: all are the same, to the last byte.

The cost of recording is told by the items that all stages have worked on. What comes out at the end is no measure of it: behind
replicas a `latest` link keeps one of those that come together, so that two runs of one graph differ by half there.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import subprocess
import sys
import tempfile

HEAD = "pipe: 1\nname: graph{n}\nstages:\n"
SHAPES = [
    # A camera that is too fast, stages that fail and lose, replicas, two branches, a batch.
    """
  camera: {{ type: generate, rate: {rate}/s, keys: [a, b, c], fields: {{ t: 20 + item.sequence % 15 }} }}
  shaky: {{ type: fault, from: {{ camera: {{ when_full: drop_oldest, capacity: 8 }} }}, fail: 2%, lose: 3%, on_error: skip }}
  wide: {{ type: fault, delay: {slow}ms, replicas: {replicas}, from: {{ shaky: {{ when_full: latest }} }} }}
  hot: {{ type: filter, from: {{ wide: {{ when_full: drop_oldest }} }}, where: t > 25 }}
  cold: {{ type: filter, from: {{ wide: {{ when_full: drop_oldest }} }}, where: t <= 25 }}
  late: {{ type: fault, delay: {slow}ms, from: {{ cold: {{ when_full: drop_newest, capacity: 4 }} }} }}
  gather: {{ type: batch, from: hot, count: 5, window: 100ms }}
  out: {{ type: jsonl_file, from: gather, path: hot.jsonl, mode: overwrite }}
  end: {{ type: jsonl_file, from: late, path: cold.jsonl, mode: overwrite }}
""",
    # Two sources, restarts, dead letters, ages, a throttle.
    """
  left: {{ type: generate, rate: {rate}/s }}
  right: {{ type: generate, rate: {rate}/s, fields: {{ side: "'right'" }} }}
  first: {{ type: fault, die_after: 400, delay: 1ms, from: {{ left: {{ when_full: drop_oldest }} }}, restart: {{ max: 5, per: 10s, backoff: 50ms }} }}
  second: {{ type: fault, fail: 10%, on_error: dead_letter, from: {{ right: {{ max_age: 50ms, when_full: drop_oldest }} }} }}
  all: {{ type: merge, from: [first, second, second.dead_letter] }}
  even: {{ type: throttle, rate: 300/s, burst: 3, from: {{ all: {{ when_full: drop_oldest, capacity: 16 }} }} }}
  mark: {{ type: map, from: even, set: {{ seen: true }} }}
  wide: {{ type: fault, delay: {slow}ms, replicas: {replicas}, from: {{ mark: {{ skip_frames: 1, when_full: latest }} }} }}
  out: {{ type: jsonl_file, from: wide, path: out.jsonl, mode: overwrite }}
""",
    # A chain in which each link drops by another rule, and a rate by key at its end.
    """
  source: {{ type: generate, rate: {rate}/s, keys: [a, b, c, d] }}
  one: {{ type: fault, delay: 1ms, from: {{ source: {{ when_full: drop_newest, capacity: 16 }} }} }}
  two: {{ type: map, set: {{ half: item.sequence / 2 }}, from: {{ one: {{ rate: 600/s, when_full: drop_oldest }} }} }}
  three: {{ type: fault, delay: {slow}ms, replicas: {replicas}, from: {{ two: {{ max_age: 20ms, when_full: drop_oldest, capacity: 32 }} }} }}
  four: {{ type: filter, where: item.sequence % 7 != 3, from: three }}
  five: {{ type: fault, fail: 4%, on_error: skip, from: {{ four: {{ when_full: latest }} }} }}
  six: {{ type: throttle, rate: 40/s, per_key: true, from: {{ five: {{ when_full: drop_oldest, capacity: 8 }} }} }}
  gather: {{ type: batch, from: six, count: 3, window: 300ms, per_key: true }}
  out: {{ type: jsonl_file, from: gather, path: out.jsonl, mode: overwrite }}
""",
]
GRAPHS = [
    (SHAPES[number % 3], dict(rate=rate, slow=slow, replicas=replicas))
    for number, (rate, slow, replicas) in enumerate(
        [(1000, 4, 2), (800, 5, 2), (2000, 3, 3), (500, 9, 3), (1500, 4, 2), (1200, 6, 4), (3000, 2, 2), (400, 12, 2),
         (900, 7, 3), (700, 3, 4)]
    )
]


def pipe(*words, cwd):
    return subprocess.run([PROGRAM, *words], cwd=cwd, capture_output=True, text=True)


def contents(folder):
    return {name: hashlib.sha256(open(os.path.join(folder, name), "rb").read()).hexdigest()
            for name in sorted(os.listdir(folder)) if name.endswith(".jsonl")}


def done(report):
    return sum(stage.get("done", 0) for stage in json.load(open(report))["stages"])


def one(number, arguments, root):
    shape, values = GRAPHS[number]
    folder = os.path.join(root, str(number))
    os.mkdir(folder)
    with open(os.path.join(folder, "graph.yaml"), "w") as file:
        file.write(HEAD.format(n=number) + shape.format(**values))
    plain = pipe("run", "graph.yaml", "--for", f"{arguments.seconds}s", "--report", "plain.json", cwd=folder)
    recorded = pipe("run", "graph.yaml", "--for", f"{arguments.seconds}s", "--record", "recording", "--report",
                    "recorded.json", cwd=folder)
    assert plain.returncode == recorded.returncode == 0, plain.stderr + recorded.stderr
    wanted, drops, same = contents(folder), None, 0
    for _ in range(arguments.replays):
        again = pipe("replay", "recording", "--out", "again", "--drops", "drops", "--quiet", cwd=folder)
        assert again.returncode == 0, again.stderr
        listed = hashlib.sha256(open(os.path.join(folder, "drops"), "rb").read()).hexdigest()
        drops = drops or listed
        same += contents(os.path.join(folder, "again")) == wanted and listed == drops
    with open(os.path.join(folder, "drops")) as file:
        dropped = sum(1 for _ in file)
    counted = sum(sum(link["dropped"].values()) for link in json.load(open(os.path.join(folder, "recorded.json")))["links"])
    assert counted == dropped, (counted, dropped)
    size = os.path.getsize(os.path.join(folder, "recording", "entries.rec"))
    ratio = done(os.path.join(folder, "recorded.json")) / done(os.path.join(folder, "plain.json"))
    return number, same, dropped, size, ratio


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--replays", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=5)
    arguments = parser.parse_args()
    global PROGRAM
    PROGRAM = os.path.abspath(arguments.program)
    with tempfile.TemporaryDirectory() as root, concurrent.futures.ThreadPoolExecutor(arguments.at_once) as pool:
        results = list(pool.map(lambda number: one(number, arguments, root), range(len(GRAPHS))))
    for number, same, dropped, size, ratio in results:
        print(f"graph {number}: {same} of {arguments.replays} replays the same, {dropped} drops, "
              f"{size / 1e6:.1f} MB, {ratio:.3f} × the items of the run that was not recorded")
    ratios = sorted(ratio for *_, ratio in results)
    print(f"median {ratios[len(ratios) // 2]:.3f}")
    sys.exit(any(same != arguments.replays for _, same, *_ in results))


main()

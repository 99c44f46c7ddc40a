"""Compares the engine with GStreamer, Go channels, oneTBB and multiprocessing: same workloads, one run, as ratios.

    swift build -c release
    python3 Benchmarks/engine/compare.py [--targets] [--rounds 5] [--seconds 1]

Builds the peers that can be built, runs everything interleaved (every round runs each workload with each peer, one
process after another) and prints medians of the rounds as Markdown. README.md says what each workload is.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(HERE, ".build")

WORKLOADS = [
    "chain4", "chain4-fused", "chain8", "chain4-1024", "frames", "fanout", "fanin", "ordered",
    "latency", "overload", "overload-latest",
]
TIMED = ["latency", "overload", "overload-latest"]  # what counts there is p50 and p99, not the rate

# Peer: the target of the Makefile it comes from (none for Python) and its command.
PEERS = {
    "gst-queue": ("gstreamer", [os.path.join(BUILD, "gstreamer")]),
    "gst": ("gstreamer", [os.path.join(BUILD, "gstreamer")]),
    "gst-leaky": ("gstreamer", [os.path.join(BUILD, "gstreamer")]),
    "gst-elements": ("gstreamer", [os.path.join(BUILD, "gst-elements")]),
    "go": ("go", [os.path.join(BUILD, "go-channels")]),
    "go-1p": ("go", [os.path.join(BUILD, "go-channels")]),
    "tbb": ("onetbb", [os.path.join(BUILD, "onetbb")]),
    "tbb-pipeline": ("onetbb", [os.path.join(BUILD, "onetbb")]),
    "python": (None, [sys.executable, os.path.join(HERE, "python", "main.py")]),
    "python-shm": (None, [sys.executable, os.path.join(HERE, "python", "main.py")]),
}


def has_tool(*names):
    return all(shutil.which(name) for name in names)


def has_library(name):
    return has_tool("pkg-config") and subprocess.run(["pkg-config", "--exists", name]).returncode == 0


# Debian package: is what it brings there? (The names are those of packages.txt.)
PACKAGES = {
    "build-essential": lambda: has_tool("make", "cc", "g++"),
    "pkg-config": lambda: has_tool("pkg-config"),
    "libgstreamer1.0-dev": lambda: has_library("gstreamer-base-1.0"),
    "libtbb-dev": lambda: has_library("tbb"),
    "golang-go": lambda: has_tool("go"),
}
NEEDS = {
    "gstreamer": ["build-essential", "pkg-config", "libgstreamer1.0-dev"],
    "onetbb": ["build-essential", "pkg-config", "libtbb-dev"],
    "go": ["build-essential", "golang-go"],
}

# Workload, peers (the best of them counts), field, bound. A rate of ours must be at least the bound times theirs; a
# time of ours at most.
TARGETS = [
    ("chain4", ["gst-queue"], "rate", 30),
    ("chain4", ["go", "go-1p"], "rate", 2),
    ("chain4", ["tbb"], "rate", 10),
    ("chain4-fused", ["gst-elements"], "rate", 20),
    ("chain4-fused", ["gst"], "rate", 20),
    ("chain8", ["gst-queue"], "rate", 30),
    ("frames", ["gst-queue"], "rate", 8),
    ("fanout", ["gst-queue"], "rate", 20),
    ("fanin", ["gst-queue"], "rate", 20),
    ("ordered", ["tbb-pipeline"], "rate", 0.95),
    ("latency", ["gst-queue"], "p50_us", 1 / 5),
    ("latency", ["gst-queue"], "p99_us", 1 / 5),
    ("overload", ["gst-leaky"], "p99_us", 1.0),
    ("overload-latest", ["gst-leaky"], "p99_us", 1.0),
]


def say(text):
    print(text, file=sys.stderr, flush=True)


def build(peers):
    """Builds what these peers need and gives those that can run."""
    ready = {None}
    for target in dict.fromkeys(PEERS[peer][0] for peer in peers if PEERS[peer][0]):
        missing = [package for package in NEEDS[target] if not PACKAGES[package]()]
        if missing:
            say(f"skipping {target}: not installed (Debian: apt-get install {' '.join(missing)})")
            continue
        done = subprocess.run(["make", "-s", "-C", HERE, target], capture_output=True, text=True)
        if done.returncode != 0:
            say(f"skipping {target}: it does not build\n{done.stdout}{done.stderr}")
            continue
        ready.add(target)
    return [peer for peer in peers if PEERS[peer][0] in ready]


class Runner:
    """Runs one workload of one program, and keeps every line it printed and every failure."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.lines = []
        self.failures = []

    def command(self, peer, workload):
        return [*PEERS[peer][1], "--peer", peer, "--workload", workload, "--seconds", str(self.seconds)]

    def run(self, name, command, workload, round_index):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=30 + 4 * self.seconds)
            failure = done.stderr.strip() or f"exit code {done.returncode}" if done.returncode else None
        except subprocess.TimeoutExpired:
            failure = "it did not end"
        lines = []
        if not failure:
            try:
                lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
            except json.JSONDecodeError:
                pass
            if not lines or any({"peer", "workload"} - line.keys() for line in lines):
                failure = "it printed no result"
        if failure:
            self.failures.append({"peer": name, "workload": workload, "round": round_index, "failure": failure})
            say(f"{name} {workload}: {failure.splitlines()[-1]}")
            return
        self.lines += [line | {"round": round_index} for line in lines]


def our_command(pipe, workload, seconds):
    return [pipe, "bench", "engine", "--workload", workload, "--seconds", str(seconds), "--json"]


def our_absence(pipe):
    """Why our own column stays empty, or None."""
    if not os.access(pipe, os.X_OK):
        return "not built: swift build -c release"
    try:
        done = subprocess.run(our_command(pipe, "chain4", 0.05), capture_output=True, text=True, timeout=30)
    except subprocess.TimeoutExpired:
        return "`pipe bench engine` did not end"
    if done.returncode != 0 or not done.stdout.startswith("{"):
        return "this pipe has no `bench engine`"
    return None


def summarize(lines):
    """(peer, workload) to the median of each field, or to the reason it was skipped."""
    groups = {}
    for line in lines:
        groups.setdefault((line["peer"], line["workload"]), []).append(line)
    summary = {}
    for key, group in groups.items():
        measured = [line for line in group if "skipped" not in line]
        if not measured:
            summary[key] = {"skipped": group[0]["skipped"]}
            continue
        fields = [name for name, value in measured[0].items() if isinstance(value, (int, float)) and name != "round"]
        summary[key] = {name: statistics.median(line[name] for line in measured) for name in fields}
        rates = [line["rate"] for line in measured]
        summary[key] |= {"lowest": min(rates), "highest": max(rates), "rounds": len(measured)}
    return summary


def rate_text(value):
    for size, unit in [(1e6, "M"), (1e3, "k")]:
        if value >= size:
            return f"{value / size:.3g} {unit}" if value < 1000 * size else f"{value / size:.0f} {unit}"
    return f"{value:.0f}"


def ratio_text(value):
    return f"{value:.0f}×" if value >= 100 else f"{value:.3g}×"


def table(head, rows):
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    lines = [[str(cell).ljust(width) for cell, width in zip(row, widths)] for row in [head, *rows]]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def report(summary, names, workloads, absence):
    ours = [name for name in dict.fromkeys(peer for peer, _ in summary) if name not in PEERS]
    names = [*ours, *names]

    def cell(name, workload):
        found = summary.get((name, workload))
        if found is None:
            return "failed" if name in PEERS else ""
        if "skipped" in found:
            return "–"
        text = rate_text(found["rate"])
        reference = summary.get(("pipe", workload), {})
        if name != "pipe" and "rate" in reference:
            text += f" ({ratio_text(reference['rate'] / found['rate'])})"
        return text

    rated = [workload for workload in workloads if workload not in TIMED]
    if rated:
        print("\nItems a second; in brackets pipe / peer.\n")
        rows = [[name, *(cell(name, workload) for workload in rated)] for name in names]
        rows = [row for row in rows if any(text != "–" for text in row[1:])]
        if absence:
            rows.insert(0, ["pipe", absence, *[""] * (len(rated) - 1)])
        print(table(["", *rated], rows))

    rows = []
    for workload in [workload for workload in workloads if workload in TIMED]:
        if absence:
            rows.append([workload, "pipe", absence, "", "", "", ""])
        reference = summary.get(("pipe", workload), {})
        for name in names:
            found = summary.get((name, workload))
            if found is None or "skipped" in found:
                continue
            texts = []
            for field in ["p50_us", "p99_us"]:
                text = f"{found[field]:.1f}"
                if name != "pipe" and field in reference:
                    text += f" ({reference[field] / found[field]:.2g}×)"
                texts.append(text)
            counts = [f"{found[field]:.0f}" if field in found else "" for field in ["delivered", "dropped", "offered"]]
            rows.append([workload, name, *texts, *counts])
    if rows:
        print("\nMicroseconds from the stamp in the source to the sink; in brackets pipe / peer. Counts of one run.\n")
        print(table(["", "", "p50", "p99", "delivered", "dropped", "offered/s"], rows))

    reasons = {}
    for (name, workload), found in summary.items():
        if "skipped" in found:
            reasons.setdefault((name, found["skipped"]), []).append(workload)
    if reasons:
        print("\nSkipped:\n")
        for (name, reason), which in reasons.items():
            print(f"- {name}, {', '.join(which)}: {reason}")


def judge(summary, names, workloads):
    """Prints the targets that were asked for. True if all are met."""
    rows, all_met = [], True
    for workload, peers, field, bound in TARGETS:
        peers = [peer for peer in peers if peer in names]  # one asked for but not installed stays: "not measured"
        if workload not in workloads or not peers:
            continue
        ours = summary.get(("pipe", workload), {}).get(field)
        theirs = [summary.get((peer, workload), {}).get(field) for peer in peers]
        theirs = [value for value in theirs if value]
        wanted = f"≥ {bound:g}×" if field == "rate" else f"≤ {bound:g}×"
        if not ours or not theirs:
            verdict, ratio, met = "not measured", "", False
        else:
            value = ours / (max(theirs) if field == "rate" else min(theirs))
            met = value >= bound if field == "rate" else value <= bound
            verdict, ratio = "met" if met else "NOT MET", f"{value:.3g}×"
        all_met &= met
        rows.append([workload, " / ".join(peers), field, wanted, ratio, verdict])
    print("\nTargets: pipe / peer, the best of the peers named. A p99 says something on a quiet machine only.\n")
    print(table(["workload", "peer", "what", "target", "measured", ""], rows))
    return all_met


def check_peers(runner, peers, workloads):
    """Runs everything shortly, once as it is and once with wrong numbers, which every sink must notice."""
    checked, unnoticed = 0, []
    for peer in peers:
        for workload in workloads:
            before = len(runner.lines)
            runner.run(peer, runner.command(peer, workload), workload, 0)
            if len(runner.lines) == before or "skipped" in runner.lines[-1]:
                continue
            command = [*runner.command(peer, workload), "--break"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            if done.returncode != 1 or "wrong: " not in done.stderr:
                unnoticed.append(f"{peer} {workload}")
            checked += 1
    print(f"{checked} programs and workloads checked, {len(runner.failures)} failed")
    if unnoticed:
        print("wrong numbers went unnoticed: " + ", ".join(unnoticed))
    return not runner.failures and not unnoticed


def version(command, pick=lambda text: text.strip()):
    try:
        return pick(subprocess.run(command, capture_output=True, text=True).stdout)
    except (OSError, IndexError):
        return None


def machine():
    facts = {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 2),
        "gstreamer": version(["pkg-config", "--modversion", "gstreamer-1.0"]),
        "tbb": version(["pkg-config", "--modversion", "tbb"]),
        "go": version(["go", "version"], lambda text: text.split()[2].removeprefix("go")),
        "cc": version(["cc", "-dumpfullversion"]),
        "python": platform.python_version(),
    }
    return {name: value for name, value in facts.items() if value not in (None, "")}


def names_of(known):
    def parse(text):
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"'{name}' is none of {', '.join(known)}")
        return names

    return parse


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", type=names_of(WORKLOADS), default=WORKLOADS, help="comma-separated")
    parser.add_argument("--peers", type=names_of(list(PEERS)), default=list(PEERS), help="comma-separated")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1, help="of each run")
    parser.add_argument("--pipe", default=os.path.join(ROOT, ".build", "release", "pipe"), help="our program")
    parser.add_argument("--json", metavar="FILE", help="also write every line and the medians there")
    parser.add_argument("--targets", action="store_true", help="also say which targets are met")
    parser.add_argument("--strict", action="store_true", help="with --targets: exit with 1 unless all are met")
    parser.add_argument("--check-peers", action="store_true", help="only see that the peers verify what they receive")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.seconds <= 0:
        parser.error("--rounds and --seconds must be above zero")

    peers = build(arguments.peers)
    if arguments.check_peers:
        sys.exit(0 if check_peers(Runner(0.2), peers, arguments.workloads) else 1)

    pipe = os.path.abspath(arguments.pipe)
    absence = our_absence(pipe)
    if absence:
        say(f"pipe: {absence}")
    runner = Runner(arguments.seconds)
    facts = machine()
    for index in range(arguments.rounds):
        say(f"round {index + 1} of {arguments.rounds}")
        for workload in arguments.workloads:
            # Who goes first changes from round to round, and ours takes its turn among them.
            turn = [*([] if absence else ["pipe"]), *peers]
            turn = turn[index % len(turn) :] + turn[: index % len(turn)] if turn else []
            for name in turn:
                if name == "pipe":
                    command = our_command(pipe, workload, arguments.seconds)
                else:
                    command = runner.command(name, workload)
                runner.run(name, command, workload, index)

    summary = summarize(runner.lines)
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    print(f"Medians of {arguments.rounds} interleaved rounds, {arguments.seconds:g} s each.")
    report(summary, peers, arguments.workloads, absence)
    met = judge(summary, arguments.peers, arguments.workloads) if arguments.targets else True
    if arguments.json:
        medians = [{"peer": peer, "workload": workload} | found for (peer, workload), found in summary.items()]
        with open(arguments.json, "w") as file:
            document = {"machine": facts, "medians": medians, "lines": runner.lines, "failures": runner.failures}
            json.dump(document, file, indent=1)
            file.write("\n")
    # A speed that is missed is a finding; an item that is missing is an error.
    if runner.failures or (arguments.strict and not met):
        sys.exit(1)


if __name__ == "__main__":
    main()

"""Compares our reader with pymef and mef3io on the same sessions, in one run, as ratios.

    swift build -c release --package-path Benchmarks/mef3
    python Benchmarks/mef3/make_sessions.py <directory>
    python Benchmarks/mef3/compare.py <directory> [--rounds 5]

Needs pymef, mef3io and numpy. Every round runs all readers one after another, each in a process of its own, and each
reads every channel whole into 64-bit numbers in units. Printed are the median and the best of the rounds.
"""

import argparse
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
OURS = os.path.join(HERE, ".build", "release", "mef3-bench")
PEERS = [sys.executable, "-W", "ignore", os.path.join(HERE, "peers.py")]

READERS = {
    "pymef": lambda path: PEERS + ["pymef", path, "1"],
    "mef3io, 1 thread": lambda path: PEERS + ["mef3io", path, "1"],
    "mef3io, 2 threads": lambda path: PEERS + ["mef3io", path, "2"],
    "ours, 1 thread": lambda path: [OURS, path, "1"],
    "ours, 2 threads": lambda path: [OURS, path, "2"],
}


def run(command):
    words = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(words[1]), float(words[3]), int(words[5])


def compare(path, rounds):
    reads = {name: [] for name in READERS}
    opens = {name: [] for name in READERS}
    counts = set()
    for _ in range(rounds):
        for name, command in READERS.items():
            opened, read, samples = run(command(path))
            opens[name].append(opened)
            reads[name].append(read)
            counts.add(samples)
    if len(counts) != 1:
        sys.exit(f"the readers disagree about the number of samples: {sorted(counts)}")
    samples = counts.pop()
    print(f"{os.path.basename(path)}: {samples / 1e6:.1f} M samples")
    # The best round is the better guess at an idle machine, the median at a busy one.
    middle = {name: statistics.median(times) for name, times in reads.items()}
    best = {name: min(times) for name, times in reads.items()}
    for name, seconds in middle.items():
        opened = statistics.median(opens[name])
        rate = 4e-6 * samples / seconds
        print(f"  {name:18} {seconds:6.2f} s  best {best[name]:6.2f} s  {rate:5.0f} MB/s  open {1e3 * opened:5.1f} ms")
    for title, peer, ours in [
        ("one thread vs pymef", "pymef", "ours, 1 thread"),
        ("two threads vs mef3io with two", "mef3io, 2 threads", "ours, 2 threads"),
    ]:
        print(f"  {title}: {middle[peer] / middle[ours]:.2f}, best {best[peer] / best[ours]:.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    for name in ["slow", "fast"]:
        compare(os.path.join(arguments.directory, name + ".mefd"), arguments.rounds)


if __name__ == "__main__":
    main()

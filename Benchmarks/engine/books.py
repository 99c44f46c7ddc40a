"""What books, histograms and stamps cost: the engine beside a build of its own with all of it compiled out.

    swift build -c release --product pipe --static-swift-stdlib
    python3 Benchmarks/engine/books.py [--rounds 9] [--seconds 1]

Builds the other one into .build/without-books, runs both in turn, and prints the medians of the ratios of neighbours: what
the engine loses by its books, in percent, on chains of four links with next to no work and with 20 µs in each stage.
"""

import argparse
import json
import pathlib
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BARE = ROOT / ".build/without-books"
# Workload: percent that it may cost.
LIMITS = {"chain4": 25, "chain4-fused": 25, "chain4-work": 1}


def rate(pipe, workload, arguments):
    command = [pipe, "bench", "engine", "--workload", workload, "--seconds", str(arguments.seconds), "--workers", "1", "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["rate"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--pipe", default=ROOT / ".build/release/pipe")
    arguments = parser.parse_args()
    subprocess.run(
        ["swift", "build", "--package-path", ROOT, "--scratch-path", BARE, "-c", "release", "--product", "pipe",
         "--static-swift-stdlib", "-Xswiftc", "-DPIPE_WITHOUT_BOOKS"], check=True, stdout=subprocess.DEVNULL)
    bare = BARE / "release/pipe"
    print("| workload | with books | without | cost | at most | |\n|---|---|---|---|---|---|")
    for workload, limit in LIMITS.items():
        pairs = []
        for number in range(arguments.rounds):
            turn = [arguments.pipe, bare] if number % 2 == 0 else [bare, arguments.pipe]
            found = {pipe: rate(pipe, workload, arguments) for pipe in turn}
            pairs.append((found[arguments.pipe], found[bare]))
        kept, left = (statistics.median(rates) for rates in zip(*pairs))
        cost = 100 * (1 - statistics.median(a / b for a, b in pairs))
        verdict = "met" if cost <= limit else "NOT MET"
        print(f"| {workload} | {kept / 1e6:.3f} M/s | {left / 1e6:.3f} M/s | {cost:.1f} % | {limit} % | {verdict} |", flush=True)


if __name__ == "__main__":
    main()

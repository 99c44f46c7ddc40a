"""What it costs that one can look inside: histograms, items that are followed, numbers that are taken.

    python3 Benchmarks/insight/cost.py [--rounds 9] [--seconds 1]

Runs `pipe bench engine` as it is, taking all numbers four times a second, and with `--bare`, in turns, and prints the
median of the ratios of neighbours: what is lost of the throughput, in percent, of which 3 are allowed.
"""

import argparse
import json
import pathlib
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WORKLOADS = ["chain4", "chain8", "chain4-fused", "chain4-work", "chain4-1024", "frames", "fanout", "fanin", "ordered"]
LIMIT = 3


def rate(arguments, workload, *flags):
    command = [arguments.pipe, "bench", "engine", "--workload", workload, "--seconds", str(arguments.seconds),
               "--workers", str(arguments.workers), "--json", *flags]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["rate"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--workload", action="append")
    parser.add_argument("--pipe", default=ROOT / ".build/release/pipe")
    arguments = parser.parse_args()
    print("| workload | as it is | bare | cost | at most | |\n|---|---|---|---|---|---|")
    for workload in arguments.workload or WORKLOADS:
        pairs = []
        for number in range(arguments.rounds):
            turn = [(), ("--bare",)] if number % 2 == 0 else [("--bare",), ()]
            found = {flags: rate(arguments, workload, *flags) for flags in turn}
            pairs.append((found[()], found[("--bare",)]))
        whole, bare = (statistics.median(rates) for rates in zip(*pairs))
        cost = 100 * (1 - statistics.median(a / b for a, b in pairs))
        verdict = "met" if cost <= LIMIT else "NOT MET"
        print(f"| {workload} | {whole / 1e6:.3f} M/s | {bare / 1e6:.3f} M/s | {cost:.1f} % | {LIMIT} % | {verdict} |", flush=True)


if __name__ == "__main__":
    main()

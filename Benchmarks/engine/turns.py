"""Two ways of running one workload of `pipe bench engine` in turns, and what the second is faster by."""

import argparse
import json
import pathlib
import statistics
import subprocess

PIPE = pathlib.Path(__file__).resolve().parent.parent.parent / ".build/release/pipe"

HEAD = "| workload | {} | {} | cost | at most | |\n|---|---|---|---|---|---|"


def options(doc, rounds=9, seconds=1.0):
    """What all who measure so can be told."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seconds", type=float, default=seconds)
    parser.add_argument("--pipe", default=PIPE)
    return parser


def rate(command, workload, seconds, workers=1):
    pipe, *flags = command
    words = [pipe, "bench", "engine", "--workload", workload, "--seconds", str(seconds), "--workers", str(workers), "--json", *flags]
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)["rate"]


def best(rates):
    """The mean of the best quarter: who else computes on a machine makes a run slower, and never faster."""
    return statistics.mean(sorted(rates)[-max(1, len(rates) // 4):])


def best_of(ours, other, rounds, measure):
    """The best of both, measured in turns."""
    rates = {0: [], 1: []}
    for number in range(rounds):
        for which in [0, 1] if number % 2 == 0 else [1, 0]:
            rates[which].append(measure([ours, other][which]))
    return best(rates[0]), best(rates[1])


def row(workload, ours, other, limit, rounds, measure):
    """A line of the table: the best of both, and what the first loses to the second in percent."""
    kept, left = best_of(ours, other, rounds, measure)
    cost = 100 * (1 - kept / left)
    verdict = "met" if cost <= limit else "NOT MET"
    return f"| {workload} | {kept / 1e6:.3f} M/s | {left / 1e6:.3f} M/s | {cost:.1f} % | {limit} % | {verdict} |"

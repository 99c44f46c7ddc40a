"""Two ways of running one workload of `pipe bench engine` in turns, and what the second is faster by."""

import json
import statistics
import subprocess

HEAD = "| workload | {} | {} | cost | at most | |\n|---|---|---|---|---|---|"


def rate(command, workload, seconds, workers=1):
    pipe, *flags = command
    words = [pipe, "bench", "engine", "--workload", workload, "--seconds", str(seconds), "--workers", str(workers), "--json", *flags]
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)["rate"]


def row(workload, ours, other, limit, rounds, measure):
    """A line of the table: the medians of both, and the median of the ratios of neighbours as a cost in percent."""
    pairs = []
    for number in range(rounds):
        turn = [ours, other] if number % 2 == 0 else [other, ours]
        rates = [measure(command) for command in turn]
        pairs.append(tuple(rates if number % 2 == 0 else reversed(rates)))
    kept, left = (statistics.median(rates) for rates in zip(*pairs))
    cost = 100 * (1 - statistics.median(a / b for a, b in pairs))
    verdict = "met" if cost <= limit else "NOT MET"
    return f"| {workload} | {kept / 1e6:.3f} M/s | {left / 1e6:.3f} M/s | {cost:.1f} % | {limit} % | {verdict} |"

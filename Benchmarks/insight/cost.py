"""What it costs that one can look inside: histograms, items that are followed, numbers that are taken.

    python3 Benchmarks/insight/cost.py [--rounds 9] [--seconds 1]

Runs `pipe bench engine` as it is, taking all numbers four times a second, and with `--bare`, in turns, and prints the
means of the best quarter of each, and what is lost of the throughput, in percent, of which 3 are allowed.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Benchmarks/engine"))
import turns  # noqa: E402

WORKLOADS = ["chain4", "chain8", "chain4-fused", "chain4-work", "chain4-1024", "frames", "fanout", "fanin", "ordered"]
LIMIT = 3


def main():
    parser = turns.options(__doc__)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--workload", action="append")
    arguments = parser.parse_args()
    print(turns.HEAD.format("as it is", "bare"))
    for workload in arguments.workload or WORKLOADS:
        measure = lambda command: turns.rate(command, workload, arguments.seconds, arguments.workers)
        whole, bare = [arguments.pipe], [arguments.pipe, "--bare"]
        print(turns.row(workload, whole, bare, LIMIT, arguments.rounds, measure), flush=True)


if __name__ == "__main__":
    main()

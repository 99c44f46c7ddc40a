"""What a change brings: the engine of this build beside that of another, workload by workload.

    python3 Benchmarks/engine/builds.py PIPE [--workers 1] [--rounds 20] [--seconds 0.2]

PIPE is the other program. Runs both in turns, and prints the means of the best quarter of each.
"""

import turns

WORKLOADS = ["chain4", "chain8", "chain4-fused", "chain4-1024", "frames", "fanout", "fanin", "ordered"]


def main():
    parser = turns.options(__doc__, rounds=20, seconds=0.2)
    parser.add_argument("other")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--workload", action="append")
    arguments = parser.parse_args()
    print("| workload | the other | this | × |\n|---|---|---|---|")
    for workload in arguments.workload or WORKLOADS:
        measure = lambda command: turns.rate(command, workload, arguments.seconds, arguments.workers)
        this, other = turns.best_of([arguments.pipe], [arguments.other], arguments.rounds, measure)
        print(f"| {workload} | {other / 1e6:.3f} M/s | {this / 1e6:.3f} M/s | {this / other:.3f} |", flush=True)


if __name__ == "__main__":
    main()

"""What books, histograms and stamps cost: the engine beside a build of its own with all of it compiled out.

    swift build -c release --product pipe --static-swift-stdlib
    python3 Benchmarks/engine/books.py [--rounds 9] [--seconds 1]

Builds the other one into .build/without-books, runs both in turn, and prints the means of the best quarter of each: what
the engine loses by its books, in percent, on chains of four links with next to no work and with 20 µs in each stage.
"""

import pathlib
import subprocess

import turns

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BARE = ROOT / ".build/without-books"
# Workload: percent that it may cost.
LIMITS = {"chain4": 25, "chain4-fused": 25, "chain4-work": 1}


def main():
    parser = turns.options(__doc__)
    arguments = parser.parse_args()
    subprocess.run(
        ["swift", "build", "--package-path", ROOT, "--scratch-path", BARE, "-c", "release", "--product", "pipe",
         "--static-swift-stdlib", "-Xswiftc", "-DPIPE_WITHOUT_BOOKS"], check=True, stdout=subprocess.DEVNULL)
    bare = BARE / "release/pipe"
    print(turns.HEAD.format("with books", "without"))
    for workload, limit in LIMITS.items():
        measure = lambda command: turns.rate(command, workload, arguments.seconds)
        print(turns.row(workload, [arguments.pipe], [bare], limit, arguments.rounds, measure), flush=True)


if __name__ == "__main__":
    main()

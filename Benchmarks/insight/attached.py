"""What it does to a graph of camera rates that somebody looks at it: 'pipe top' and 'pipe tap' attached, and not, in turns.

    python3 Benchmarks/insight/attached.py [--seconds 120] [--phase 10]

Runs pipelines/ion-camera.yaml without a page. In every second phase 'pipe top' reads its numbers twice a second and 'pipe tap' each
picture that goes to the archive, described and with its pixels' form, in full. Printed are the items a second at the archive and
the processor time of the run, in both kinds of phases. Exit code 1 where more than 1 % of the items is lost by it.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LINK = "pictures.pictures -> files"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--phase", type=float, default=10)
    parser.add_argument("--pipe", default=str(ROOT / ".build/release/pipe"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, PIPE_RUN_DIR=f"{folder}/runs")

        def ask(*words):
            return json.loads(subprocess.check_output([arguments.pipe, *words], env=environment, cwd=folder))

        run = subprocess.Popen([arguments.pipe, "run", ROOT / "pipelines/ion-camera.yaml", "--quiet", "--set", f"params.out={folder}/out",
                                "--web", "127.0.0.1:0"], env=environment, cwd=folder)
        try:
            while not list(pathlib.Path(folder).glob("runs/*")):
                assert run.poll() is None
                time.sleep(0.05)
            name = next(pathlib.Path(folder).glob("runs/*")).name

            def look():
                status = ask("status", name, "--json")
                fields = open(f"/proc/{run.pid}/stat").read().rsplit(")", 1)[1].split()
                out = next(link["out"] for link in status["links"] if link["name"] == LINK)
                return time.monotonic(), out, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

            time.sleep(3)
            sums = {False: [0, 0, 0], True: [0, 0, 0]}
            seen = 0
            end = time.monotonic() + arguments.seconds
            isWatched = False
            while time.monotonic() < end:
                lookers = []
                if isWatched:
                    lookers = [subprocess.Popen([arguments.pipe, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                               for words in (["top", name, "-n", "1000000", "--every", "500ms"], ["tap", name, LINK, "--json"])]
                    readers = [subprocess.Popen(["wc", "-l"], stdin=looker.stdout, stdout=subprocess.PIPE) for looker in lookers]
                before = look()
                time.sleep(arguments.phase)
                after = look()
                for looker in lookers: looker.terminate()
                if isWatched: seen += int(readers[1].communicate()[0])
                sums[isWatched] = [total + b - a for total, a, b in zip(sums[isWatched], before, after)]
                isWatched = not isWatched
        finally:
            run.terminate()
            run.wait()
        assert run.returncode == 0, run.returncode
    rates = {}
    for isWatched, (seconds, items, used) in sums.items():
        rates[isWatched] = items / seconds
        print(f"{'top and tap attached' if isWatched else 'nobody looks':22} {items / seconds:8.3f} items/s   {used / seconds:.3f} cores")
    print(f"{seen} items were shown; as many come through: {rates[True] / rates[False]:.4f} x")
    raise SystemExit(0 if rates[True] >= 0.99 * rates[False] and seen > 0 else 1)


if __name__ == "__main__":
    main()

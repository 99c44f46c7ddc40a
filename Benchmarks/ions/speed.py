"""Ours beside the peers on the same frames: they take turns pass by pass, so that all see the same machine, and the ratios of each
round have a median. What each of them finds is scored, too: speed without accuracy is none.

    swift build -c release --package-path Benchmarks/ions
    python speed.py BENCH FRAMES [ROUNDS]     the 300x300 frames of the simulator
    python speed.py BENCH --gaussians [ROUNDS]

Needs numpy, scipy, numba and opencv-python-headless; g++, libopencv-imgcodecs-dev and libturbojpeg0-dev; for --gaussians libceres-dev.
"""
import json
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import evaluate

HERE = Path(__file__).parent
PEERS = HERE / "peers"


class Peer:
    def __init__(self, name, *command):
        self.name, self.seconds = name, []
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"{self.name} has ended")
        return json.loads(answer)


def compiled(source, target, *more):
    flags = ["-O3", "-march=native", "-std=c++17"]
    subprocess.run(["g++", *flags, str(source), "-o", str(target), *more], check=True)
    return target


def compare(peers, rounds, count, unit):
    for peer in peers:
        peer.ask("go")
    for _ in range(rounds):
        for peer in peers:
            peer.seconds.append(peer.ask("go"))
    ours = np.array(peers[0].seconds)
    print(f"{'':8} {unit:>14}   ours is faster by (median, least and most of {rounds} rounds)")
    for peer in peers:
        seconds = np.array(peer.seconds)
        ratio = seconds / ours
        times = "" if peer is peers[0] else f"{np.median(ratio):8.2f}x   {ratio.min():.2f} ... {ratio.max():.2f}"
        print(f"{peer.name:8} {count / np.median(seconds):14.0f}   {times}")


def score(name, truth, found):
    keys = ("x", "y", "sigma", "R", "photons")
    pairs = []
    for row, ions in zip(truth, found):
        pairs += evaluate.matches(row["ions"], [dict(zip(keys, ion)) for ion in ions])
    told, there = sum(map(len, found)), sum(len(row["ions"]) for row in truth)
    line = f"{name:8} precision {len(pairs) / max(1, told):.3f}  recall {len(pairs) / there:.3f}  error/bound"
    for key in keys[:4]:
        moving = [(a, b) for a, b in pairs if key != "R" or a["R"] >= 0.5]
        errors = np.array([b[key] - a[key] for a, b in moving])
        line += f"  {key} {evaluate.trimmed(errors / [a['bound'][key] for a, _ in moving]):.2f}"
    print(line)


def frames(bench, folder, rounds):
    import cv2

    truth = [row for row in json.loads((folder / "truth.json").read_text()) if row["width"] == row["height"] == 300]
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "frames.bin"
        with open(data, "wb") as file:
            for row in truth:
                camera = row["camera"]
                counts = cv2.imread(str(folder / row["file"]), cv2.IMREAD_UNCHANGED)
                numbers = [camera[key] for key in ("offset", "gain", "read", "saturation")]
                excess = 2 if camera["kind"] == "emccd" else 1
                file.write(struct.pack("<iifffff", row["width"], row["height"], *numbers, excess))
                file.write(counts.astype("<u2").tobytes())
        anchor = compiled(PEERS / "anchor.cpp", Path(scratch) / "anchor", "-ffast-math")
        peers = [
            Peer("ours", bench, "serve", data),
            Peer("anchor", anchor, data),
            Peer("conv-nb", sys.executable, PEERS / "conv_nb.py", data),
            Peer("trf-nb", sys.executable, PEERS / "trf_nb.py", data),
        ]
        compare(peers, rounds, len(truth), "images/s")
        for peer in peers:
            score(peer.name, truth, peer.ask("ions"))
        opencv = ["-lopencv_core", "-lopencv_imgproc", "-lopencv_imgcodecs", "-lturbojpeg"]
        chain = compiled(PEERS / "chain.cpp", Path(scratch) / "chain", "-ffast-math", "-I/usr/include/opencv4", *opencv)
        print("\nscale, find, fit, draw ten ions")
        compare([Peer("ours", bench, "chain", data), Peer("OpenCV", chain, data)], rounds, len(truth), "images/s")
        folders = [Path(scratch) / name for name in ("ours", "OpenCV")]
        for files in folders:
            files.mkdir()
            for number, row in enumerate(truth):
                shutil.copy(folder / row["file"], files / f"{number}.png")
        print("\nthe same from files of 16 bit to files of JPEG: read, unpack, scale, find, fit, draw ten ions, pack, write")
        compare(
            [Peer("ours", bench, "chain", data, folders[0]), Peer("OpenCV", chain, data, folders[1])],
            rounds, len(truth), "images/s",
        )
        pairs = [[cv2.imread(str(files / f"{number}.jpg")).astype(int) for files in folders] for number in range(len(truth))]
        print(f"the pictures differ by {np.mean([np.abs(a - b).mean() for a, b in pairs]):.2f} of 255 in the mean")


def gaussians(bench, rounds):
    chance = np.random.default_rng(60)
    count, places = 20_000, np.arange(60)
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "profiles.bin"
        centre, width = chance.uniform(22, 38, count), chance.uniform(1.8, 5, count)
        height, offset = chance.uniform(200, 2000, count), chance.uniform(500, 3000, count)
        light = offset[:, None] + height[:, None] * np.exp(-((places - centre[:, None]) ** 2) / (2 * width[:, None] ** 2))
        profiles = chance.poisson(light).astype(float)
        start = np.stack([profiles.argmax(1), np.full(count, 4.0), np.ptp(profiles, axis=1), profiles.min(1)], 1)
        np.concatenate([start, profiles], 1).tofile(data)
        ceres = compiled(
            PEERS / "gaussians.cpp", Path(scratch) / "gaussians", "-I/usr/include/eigen3", "-lceres", "-lglog"
        )
        peers = [Peer("ours", bench, "gaussians", data), Peer("Ceres", ceres, data)]
        compare(peers, rounds, count, "fits/s")
        mine, theirs = (np.array(peer.ask("values")) for peer in peers)
        apart = np.abs(mine - theirs)
        noise = np.std(mine[:, 0] - centre), np.std(mine[:, 1] - width)
        print(f"centres apart: at most {apart[:, 0].max():.2g}, half of them {np.median(apart[:, 0]):.2g}; their noise is {noise[0]:.3g}")
        print(f"widths apart:  at most {apart[:, 1].max():.2g}, half of them {np.median(apart[:, 1]):.2g}; their noise is {noise[1]:.3g}")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    rounds = int(sys.argv[3]) if len(sys.argv) == 4 else 5
    if sys.argv[2] == "--gaussians":
        gaussians(sys.argv[1], rounds)
    else:
        frames(sys.argv[1], Path(sys.argv[2]), rounds)

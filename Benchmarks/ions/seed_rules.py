"""The rules of the lab's first image handler, with OpenCV doing what it did there: the oracle of `seed_compatible`.

    python seed_rules.py Tests/IonFitTests/Frames > Tests/IonFitTests/Frames/seed.json

Counts are wrapped to 8 bit, as the original does. Needs numpy and opencv-python-headless.
"""
import json
import sys
from pathlib import Path

import cv2
import numpy as np

HALF, LEAST_SIDE, LEAST_APART = 30, 25, 10


def threshold(largest, mean):
    gain, span = largest / (mean + 1e-6), largest - mean
    if gain > 2.0:
        return int(mean + 0.25 * span)
    if gain > 1.05:
        return int(0.5 * (largest + mean))
    if span > 3.5:
        return int(largest - 0.25 * span) if gain > 1.01 else int(largest - 1)
    return None


def centres(picture):
    blurred = cv2.GaussianBlur(picture, (0, 0), 5)
    largest, mean = int(blurred.max()), float(blurred.mean())
    limit = threshold(largest, mean)
    if limit is None:
        return largest, mean, []
    mask = (blurred > limit).astype(np.uint8) * 255
    accepted = []
    for contour in cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]:
        moments = cv2.moments(contour)
        if moments["m00"] == 0:
            continue
        centre = int(moments["m10"] / moments["m00"]), int(moments["m01"] / moments["m00"])
        if all(np.hypot(centre[0] - x, centre[1] - y) >= LEAST_APART for x, y in accepted):
            accepted.append(centre)
    return largest, mean, accepted


def width(profile, factor, otherwise):
    span = profile.max() - profile.min()
    if span <= 0:
        return otherwise
    share = (profile - profile.min()) / span
    places = np.flatnonzero(share > 0.1)
    if len(places) < 4:
        return otherwise
    weights = share[places]
    spread = (weights * (places - profile.argmax()) ** 2).sum() / weights.sum()
    return max(0.5, float(np.sqrt(factor * spread)))


def around(centre, half, size):
    return slice(max(0, centre - half), min(size, centre + half))


def estimate(picture, x, y):
    high, wide = picture.shape
    columns, rows = around(x, HALF, wide), around(y, HALF, high)
    if columns.stop - columns.start < LEAST_SIDE or rows.stop - rows.start < LEAST_SIDE:
        return [0.0] * 8
    counts = picture.astype(np.float64)
    sigma = width(counts[rows, columns].sum(0), 1, 2.0)
    amplitude = width(counts[rows, columns].sum(1), 2, 4.0)
    across = counts[rows, around(x, max(20, int(4 * sigma + 2)), wide)].sum(0)
    along = counts[around(y, max(20, int(2.5 * amplitude + 3)), high), columns].sum(1)
    return [x, y, sigma, amplitude, np.ptp(across), np.ptp(along), across.min(), along.min()]


def row(path):
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED if path.suffix == ".png" else cv2.IMREAD_GRAYSCALE)
    picture = np.ascontiguousarray((picture & 255).astype(np.uint8))[:300, :300]
    largest, mean, found = centres(picture)
    ions = [[float(value) for value in estimate(picture, x, y)] for x, y in found]
    return {"file": path.name, "largest": largest, "mean": mean, "ions": ions}


if __name__ == "__main__":
    paths = sorted(path for path in Path(sys.argv[1]).iterdir() if path.suffix in (".png", ".jpg"))
    print("[\n" + ",\n".join(json.dumps(row(path)) for path in paths) + "\n]")

"""The lab's image handler with a solver that runs: its detection in OpenCV, its two profiles, its bounds and windows, SciPy's
curve_fit (trust region, numeric derivatives) on models that numba compiles. Counts stay 16 bit here, so that it sees as much as others.
"""
import math
import sys
from pathlib import Path

import cv2
import numba
import numpy as np
from scipy.optimize import curve_fit

import frames

sys.path.insert(0, str(Path(__file__).parent.parent))
import seed_rules  # noqa: E402


@numba.njit(cache=True)
def gaussian(x, centre, width, height, offset):
    out = np.empty_like(x)
    for n in range(len(x)):
        out[n] = offset + height * math.exp(-((x[n] - centre) ** 2) / (2 * width * width))
    return out


@numba.njit(cache=True)
def oscillator(x, centre, width, height, offset):
    out = np.empty_like(x)
    for n in range(len(x)):
        inside = width * width - (x[n] - centre) ** 2
        out[n] = offset + height / math.sqrt(max(inside, 1e-10)) if inside > 0 else offset
    return out


def fitted(model, profile, first, centre, width):
    places = np.arange(first, first + len(profile), dtype=float)
    least, most = profile.min(), max(profile.max(), 1e-9)
    half = max(0.3, len(profile) / 4)
    height = most - least if model is gaussian else (most - least) * width
    start = [min(max(centre, first), first + len(profile) - 1), min(max(width, 0.21), half * 0.99), min(height, 10 * most), least]
    upper = [first + len(profile) - 1, half, 10 * most, most]
    try:
        return curve_fit(model, places, profile, start, bounds=([first, 0.2, 0, 0], upper), max_nfev=2000)[0]
    except (RuntimeError, ValueError):
        return None


def fit(counts, camera):
    picture = np.clip(counts.astype(float) - camera["offset"], 0, None)
    scaled = np.ascontiguousarray(np.clip(picture * (255 / max(1, picture.max())), 0, 255).astype(np.uint8))
    high, wide = picture.shape
    ions = []
    for x, y in seed_rules.centres(scaled)[2]:
        columns, rows = seed_rules.around(x, 30, wide), seed_rules.around(y, 30, high)
        if columns.stop - columns.start < 25 or rows.stop - rows.start < 25:
            continue
        sigma = seed_rules.width(picture[rows, columns].sum(0), 1, 2.0)
        amplitude = seed_rules.width(picture[rows, columns].sum(1), 2, 4.0)
        across = seed_rules.around(x, max(20, int(4 * sigma + 2)), wide)
        along = seed_rules.around(y, max(20, int(2.5 * amplitude + 3)), high)
        first = fitted(gaussian, picture[rows, across].sum(0), across.start, x, sigma)
        second = fitted(oscillator, picture[along, columns].sum(1), along.start, y, amplitude)
        if first is not None and second is not None:
            light = first[2] * first[1] * math.sqrt(2 * math.pi) / camera["gain"]
            ions.append((first[0], second[0], first[1], second[1], light))
    return ions


if __name__ == "__main__":
    cv2.setNumThreads(1)
    frames.serve(fit)

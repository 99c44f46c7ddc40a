"""The same detection, and the convolved model: a Gaussian across, its average over an oscillation along. Residuals and derivatives
are compiled by numba, and MINPACK (SciPy's least_squares, method lm) moves the parameters.
"""
import math
import sys
from pathlib import Path

import cv2
import numba
import numpy as np
from scipy.optimize import least_squares

import frames

sys.path.insert(0, str(Path(__file__).parent.parent))
import seed_rules  # noqa: E402


@numba.njit(cache=True, fastmath=True)
def across_model(p, profile, first, rest, slope):
    centre, width, height, offset = p
    for n in range(len(profile)):
        s = (first + n - centre) / width
        bell = math.exp(-0.5 * s * s)
        rest[n] = offset + height * bell - profile[n]
        slope[n, 0] = height * bell * s / width
        slope[n, 1] = height * bell * s * s / width
        slope[n, 2] = bell
        slope[n, 3] = 1


@numba.njit(cache=True, fastmath=True)
def along_model(p, width, profile, first, rest, slope):
    centre, amplitude, height, offset = p
    phases = int(2.2 * abs(amplitude) / width) + 4
    for n in range(len(profile)):
        total, by_centre, by_amplitude = 0.0, 0.0, 0.0
        for k in range(phases):
            cosine = math.cos((k + 0.5) * math.pi / phases)
            s = (first + n - centre - amplitude * cosine) / width
            bell = math.exp(-0.5 * s * s)
            total += bell
            by_centre += bell * s
            by_amplitude += bell * s * cosine
        rest[n] = offset + height * total / phases - profile[n]
        slope[n, 0] = height * by_centre / (phases * width)
        slope[n, 1] = height * by_amplitude / (phases * width)
        slope[n, 2] = total / phases
        slope[n, 3] = 1


def solved(model, start, profile, first, *more):
    rest, slope = np.empty(len(profile)), np.empty((len(profile), 4))

    def residual(p):
        model(p, *more, profile, float(first), rest, slope)
        return rest.copy()

    def derivative(p):
        model(p, *more, profile, float(first), rest, slope)
        return slope.copy()

    return least_squares(residual, start, derivative, method="lm", max_nfev=200).x


def fit(counts, camera):
    picture = np.clip(counts.astype(float) - camera["offset"], 0, None)
    scaled = np.ascontiguousarray(np.clip(picture * (255 / max(1, picture.max())), 0, 255).astype(np.uint8))
    high, wide = picture.shape
    ions = []
    for x, y in seed_rules.centres(scaled)[2]:
        columns, rows = seed_rules.around(x, 16, wide), seed_rules.around(y, 22, high)
        if columns.stop - columns.start < 16 or rows.stop - rows.start < 16:
            continue
        part = picture[rows, columns]
        across, along = part.sum(0), part.sum(1)
        first = solved(across_model, [x, 2.5, np.ptp(across), across.min()], across, columns.start)
        sigma = max(0.5, abs(first[1]))
        start = [y, 2.0, np.ptp(along), along.min()]
        second = solved(along_model, start, along, rows.start, sigma)
        light = first[2] * sigma * math.sqrt(2 * math.pi) / camera["gain"]
        ions.append((first[0], second[0], sigma, abs(second[1]), light))
    return ions


if __name__ == "__main__":
    cv2.setNumThreads(1)
    frames.serve(fit)

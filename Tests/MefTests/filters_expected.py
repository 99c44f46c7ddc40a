"""Makes filters.json: what SciPy makes of a signal, for FilterTests.

    python Tests/MefTests/filters_expected.py > Tests/MefTests/Expected/filters.json      # needs scipy (1.17.1 was used)

The signal has an offset, three waves and noise of its own, so that nothing is 0 by chance. Each stretch between gaps is
filtered for itself, as the stages do.
"""

import json

import numpy as np
from scipy import signal as ss


def made(count, rate):
    n = np.arange(count)
    state, noise = 12345, []
    for _ in range(count):
        state = (state * 1103515245 + 12345) % 2**31
        noise.append(state / 2**31 - 0.5)
    t = n / rate
    return 40 + 30 * np.sin(2 * np.pi * 10 * t) + 12 * np.sin(2 * np.pi * 50 * t) + 7 * np.cos(2 * np.pi * 1.5 * t) + 5 * np.array(noise)


def settled(sos, x):
    return ss.sosfilt(sos, x, zi=ss.sosfilt_zi(sos) * x[0])[0]


def notch(frequency, quality, harmonics, rate):
    parts = [ss.tf2sos(*ss.iirnotch(k * frequency, k * quality, fs=rate)) for k in range(1, harmonics + 1)
             if k * frequency < rate / 2]
    return np.concatenate(parts)


def envelope(cutoff, rate, x):
    return np.sqrt(np.maximum(0, settled(ss.butter(2, cutoff, fs=rate, output="sos"), 2 * x * x)))


def case(stage, options, rate, count, out):
    x = made(count, rate)
    y = out(x)
    return {"stage": stage, "options": options, "rate": rate, "input": x.tolist(), "output": y.tolist()}


def band(order, low, high, rate):
    sos = ss.butter(order, [low, high], "bandpass", fs=rate, output="sos")
    return lambda x: settled(sos, x)


cases = [
    case("bandpass", "low: 1Hz\nhigh: 40Hz", 256, 600, band(4, 1, 40, 256)),
    case("bandpass", "low: 8Hz\nhigh: 12Hz\norder: 1", 256, 600, band(1, 8, 12, 256)),
    case("bandpass", "low: 0.5Hz\nhigh: 70Hz\norder: 3", 512, 600, band(3, 0.5, 70, 512)),
    case("bandpass", "low: 80Hz\nhigh: 500Hz\norder: 8", 5000, 600, band(8, 80, 500, 5000)),
    case("notch", "", 256, 600, lambda x: settled(notch(50, 30, 1, 256), x)),
    case("notch", "frequency: 60Hz\nquality: 10\nharmonics: 5", 512, 600, lambda x: settled(notch(60, 10, 5, 512), x)),
    case("envelope", "cutoff: 2Hz", 256, 600, lambda x: envelope(2, 256, x)),
    case("resample", "rate: 250Hz", 256, 600, lambda x: ss.resample_poly(x, 125, 128)),
    case("resample", "rate: 100Hz", 512, 600, lambda x: ss.resample_poly(x, 25, 128)),
    case("resample", "rate: 1000Hz", 256, 300, lambda x: ss.resample_poly(x, 125, 32)),
    case("resample", "rate: 256Hz", 256, 300, lambda x: x),
]
print(json.dumps(cases))

"""What the peers in Python share: frames from a file, and the protocol of the clock.

A peer reads FRAMES.bin (speed.py writes it: seven words of 4 bytes (width, height, offset, gain, read, saturation, excess), then
16-bit counts, for each frame), and answers each line of standard input: 'go' with the processor seconds of one pass over all frames,
'ions' with [x, y, sigma, R, photons] of each ion of each frame.
"""
import json
import struct
import sys
import time

import numpy as np


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    frames, place = [], 0
    while place < len(data):
        width, height, *camera = struct.unpack_from("<iifffff", data, place)
        place += 28
        counts = np.frombuffer(data, "<u2", width * height, place).reshape(height, width)
        place += 2 * width * height
        frames.append((counts, dict(zip(("offset", "gain", "read", "saturation", "excess"), camera))))
    return frames


def serve(fit):
    frames = read(sys.argv[1])
    fit(*frames[0])  # numba compiles now
    for line in sys.stdin:
        if line.strip() == "go":
            start = time.process_time()
            for counts, camera in frames:
                fit(counts, camera)
            print(time.process_time() - start, flush=True)
        else:
            found = [[[float(value) for value in ion] for ion in fit(*frame)] for frame in frames]
            print(json.dumps(found), flush=True)

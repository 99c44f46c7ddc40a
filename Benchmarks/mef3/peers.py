"""Reads a whole session with a peer and prints one line: seconds to open, seconds to read, samples.

    python peers.py pymef|mef3io <session.mefd> <threads>
"""

import sys
import time


def pymef(path, threads):
    from pymef.mef_session import MefSession

    begin = time.perf_counter()
    session = MefSession(path, None)
    names = sorted(channel["name"] for channel in session.read_ts_channel_basic_info())
    opened = time.perf_counter()
    total = 0
    for name in names:
        total += len(session.read_ts_channels_sample(name, [None, None]))
    return opened - begin, time.perf_counter() - opened, total


def mef3io(path, threads):
    import mef3io as library

    begin = time.perf_counter()
    reader = library.Reader(path, n_threads=threads)
    opened = time.perf_counter()
    total = 0
    for name in reader.channels:
        total += len(reader.read(name))
    return opened - begin, time.perf_counter() - opened, total


if __name__ == "__main__":
    opened, read, total = {"pymef": pymef, "mef3io": mef3io}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
    print(f"open {opened} read {read} samples {total}")

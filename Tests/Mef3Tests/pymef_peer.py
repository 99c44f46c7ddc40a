"""The other side of PeerTests: writes or reads a session with pymef.

    python pymef_peer.py check              exits with 0 when pymef can be imported
    python pymef_peer.py read <directory> <number>:<password> ...
                                            prints a line a channel: session, name, samples, SHA-256 of int32;
                                            fails if mef3io is there and its validator finds an error
    python pymef_peer.py write <directory> <number>:<password> ...
                                            writes sessions from these seeds and prints the same lines
"""

import hashlib
import sys


def report(session, name, samples):
    import numpy as np

    whole = np.asarray(samples, dtype="<i4")
    print(session, name, len(whole), hashlib.sha256(whole.tobytes()).hexdigest(), sep="\t")


def read(number, path, password):
    import numpy as np
    from pymef.mef_session import MefSession

    session = MefSession(path, password or None)
    for info in sorted(session.read_ts_channel_basic_info(), key=lambda info: info["name"]):
        values = session.read_ts_channels_sample(info["name"], [None, None])
        report(number, info["name"], np.where(np.isnan(values), -(2**31), values).astype("<i4"))


def validate(path, password):
    try:
        import mef3io
    except ImportError:
        return
    found = mef3io.Validator(path, password=password).validate()
    for finding in found.errors + found.warnings:
        print(finding, file=sys.stderr)
    if found.errors or found.warnings:
        sys.exit("mef3io finds fault with the session")


def write(seed, path, password):
    import numpy as np
    from pymef.mef_session import MefSession

    rng = np.random.default_rng(int(seed))
    session = MefSession(path, None, False, True)
    passwords = ("level1", password) if password else (None, None)
    written = {}
    for number in range(3):
        name = f"p{number}"
        rate = float(rng.choice([1, 100, 256, 999.5, 5000]))
        signals = [
            np.cumsum(rng.integers(-30, 31, rng.integers(1, 3000))),
            rng.integers(-(2**31) + 2, 2**31 - 1, rng.integers(1, 500)),
            np.repeat(rng.integers(-500, 500, 40), rng.integers(1, 60)),
        ]
        for segment in range(int(rng.integers(1, 3))):
            samples = signals[int(rng.integers(0, 3))].astype(np.int32)
            start = 1_600_000_000_000_000 + segment * 10_000_000_000
            end = start + int(len(samples) / rate * 1e6)
            section2 = {
                "channel_description": b"peer", "session_description": b"peer", "reference_description": b"",
                "acquisition_channel_number": 1, "sampling_frequency": rate, "notch_filter_frequency_setting": -1.0,
                "low_frequency_filter_setting": -1.0, "high_frequency_filter_setting": -1.0,
                "AC_line_frequency": -1.0, "units_conversion_factor": 1.0, "units_description": b"uV",
                "maximum_native_sample_value": 0.0, "minimum_native_sample_value": 0.0, "start_sample": 0,
                "number_of_samples": 0, "number_of_blocks": 0, "maximum_block_bytes": 0, "maximum_block_samples": 0,
                "maximum_difference_bytes": 0, "block_interval": 0, "number_of_discontinuities": 0,
                "maximum_contiguous_blocks": 0, "maximum_contiguous_block_bytes": 0,
                "maximum_contiguous_samples": 0, "recording_duration": end - start,
            }
            section3 = {
                "recording_time_offset": 0, "DST_start_time": 0, "DST_end_time": 0, "GMT_offset": 0,
                "subject_name_1": b"n", "subject_name_2": b"n", "subject_ID": b"n", "recording_location": b"n",
            }
            session.write_mef_ts_segment_metadata(name, segment, *passwords, start, end, section2, section3)
            block = int(rng.integers(1, 800))
            session.write_mef_ts_segment_data(name, segment, *passwords, block, samples)
            written.setdefault(name, []).append(samples)
    session.close()
    # Not read back: pymef crashes on some of its own sessions.
    for name, parts in written.items():
        report(seed, name, np.concatenate(parts))


if __name__ == "__main__":
    if sys.argv[1] == "check":
        import numpy  # noqa: F401
        import pymef.mef_session  # noqa: F401
    else:
        for word in sys.argv[3:]:
            number, _, password = word.partition(":")
            path = f"{sys.argv[2]}/{number}.mefd"
            if sys.argv[1] == "read":
                validate(path, password)
                read(number, path, password)
            else:
                write(number, path, password)

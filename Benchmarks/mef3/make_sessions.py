"""Writes the two sessions the comparison reads: many slow channels, and few fast ones.

    python make_sessions.py <directory> [--scale 1.0]

Needs pymef and numpy. The signals are drawn from a fixed seed: coloured noise with a 50 Hz hum and bursts, whole
numbers whose steps mostly fit a byte, as in intracranial recordings.
"""

import argparse
import os

import numpy as np
from pymef.mef_session import MefSession

START = 1_600_000_000_000_000


def signal(rng, rate, count):
    """Coloured noise: steps of a few counts and a slow return to zero."""
    steps = rng.normal(0, 18 if rate < 1000 else 6, count)
    bursts = rng.random(count) < 1e-4
    steps[bursts] += rng.normal(0, 400, int(bursts.sum()))
    walk = np.cumsum(steps)
    slow = np.convolve(walk, np.ones(int(rate)) / rate, mode="same")
    hum = 20 * np.sin(2 * np.pi * 50 * np.arange(count) / rate)
    return np.round(walk - slow + hum).astype(np.int32)


def write(path, channels, rate, seconds, seed):
    rng = np.random.default_rng(seed)
    session = MefSession(path, None, False, True)
    count = int(rate * seconds)
    for number in range(channels):
        name = f"ch{number:03d}"
        section2 = {
            "channel_description": b"bench", "session_description": b"bench", "reference_description": b"",
            "acquisition_channel_number": number + 1, "sampling_frequency": float(rate),
            "notch_filter_frequency_setting": 50.0, "low_frequency_filter_setting": 0.1,
            "high_frequency_filter_setting": rate / 3, "AC_line_frequency": 50.0, "units_conversion_factor": 0.25,
            "units_description": b"uV", "maximum_native_sample_value": 0.0, "minimum_native_sample_value": 0.0,
            "start_sample": 0, "number_of_samples": 0, "number_of_blocks": 0, "maximum_block_bytes": 0,
            "maximum_block_samples": 0, "maximum_difference_bytes": 0, "block_interval": 0,
            "number_of_discontinuities": 0, "maximum_contiguous_blocks": 0, "maximum_contiguous_block_bytes": 0,
            "maximum_contiguous_samples": 0, "recording_duration": int(seconds * 1e6),
        }
        section3 = {
            "recording_time_offset": 0, "DST_start_time": 0, "DST_end_time": 0, "GMT_offset": 0,
            "subject_name_1": b"none", "subject_name_2": b"none", "subject_ID": b"none", "recording_location": b"none",
        }
        end = START + int(seconds * 1e6)
        session.write_mef_ts_segment_metadata(name, 0, None, None, START, end, section2, section3)
        block = rate if rate >= 5000 else 10 * rate
        session.write_mef_ts_segment_data(name, 0, None, None, int(block), signal(rng, rate, count))
    session.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full length")
    arguments = parser.parse_args()
    os.makedirs(arguments.directory, exist_ok=True)
    write(os.path.join(arguments.directory, "slow.mefd"), 64, 256, 7200 * arguments.scale, 1)
    write(os.path.join(arguments.directory, "fast.mefd"), 16, 8000, 600 * arguments.scale, 2)


if __name__ == "__main__":
    main()

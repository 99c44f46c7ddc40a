"""Many clients at random windows: every answer is compared with what mef3io reads, and the slowest are told.

    python crowd.py <address> <session> [--clients 50] [--seconds 600] [--window 20] [--channels 8] [--victims 2]
                    [--server PID]

Clients are threads of a few processes. Prints answers, their median, 99th percentile and maximum, and exits with 1 if
one was wrong. Victims are clients that are killed in the middle of a call, again and again. With --server the memory and
the descriptors of that process are told, before and after. The session must have one rate and no gaps, as make_sessions.py writes them. Needs mef3io-server.
"""

import argparse
import multiprocessing
import os
import random
import sys
import threading
import time


def client(arguments, number, names, whole, start, rate, end, outcome):
    import numpy as np
    from mef3io_server.client import Mef3Client

    chance = random.Random(number)
    server = Mef3Client(arguments.address, client_id=f"client {number}")
    server.open_file(arguments.session)
    times, wrong = [], 0
    while time.monotonic() < end:
        picked = chance.sample(range(len(names)), arguments.channels)
        first = chance.randrange(whole.shape[1] - int(arguments.window * rate))
        # Between two samples, so that rounding is not what is tested.
        t0 = start + round((first + 0.25) / rate * 1e6)
        begin = time.perf_counter()
        got = server.get_signal_range(
            arguments.session, [names[index] for index in picked], t0, t0 + int(arguments.window * 1e6))
        times.append(time.perf_counter() - begin)
        expected = whole[picked, first : first + round(arguments.window * rate)]
        wrong += got["array"] is None or not np.array_equal(got["array"], expected, equal_nan=True)
    outcome.append((times, wrong))


def group(arguments, numbers, results):
    import mef3io
    import numpy as np
    from mef3io_server.client import Mef3Client

    info = Mef3Client(arguments.address).open_file(arguments.session)
    names = info["channel_names"][:16]
    start, rate = info["channel_start_uutc"][0], info["channel_sampling_rates"][0]
    reader = mef3io.Reader(arguments.session)
    whole = np.stack([np.asarray(reader.read(name), dtype=np.float32) for name in names])
    outcome = []
    end = time.monotonic() + arguments.seconds
    rest = (names, whole, start, rate, end, outcome)
    threads = [threading.Thread(target=client, args=(arguments, number, *rest)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put(outcome)


def victim(arguments, seed):
    """Reads the session without end, in large windows, until it is killed."""
    from mef3io_server.client import Mef3Client

    server = Mef3Client(arguments.address, client_id=f"victim {seed}")
    info = server.open_file(arguments.session)
    start, end = info["start_uutc"], info["end_uutc"]
    while True:
        server.get_signal_range(arguments.session, [], start, min(end, start + 600_000_000))


def slaughter(arguments, number, killed):
    chance = random.Random(1000 + number)
    end = time.monotonic() + arguments.seconds
    while time.monotonic() < end:
        process = multiprocessing.Process(target=victim, args=(arguments, f"{number}.{killed[number]}"))
        process.start()
        # Python takes most of a second to get there.
        process.join(1.5 + 2 * chance.random())
        process.kill()
        process.join()
        killed[number] += 1


def state(pid):
    status = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status").read().splitlines())
    memory = {name: int(status[name].split()[0]) // 1024 for name in ("VmRSS", "VmHWM")}
    return f"{memory['VmRSS']} MB, {memory['VmHWM']} MB at most, {len(os.listdir(f'/proc/{pid}/fd'))} descriptors"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("session")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--window", type=float, default=20)
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--victims", type=int, default=0)
    parser.add_argument("--server", type=int)
    arguments = parser.parse_args()
    if arguments.server:
        print(f"before: {state(arguments.server)}")
    multiprocessing.set_start_method("spawn")
    results = multiprocessing.Queue()
    parts = [list(range(part, arguments.clients, 5)) for part in range(min(5, arguments.clients))]
    groups = [multiprocessing.Process(target=group, args=(arguments, numbers, results)) for numbers in parts]
    for process in groups:
        process.start()
    killed = [0] * arguments.victims
    hands = [threading.Thread(target=slaughter, args=(arguments, number, killed)) for number in range(arguments.victims)]
    for hand in hands:
        hand.start()
    outcomes = [outcome for _ in groups for outcome in results.get(timeout=arguments.seconds + 120)]
    times = sorted(value for values, _ in outcomes for value in values)
    wrong = sum(count for _, count in outcomes)
    at = [times[min(len(times) - 1, int(len(times) * share))] for share in (0.5, 0.99, 1)]
    print(f"{len(outcomes)} clients, {len(times)} answers, {wrong} wrong, "
          f"median {1e3 * at[0]:.0f} ms, 99 % {1e3 * at[1]:.0f} ms, slowest {1e3 * at[2]:.0f} ms")
    for hand in hands:
        hand.join()
    if arguments.victims:
        print(f"{sum(killed)} clients killed in a call")
    if arguments.server:
        time.sleep(5)
        print(f"after: {state(arguments.server)}")
    sys.exit(wrong > 0 or len(outcomes) != arguments.clients)


if __name__ == "__main__":
    main()

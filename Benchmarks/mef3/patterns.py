"""The access patterns of the original server's benchmark against a running server of the first generation.

    python patterns.py <address> <session> [--work 0.3] [--segments 10] [--seconds 300] [--clients 1] [--rounds 3] [--raw]

Prints seconds from the first request to the last answer, the time to the first answer, and MB/s of 64-bit values. Each
client is a process, reads the segments in order and works on each for a while; several clients read the same ones at
once. With --raw clients leave the messages packed: unpacking costs a Python client more than serving costs a server.
Needs grpcio, protobuf and numpy.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Tests", "MefServerTests"))
import mef_peer  # noqa: E402


def read(arguments, ready, go, outcome):
    import numpy as np

    server = mef_peer.First(arguments.address)
    ready.wait()
    go.wait()
    total, first, begin = 0, None, time.perf_counter()
    for index in range(arguments.segments):
        raws = server.stream(arguments.session, index)
        if arguments.raw:
            total += sum(map(len, raws))
        else:
            chunks = [server.messages["SignalChunk"].FromString(raw) for raw in raws]
            arrays = [np.frombuffer(chunk.array_bytes).reshape(chunk.shape) for chunk in chunks]
            total += np.concatenate(arrays, axis=1).nbytes
        first = first or time.perf_counter() - begin
        time.sleep(arguments.work)
    outcome.put((total, first))


def round_of(arguments):
    ready, go = multiprocessing.Barrier(arguments.clients + 1), multiprocessing.Barrier(arguments.clients + 1)
    outcome = multiprocessing.Queue()
    common = (arguments, ready, go, outcome)
    clients = [multiprocessing.Process(target=read, args=common) for _ in range(arguments.clients)]
    for client in clients:
        client.start()
    server = mef_peer.First(arguments.address)
    server.call("CloseFile", "FileInfoRequest", file_path=arguments.session)
    # Starting Python is nobody's business here.
    ready.wait(60)
    begin = time.perf_counter()
    server.call("OpenFile", "OpenFileRequest", file_path=arguments.session)
    server.call("SetSignalSegmentSize", "SetSignalSegmentRequest", file_path=arguments.session, seconds=arguments.seconds)
    go.wait(60)
    results = [outcome.get(timeout=600) for _ in clients]
    seconds = time.perf_counter() - begin
    for client in clients:
        client.join()
    return seconds, max(first for _, first in results), sum(total for total, _ in results) / seconds / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("session")
    parser.add_argument("--work", type=float, default=0.3)
    parser.add_argument("--segments", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--raw", action="store_true")
    arguments = parser.parse_args()
    # A process that has talked gRPC cannot be forked.
    multiprocessing.set_start_method("spawn")
    rounds = [round_of(arguments) for _ in range(arguments.rounds)]
    total, first, rate = (statistics.median(values) for values in zip(*rounds))
    print(f"clients {arguments.clients} work {arguments.work}: {total:.2f} s, first answer {1e3 * first:.0f} ms, {rate:.0f} MB/s")


if __name__ == "__main__":
    main()

"""How long a client waits for a session that nobody has touched: from its OpenFile to the first message of the first
segment, and to the last.

    python first.py <session> <name>=<address> [<name>=<address> ...] [--seconds 300] [--rounds 5] [--evict]

The servers take turns, one segment each round. With --evict the session's pages are dropped from memory before each
(posix_fadvise), so that the disk counts too; without it, what is cold is the server. Prints medians in milliseconds.
Needs grpcio, protobuf and numpy.
"""

import argparse
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Tests", "MefServerTests"))
import mef_peer  # noqa: E402


def evict(session):
    for folder, _, files in os.walk(session):
        for name in files:
            descriptor = os.open(os.path.join(folder, name), os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def once(server, arguments):
    path = arguments.session
    server.call("CloseFile", "FileInfoRequest", file_path=path)
    if arguments.evict:
        evict(path)
    begin = time.perf_counter()
    raw = server.call("OpenFile", "OpenFileRequest", file_path=path)
    opened = server.messages["FileInfoResponse"].FromString(raw)
    if not opened.file_opened:
        sys.exit(f"{path}: {opened.error_message}")
    times = [time.perf_counter() - begin]
    server.call("SetSignalSegmentSize", "SetSignalSegmentRequest", file_path=path, seconds=arguments.seconds)
    wanted = server.messages["SignalChunkRequest"](file_path=path, chunk_idx=0).SerializeToString()
    for number, _ in enumerate(server.channel.unary_stream("/gRPCMef3Server/GetSignalSegment")(wanted, timeout=60)):
        if number == 0:
            times.append(time.perf_counter() - begin)
    times.append(time.perf_counter() - begin)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("session")
    parser.add_argument("servers", nargs="+")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--evict", action="store_true")
    arguments = parser.parse_args()
    servers = {name: mef_peer.First(address) for name, address in (text.split("=") for text in arguments.servers)}
    results = {name: [] for name in servers}
    for _ in range(arguments.rounds):
        for name, server in servers.items():
            results[name].append(once(server, arguments))
    for name, rounds in results.items():
        opened, first, last = (1e3 * statistics.median(values) for values in zip(*rounds))
        print(f"{name}: open {opened:.0f} ms, first message {first:.0f} ms, whole segment {last:.0f} ms")


if __name__ == "__main__":
    main()

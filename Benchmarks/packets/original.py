"""The design of the original server: worker processes, each with one connection until it ends, which read 32 bytes at a
time and put their counts on a queue once in a hundred packets.

    original.py PORT WORKERS      prints "packets bytes" at SIGTERM
"""

import multiprocessing
import signal
import socket
import sys


def work(connections, statistics):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while (connection := connections.get()) is not None:
        packets = total = 0
        while data := connection.recv(32):
            packets += 1
            total += len(data)
            if packets % 100 == 0:
                statistics.put({"packets_received": 100, "bytes_received": total})
                total = 0
        statistics.put({"packets_received": packets % 100, "bytes_received": total})
        connection.close()


def main():
    port, workers = int(sys.argv[1]), int(sys.argv[2])
    connections = multiprocessing.Queue(2 * workers)
    statistics = multiprocessing.Queue()
    processes = [multiprocessing.Process(target=work, args=(connections, statistics)) for _ in range(workers)]
    for process in processes:
        process.start()
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    listener.settimeout(0.2)
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    packets = total = 0
    while not ended:
        try:
            connections.put(listener.accept()[0])
        except TimeoutError:
            pass
        while not statistics.empty():
            message = statistics.get()
            packets += message["packets_received"]
            total += message["bytes_received"]
    for _ in processes:
        connections.put(None)
    for process in processes:
        process.join(5)
        if process.is_alive():
            process.kill()
            process.join()
    while not statistics.empty():
        message = statistics.get()
        packets += message["packets_received"]
        total += message["bytes_received"]
    print(packets, total)


if __name__ == "__main__":
    main()

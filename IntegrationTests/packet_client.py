"""A client as the original's: what it sends, when, and what it does when the socket is full.

    packet_client.py PORT 16|32 SECONDS DELAY      prints "sent dropped" in bytes
"""

import socket
import sys
import time


def connect(port):
    """Without blocking, so that the first attempt is always still under way; and again after half a second."""
    wait = 0.5
    connection = socket.socket()
    connection.setblocking(False)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)  # so that it is full in a test's time
    for _ in range(10):
        try:
            connection.connect(("127.0.0.1", port))
            return connection
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno == 106:  # it is connected
                return connection
        time.sleep(wait)
        wait = min(2.0, wait * 1.5)
    raise SystemExit("no connection")


def send(connection, batch):
    """What of the batch was sent: after two waits of a millisecond in a row the rest of it is dropped."""
    sent = retries = 0
    while sent < len(batch):
        try:
            sent += connection.send(batch[sent:])
            retries = 0
        except BlockingIOError:
            retries += 1
            if retries > 2:
                break
            time.sleep(0.001)
    return sent


def main():
    port, size, seconds, delay = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    rate, packets = (10050, 804) if size == 16 else (10000, 50)
    time.sleep(delay)
    connection = connect(port)
    batch = b"X" * size * packets
    start = time.perf_counter()
    total = number = 0
    while (now := time.perf_counter()) - start < seconds:
        total += send(connection, batch)
        number += 1
        left = start + number * packets / rate - now
        if left > 0:
            time.sleep(max(0.0001, left / 2))
        while time.perf_counter() < start + number * packets / rate:
            time.sleep(0.0001)
    connection.close()
    print(total, number * len(batch) - total)


main()

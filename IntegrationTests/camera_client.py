"""Plays cameras and a manager for 12_camera.sh: camera_client.py FRAMES_PORT COMMANDS_PORT PICTURE_FOLDER"""

import socket
import struct
import sys
import time

frames_port, commands_port, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
grey = open(f"{folder}/grey.jpg", "rb").read()
colour = open(f"{folder}/colour.jpg", "rb").read()


def connect():
    connection = socket.create_connection(("127.0.0.1", frames_port), timeout=20)
    return connection


def ask(command):
    with socket.create_connection(("127.0.0.1", commands_port), timeout=20) as connection:
        connection.sendall(command)
        answer = b""
        while chunk := connection.recv(1024):
            answer += chunk
        return answer.decode().strip()


def framed(picture):
    return struct.pack(">I", len(picture)) + picture


def expect_end(connection):
    connection.settimeout(20)
    try:
        assert connection.recv(1) == b""
    except ConnectionResetError:
        pass


assert ask(b"STATUS\n") == "STATUS: Camera ready (idle)"
assert ask(b"EXP_ID:EXP_1\n") == "OK: Experiment ID set to EXP_1"
assert ask(b"nonsense") == "ERROR: Unknown command"
assert ask(b"START_INF") == "OK: Infinite capture started"
assert ask(b"STATUS").startswith("STATUS: Camera active (running for ")

# Three cameras at once, a picture in pieces among them.
cameras = [connect() for _ in range(3)]
for number in range(40):
    for camera in cameras:
        camera.sendall(framed(grey if number % 2 else colour))
slow = framed(grey)
for start in range(0, len(slow), 50):
    cameras[0].sendall(slow[start : start + 50])

# What is no picture for the decoder: it is written as it came, and counted.
cameras[1].sendall(framed(grey[:200]) + framed(b"garbage"))

# Who announces what cannot be, and who is gone in the midst of a picture: each ends its own connection only.
for bytes in (b"\xff\xff\xff\xff", b"\0\0\0\0"):
    bad = connect()
    bad.sendall(bytes)
    expect_end(bad)
half = connect()
half.sendall(framed(grey)[:100])
half.close()
stalled = connect()
stalled.sendall(framed(grey)[:100])
expect_end(stalled)

# Two hundred that announce 64 MiB.
crowd = [connect() for _ in range(200)]
for one in crowd:
    one.sendall(struct.pack(">I", 64 << 20))
cameras[2].sendall(framed(colour))
for one in crowd:
    expect_end(one)
for camera in cameras:
    camera.close()
print(3 * 40 + 1 + 2 + 1)

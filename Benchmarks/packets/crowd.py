#!/usr/bin/env python3
"""5 000 clients that send nothing and 1 000 that send 1 kHz each, at once: whether anybody starves, and what memory a
connection takes.

    make -C Benchmarks/packets && swift build -c release && python3 Benchmarks/packets/crowd.py
"""

import argparse
import json
import pathlib
import resource
import signal
import socket
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent

GRAPH = """pipe: 1
name: crowd
stages:
  server: {{ type: tcp_packets, address: "127.0.0.1:{port}", max_clients: 100000 }}
  stats: {{ type: packet_stats, from: server, every: 1h, list: 100000, header: {{ sequence: 0 }} }}
  reports: {{ type: jsonl_file, from: stats, path: {report}, mode: overwrite }}
threads: {{ workers: 1 }}
"""


def memory(pid):
    """Kibibytes that are the process's own."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--pipe", default=str(HERE.parent.parent / ".build/release/pipe"))
    parser.add_argument("--idle", type=int, default=5000)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=50, help="packets a write; the original's clients send 50")
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder, "report.jsonl")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        graph = pathlib.Path(folder, "crowd.yaml")
        graph.write_text(GRAPH.format(port=port, report=report))
        server = subprocess.Popen([options.pipe, "run", "-q", str(graph)])
        time.sleep(1)
        before = memory(server.pid)
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(options.idle)]
        time.sleep(1)
        waiting = memory(server.pid)
        load = subprocess.run(
            [str(HERE / ".build/load"), str(port), str(options.clients), "1000", str(options.batch),
             str(options.seconds)],
            stdout=subprocess.PIPE, text=True, check=True)
        busy = memory(server.pid)
        server.send_signal(signal.SIGTERM)
        server.wait(60)
        line = json.loads(report.read_text().splitlines()[-1])
    rates = sorted(client["rate"] for client in line["clients"] if client["packets"])
    print(f"sent {load.stdout.split()[0]}, received {line['packets']}, lost {line['lost']}, connections {line['connections']}")
    print(f"clients that sent: {len(rates)}, slowest {rates[0]:.1f}/s, median {rates[len(rates) // 2]:.1f}/s")
    print(f"memory: {before} KiB, {waiting} with {options.idle} idle ({(waiting - before) / options.idle:.2f} KiB each),"
          f" {busy} after {options.clients} more ({(busy - before) / (options.idle + options.clients):.2f} KiB each)")
    assert int(load.stdout.split()[0]) == line["packets"] and line["lost"] == 0 and len(rates) == options.clients
    assert len(idle) == options.idle


main()

#!/usr/bin/env python3
"""Measures packet servers beside each other, with one load: CPU seconds of the server for a million packets, and what
came of what was sent. Prints a table of ratios to the C server of the same round, medians over the rounds.

    make -C Benchmarks/packets && swift build -c release && python3 Benchmarks/packets/compare.py
"""

import argparse
import json
import os
import pathlib
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# clients, packets a second of each, packets a write, extra arguments of the load
WORKLOADS = {
    "10x10k-batch50": (10, 10000, 50, []),
    "10x10k-batch1": (10, 10000, 1, []),
    "100x10k-batch50": (100, 10000, 50, []),
    "1000x1k-batch5": (1000, 1000, 5, []),
    "flood": (10, 1, 512, ["--flood"]),
}

GRAPH = """pipe: 1
name: bench
stages:
  server: {{ type: tcp_packets, address: "127.0.0.1:{port}", max_clients: 100000, latency: {latency}{later} }}
  stats: {{ type: packet_stats, from: server, every: 1h{header} }}
  reports: {{ type: jsonl_file, from: stats, path: {report}, mode: overwrite }}
threads: {{ workers: 1 }}
"""


class Server:
    """A server under load: how it is started, and what it says it has got."""

    def __init__(self, name, folder, options):
        self.name, self.folder, self.options = name, pathlib.Path(folder), options
        self.report = self.folder / "report.jsonl"

    def command(self, port):
        if self.name.startswith("pipe"):
            header = ", header: { sequence: 0, timestamp: 8 }" if "header" in self.name else ""
            latency = next((part for part in self.name.split("-") if part.endswith("ms")), "3ms")
            graph = self.folder / "bench.yaml"
            later = ", acknowledge: later" if "later" in self.name else ""
            graph.write_text(GRAPH.format(port=port, report=self.report, header=header, latency=latency, later=later))
            return [self.options.pipe, "run", "-q", str(graph)]
        if self.name == "c":
            return [str(HERE / ".build/server"), str(port)]
        if self.name == "c-gather":
            return [str(HERE / ".build/server"), str(port), "3000"]
        return [sys.executable, str(HERE / "original.py"), str(port), "10" if self.name == "python-10" else "4"]

    def packets(self, output):
        if self.name.startswith("pipe"):
            report = json.loads(self.report.read_text().splitlines()[-1])
            return report["packets"], report
        return int(output.split()[1 if self.name.startswith("c") else 0]), {}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process):
    for _ in range(500):
        if process.poll() is not None:
            raise SystemExit(f"the server ended: {process.args}")
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise SystemExit("the server does not listen")


def measure(name, workload, options):
    clients, rate, batch, extra = WORKLOADS[workload]
    with tempfile.TemporaryDirectory() as folder:
        server = Server(name, folder, options)
        port = free_port()
        process = subprocess.Popen(server.command(port), stdout=subprocess.PIPE, text=True)
        try:
            wait_for(port, process)
            before = cpu(process.pid)
            start = time.monotonic()
            load = subprocess.run(
                [str(HERE / ".build/load"), *map(str, (port, clients, rate, batch, options.seconds)), *extra],
                stdout=subprocess.PIPE, text=True, check=True, timeout=options.seconds * 4 + 60,
            )
            seconds = time.monotonic() - start
            spent = cpu(process.pid) - before
        finally:
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=60)
        sent = int(load.stdout.split()[0])
        got, report = server.packets(output)
        line = {
            "server": name, "workload": workload, "sent": sent, "got": got, "seconds": seconds,
            "cpu_per_million": spent / max(1, got) * 1e6, "rate": got / seconds,
        }
        line.update({key: value for key, value in report.items() if key.startswith("latency") or key == "lost"})
        return line


def cpu(pid):
    """CPU seconds of a process and the children it has, by the scheduler's count in nanoseconds where it gives one."""
    total = 0
    pids = [pid] + [int(child) for child in subprocess.run(
        ["pgrep", "-P", str(pid)], stdout=subprocess.PIPE, text=True).stdout.split()]
    for each in pids:
        for task in pathlib.Path(f"/proc/{each}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total * 1e-9


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--pipe", default=str(ROOT / ".build/release/pipe"))
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--servers", default="c,pipe,pipe-0ms,pipe-header,c-gather,python-10")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--json", help="every line of every run")
    options = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    lines = []
    for workload in options.workloads.split(","):
        servers = options.servers.split(",")
        if workload not in ("10x10k-batch50",):
            servers = [name for name in servers if not name.startswith("python")]
        own = []
        for number in range(options.rounds):
            for name in servers if number % 2 == 0 else reversed(servers):
                own.append(measure(name, workload, options))
                print(json.dumps(own[-1]), file=sys.stderr)
        show(workload, servers, own, options.rounds)
        lines += own
    if options.json:
        pathlib.Path(options.json).write_text("".join(json.dumps(line) + "\n" for line in lines))
    lost = [line for line in lines if line["server"].startswith(("pipe", "c")) and line["sent"] != line["got"]]
    for line in lost:
        print(f"NOT EXACT: {line}")
    return 1 if lost else 0


def show(workload, servers, lines, rounds):
    """Ratios are taken within a round, since a shared machine is not the same a minute later."""
    print(f"\n{workload}\n{'server':<14}{'CPU s / 10⁶':>12}{'× C':>8}{'packets/s':>12}{'× C':>8}{'got of sent':>14}")
    for name in servers:
        own = [line for line in lines if line["server"] == name]
        base = [line for line in lines if line["server"] == "c"] or own
        cost = [line["cpu_per_million"] for line in own]
        ratio = statistics.median(a / b["cpu_per_million"] for a, b in zip(cost, base))
        speed = statistics.median(a["rate"] / b["rate"] for a, b in zip(own, base))
        share = sum(line["got"] for line in own) / max(1, sum(line["sent"] for line in own))
        print(f"{name:<14}{statistics.median(cost):>12.3f}{ratio:>8.2f}"
              f"{statistics.median(line['rate'] for line in own):>12.0f}{speed:>8.2f}{share:>14.4%}", end="")
        timed = [line for line in own if "latency_p99" in line]
        if timed:
            print(f"   p50 {statistics.median(l['latency_p50'] for l in timed) * 1e3:.2f} ms,"
                  f" p99 {statistics.median(l['latency_p99'] for l in timed) * 1e3:.2f} ms", end="")
        print()


if __name__ == "__main__":
    sys.exit(main())

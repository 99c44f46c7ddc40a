"""Python's multiprocessing: a process a stage, a multiprocessing.Queue a link, as pipelines are written today.

    python      items and frames are pickled into the queue
    python-shm  only "frames": they stay in shared memory, and the queue carries their number
"""

import argparse
import json
import multiprocessing
import queue
import sys
import threading
import time
from multiprocessing import shared_memory

FRAME_BYTES = 1 << 20
BRANCHES = 4
MASK = (1 << 64) - 1
NEVER = 1 << 80
END = None

# A forked child starts in a millisecond and finds the queues where they are.
context = multiprocessing.get_context("fork")
stop = context.RawValue("b", 0)


def fail(message):
    print("wrong: " + message, file=sys.stderr, flush=True)
    sys.exit(1)


def mix(number):
    return number * 0x9E3779B97F4A7C15 & MASK


def make(number, broken):
    return (number + (number >= broken), mix(number))


def check(item, expected, stages):
    if item != (expected, mix(expected) + stages & MASK):
        fail(f"item {item} came where {expected} was expected")


class Ticker:
    """Sleeps to the next tick; a tick missed by more than an interval is not made up."""

    def __init__(self, interval):
        self.interval, self.next = interval, 0

    def wait(self):
        now = time.monotonic_ns()
        on_time = self.next and now < self.next + 2 * self.interval
        self.next = self.next + self.interval if on_time else now + self.interval
        if self.next > now:
            time.sleep(1e-9 * (self.next - now))


# Sources, stages and sinks: each returns what the report needs, and begins when all processes are there.


def source(outs, broken, base=0):
    count = 0
    if broken != NEVER:
        broken += base
    while not stop.value:
        item = make(base + count, broken)
        for out in outs:
            out.put(item)
        count += 1
    for out in outs:
        out.put(END)
    return count


def stage(inlet, outlet):
    while (item := inlet.get()) is not END:
        outlet.put((item[0], item[1] + 1 & MASK))
    outlet.put(END)


def passing(inlet, outlet):
    while (item := inlet.get()) is not END:
        outlet.put(item)
    outlet.put(END)


def sink(inlet, stages, sources=1):
    expected, ended = [0] * BRANCHES, 0
    while ended < sources:
        item = inlet.get()
        if item is END:
            ended += 1
            continue
        index = (item[0] >> 48) % BRANCHES
        check(item, (index << 48) + expected[index], stages)
        expected[index] += 1
    return expected


def frame_source(out, broken):
    frame, count = bytearray(FRAME_BYTES), 0
    while not stop.value:
        number, value = make(count, broken)
        frame[:16] = number.to_bytes(8, "little") + value.to_bytes(8, "little")
        # A copy: the queue pickles in a thread of its own, later.
        out.put(bytes(frame))
        count += 1
    out.put(END)
    return count


def check_frame(head, expected):
    check((int.from_bytes(head[:8], "little"), int.from_bytes(head[8:16], "little")), expected, 0)


def frame_sink(inlet):
    count = 0
    while (frame := inlet.get()) is not END:
        check_frame(frame[:16], count)
        count += 1
    return count


def shared_source(out, free, memory, broken):
    count = 0
    while not stop.value:
        slot = free.get()
        number, value = make(count, broken)
        at = slot * FRAME_BYTES
        memory.buf[at : at + 16] = number.to_bytes(8, "little") + value.to_bytes(8, "little")
        out.put(slot)
        count += 1
    out.put(END)
    return count


def shared_sink(inlet, free, memory):
    count = 0
    while (slot := inlet.get()) is not END:
        at = slot * FRAME_BYTES
        check_frame(bytes(memory.buf[at : at + 16]), count)
        count += 1
        free.put(slot)
    return count


def dealing_source(outs, broken):
    count = 0
    while not stop.value:
        outs[count % len(outs)].put(make(count, broken))
        count += 1
    for out in outs:
        out.put(END)
    return count


def worker(inlet, outlet):
    clock = time.thread_time_ns
    while (item := inlet.get()) is not END:
        # The other peers run 10 000 steps in machine code. Here it is 20 µs of the processor's time.
        end = clock() + 20_000
        while clock() < end:
            pass
        outlet.put((item[0], item[1] + 1 & MASK))
    outlet.put(END)


def collecting_sink(inlets):
    count = 0
    while (item := inlets[count % len(inlets)].get()) is not END:
        check(item, count, 1)
        count += 1
    for inlet in inlets[: count % len(inlets)] + inlets[count % len(inlets) + 1 :]:
        if inlet.get() is not END:
            fail("an item was left over")
    return count


def paced_source(out, broken):
    tick, count = Ticker(1_000_000), 0
    while not stop.value:
        tick.wait()
        out.put((count + (count >= broken), time.monotonic_ns()))
        count += 1
    out.put(END)
    return count


def timing_sink(inlet):
    times = []
    while (item := inlet.get()) is not END:
        times.append(time.monotonic_ns() - item[1])
        if item[0] != len(times) - 1:
            fail("items out of order")
    return times


def fast_source(out, broken):
    tick, count, dropped = Ticker(500_000), 0, 0
    while not stop.value:
        tick.wait()
        item = (count + (count >= broken), time.monotonic_ns())
        count += 1
        while True:
            try:
                out.put_nowait(item)
                break
            except queue.Full:
                pass
            try:
                out.get_nowait()
                dropped += 1
            except queue.Empty:
                time.sleep(0)  # what fills the queue is still with the thread that writes it
    out.put(END)
    return count, dropped


def slow_sink(inlet):
    times, following, gaps = [], 0, 0
    while (item := inlet.get()) is not END:
        now = time.monotonic_ns()
        if item[0] < following:
            fail(f"item {item[0]} came after {following - 1}")
        gaps += item[0] - following
        following = item[0] + 1
        times.append(now - item[1])
        while time.monotonic_ns() < now + 1_000_000:
            pass
    return times, following, gaps


# Running


def body(barrier, results, name, work, arguments):
    barrier.wait()
    began = time.monotonic_ns()
    try:
        value = work(*arguments)
    except SystemExit:
        results.put((name, None, 0, 0))
        raise
    results.put((name, value, began, time.monotonic_ns()))


def run(seconds, parts):
    """Runs every part in a process of its own. Gives what they returned, and the time from first begin to last end."""
    barrier, results = context.Barrier(len(parts) + 1), context.SimpleQueue()
    processes = [
        context.Process(target=body, args=(barrier, results, name, *rest), daemon=True)
        for name, *rest in parts
    ]
    for process in processes:
        process.start()
    barrier.wait()

    def raise_stop():
        stop.value = 1

    timer = threading.Timer(seconds, raise_stop)
    timer.daemon = True
    timer.start()
    returned, begins, ends = {}, [], []
    for _ in parts:
        name, value, began, ended = results.get()
        if began == 0:
            sys.exit(1)  # the daemons end with us
        returned[name] = value
        begins.append(began)
        ends.append(ended)
    for process in processes:
        process.join()
    return returned, max(ends) - min(begins)


def chain(hops, capacity, between, first, last):
    """The parts of a chain; `first` and `last` are given the first and the last link."""
    links = [context.Queue(capacity) for _ in range(hops)]
    middle = [(f"stage{i}", between, (links[i], links[i + 1])) for i in range(hops - 1)]
    return [("source", *first(links[0])), *middle, ("sink", *last(links[-1]))]


def percentiles(times):
    times.sort()
    return {
        "p50_us": round(1e-3 * times[len(times) // 2], 2),
        "p99_us": round(1e-3 * times[len(times) * 99 // 100], 2),
    }


def measure(peer, workload, seconds, broken):
    """Gives items, nanoseconds and further fields, or a reason to skip."""

    def go(parts, arrived):
        returned, span = run(seconds, parts)
        count, sent = arrived(returned["sink"]), returned["source"]
        if count != sent:
            fail(f"{sent} items sent, {count} arrived")
        return count, span, returned["sink"]

    if peer == "python-shm":
        if workload != "frames":
            return "only for frames: see python"
        slots = 4 * 64 + 8
        memory = shared_memory.SharedMemory(create=True, size=slots * FRAME_BYTES)
        try:
            free = context.Queue()
            for slot in range(slots):
                free.put(slot)
            parts = chain(
                4, 64, passing,
                lambda link: (shared_source, (link, free, memory, broken)),
                lambda link: (shared_sink, (link, free, memory)),
            )
            return *go(parts, lambda count: count)[:2], {}
        finally:
            memory.close()
            memory.unlink()

    shapes = {"chain4": (4, 64), "chain8": (8, 64), "chain4-1024": (4, 1024)}
    if workload in shapes:
        hops, capacity = shapes[workload]
        parts = chain(
            hops, capacity, stage,
            lambda link: (source, ([link], broken)),
            lambda link: (sink, (link, hops - 1)),
        )
        return *go(parts, lambda expected: expected[0])[:2], {}
    if workload == "frames":
        parts = chain(
            4, 64, passing,
            lambda link: (frame_source, (link, broken)),
            lambda link: (frame_sink, (link,)),
        )
        return *go(parts, lambda count: count)[:2], {}
    if workload == "fanout":
        links = [context.Queue(64) for _ in range(BRANCHES)]
        parts = [("source", source, (links, broken))]
        parts += [(f"sink{i}", sink, (link, 0)) for i, link in enumerate(links)]
        returned, span = run(seconds, parts)
        counts = {returned[f"sink{i}"][0] for i in range(BRANCHES)}
        if counts != {returned["source"]}:
            fail("a sink missed items")
        return counts.pop(), span, {}
    if workload == "fanin":
        link = context.Queue(BRANCHES * 64)
        parts = [(f"source{i}", source, ([link], broken, i << 48)) for i in range(BRANCHES)]
        parts.append(("sink", sink, (link, 0, BRANCHES)))
        returned, span = run(seconds, parts)
        if returned["sink"] != [returned[f"source{i}"] for i in range(BRANCHES)]:
            fail("the sink missed items")
        return sum(returned["sink"]), span, {}
    if workload == "ordered":
        ins, outs = ([context.Queue(64) for _ in range(2)] for _ in range(2))
        parts = [("source", dealing_source, (ins, broken)), ("sink", collecting_sink, (outs,))]
        parts += [(f"worker{i}", worker, (ins[i], outs[i])) for i in range(2)]
        return *go(parts, lambda count: count)[:2], {}
    if workload == "latency":
        parts = chain(
            5, 64, passing,
            lambda link: (paced_source, (link, broken)),
            lambda link: (timing_sink, (link,)),
        )
        count, span, times = go(parts, len)
        return count, span, percentiles(times)
    if workload in ("overload", "overload-latest"):
        link = context.Queue(4 if workload == "overload" else 1)
        returned, span = run(seconds, [("source", fast_source, (link, broken)), ("sink", slow_sink, (link,))])
        (sent, dropped), (times, following, gaps) = returned["source"], returned["sink"]
        if following != sent or gaps != dropped or len(times) + dropped != sent:
            fail(f"{sent} items sent, {len(times)} delivered, {dropped} dropped, {gaps} missing")
        more = {"dropped": dropped, "delivered": len(times), "offered": round(1e9 * sent / span, 1)}
        return len(times), span, percentiles(times) | more
    return "processes are not fused" if workload == "chain4-fused" else "no such workload"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default="python")
    parser.add_argument("--workload", required=True)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--break", dest="broken", action="store_true")
    arguments = parser.parse_args()
    line = {"peer": arguments.peer, "workload": arguments.workload}
    result = measure(arguments.peer, arguments.workload, arguments.seconds, 50 if arguments.broken else NEVER)
    if isinstance(result, str):
        line["skipped"] = result
    else:
        items, nanoseconds, more = result
        if not items:
            fail("nothing arrived")
        line |= {
            "items": items,
            "seconds": round(1e-9 * nanoseconds, 6),
            "rate": round(1e9 * items / nanoseconds, 1),
        }
        line |= more
    print(json.dumps(line, separators=(",", ":")))


if __name__ == "__main__":
    main()

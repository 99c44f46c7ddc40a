// oneTBB.
//
//   tbb           a flow graph: serial nodes with queues, and a limiter so that no more items are in it than its links
//                 would hold. The nodes are multifunction_nodes: a serial function_node lets the next item go before it
//                 has handed on its result, so that items overtake each other. "ordered" is a node of concurrency 2 and
//                 a sequencer. For "chain4-fused" the nodes are `lightweight`: a body runs in the thread that brings
//                 the item.
//   tbb-pipeline  parallel_pipeline: one thread carries an item through all filters. Chains, frames and "ordered".
//
// A flow graph has no policy for drops; "overload" is two threads and a concurrent_bounded_queue whose oldest item the
// source takes out when it is full.

#include <oneapi/tbb/concurrent_queue.h>
#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "bench.h"

namespace flow = tbb::flow;
using flow::continue_msg;

namespace {

std::atomic<bool> stop{false};

/// Raises `stop` after the time of a run.
struct Deadline {
    std::thread thread;
    explicit Deadline(double seconds) : thread([=] { bench_sleep(seconds), stop = true; }) {}
    ~Deadline() { thread.join(); }
};

bool stopped() { return stop.load(std::memory_order_relaxed); }

struct Frame {
    BenchItem item;
    unsigned char bytes[BENCH_FRAME_BYTES - sizeof(BenchItem)];
};

/// Frames come back to be used again; there are never more than are in flight.
class FramePool {
    tbb::concurrent_queue<Frame *> free;

public:
    Frame *take() {
        Frame *frame;
        // Plain new leaves the bytes as they are: a frame that nobody looks at costs no memory.
        return free.try_pop(frame) ? frame : new Frame;
    }
    void give(Frame *frame) { free.push(frame); }
};

/// What differs between 16 bytes in place and a frame by reference.
struct InPlace {
    using Message = BenchItem;
    Message make(uint64_t number, uint64_t broken) { return bench_item(number, broken); }
    static Message pass(Message item) { return {item.number, item.check + 1}; }
    void check(Message item, uint64_t expected, uint64_t stages) { bench_check(item, expected, stages); }
};

struct ByReference {
    using Message = Frame *;
    FramePool pool;
    Message make(uint64_t number, uint64_t broken) {
        Frame *frame = pool.take();
        frame->item = bench_item(number, broken);
        return frame;
    }
    static Message pass(Message frame) { return frame; }
    void check(Message frame, uint64_t expected, uint64_t) {
        bench_check(frame->item, expected, 0);
        pool.give(frame);
    }
};

template <class Kind, class Policy> void chain(const BenchRun &run, int hops, size_t capacity) {
    using Message = typename Kind::Message;
    Kind kind;
    flow::graph graph;
    uint64_t sent = 0, arrived = 0;
    flow::input_node<Message> source(graph, [&](tbb::flow_control &control) -> Message {
        if (stopped()) {
            control.stop();
            return {};
        }
        return kind.make(sent++, run.broken_from);
    });
    flow::limiter_node<Message> limiter(graph, capacity * hops);
    using Stage = flow::multifunction_node<Message, std::tuple<Message>, Policy>;
    std::vector<std::unique_ptr<Stage>> stages;
    for (int i = 1; i < hops; i++)
        stages.push_back(std::make_unique<Stage>(
            graph, flow::serial, [](Message message, typename Stage::output_ports_type &ports) {
                std::get<0>(ports).try_put(Kind::pass(message));
            }));
    flow::function_node<Message, continue_msg, Policy> sink(graph, flow::serial, [&](Message message) {
        kind.check(message, arrived++, hops - 1);
        return continue_msg();
    });
    flow::make_edge(source, limiter);
    flow::sender<Message> *from = &limiter;
    for (auto &stage : stages) {
        flow::make_edge(*from, *stage);
        from = &flow::output_port<0>(*stage);
    }
    flow::make_edge(*from, sink);
    flow::make_edge(sink, limiter.decrementer());
    Deadline deadline(run.seconds);
    int64_t began = bench_now();
    source.activate();
    graph.wait_for_all();
    bench_report(&run, sent, arrived, bench_now() - began);
}

template <class Kind> void pipeline(const BenchRun &run, int hops, size_t capacity) {
    using Message = typename Kind::Message;
    Kind kind;
    uint64_t sent = 0, arrived = 0;
    constexpr auto serial = tbb::filter_mode::serial_in_order;
    auto filters = tbb::make_filter<void, Message>(serial, [&](tbb::flow_control &control) -> Message {
        if (stopped()) {
            control.stop();
            return {};
        }
        return kind.make(sent++, run.broken_from);
    });
    for (int i = 1; i < hops; i++) filters = filters & tbb::make_filter<Message, Message>(serial, [](Message message) {
            return Kind::pass(message);
        });
    auto all = filters & tbb::make_filter<Message, void>(serial, [&](Message message) {
        kind.check(message, arrived++, hops - 1);
    });
    Deadline deadline(run.seconds);
    int64_t began = bench_now();
    tbb::parallel_pipeline(capacity * hops, all);
    bench_report(&run, sent, arrived, bench_now() - began);
}

void fanout(const BenchRun &run) {
    flow::graph graph;
    uint64_t sent = 0;
    std::array<uint64_t, BENCH_BRANCHES> arrived{};
    flow::input_node<BenchItem> source(graph, [&](tbb::flow_control &control) -> BenchItem {
        if (stopped()) {
            control.stop();
            return {};
        }
        return bench_item(sent++, run.broken_from);
    });
    // A decrementer with four predecessors counts one item as gone for every four messages.
    flow::limiter_node<BenchItem> limiter(graph, 64);
    using Sink = flow::function_node<BenchItem, continue_msg>;
    std::vector<std::unique_ptr<Sink>> sinks;
    flow::make_edge(source, limiter);
    for (int i = 0; i < BENCH_BRANCHES; i++) {
        sinks.push_back(std::make_unique<Sink>(graph, flow::serial, [&, i](BenchItem item) {
            bench_check(item, arrived[i]++, 0);
            return continue_msg();
        }));
        flow::make_edge(limiter, *sinks.back());
        flow::make_edge(*sinks.back(), limiter.decrementer());
    }
    Deadline deadline(run.seconds);
    int64_t began = bench_now();
    source.activate();
    graph.wait_for_all();
    int64_t ended = bench_now();
    for (uint64_t count : arrived)
        if (count != sent) bench_fail("a sink missed items");
    bench_report(&run, sent, arrived[0], ended - began);
}

void fanin(const BenchRun &run) {
    using Source = flow::input_node<BenchItem>;
    using Limiter = flow::limiter_node<BenchItem>;
    flow::graph graph;
    std::array<uint64_t, BENCH_BRANCHES> sent{}, expected{};
    using Gone = continue_msg;
    using Sink = flow::multifunction_node<BenchItem, std::tuple<Gone, Gone, Gone, Gone>>;
    Sink sink(graph, flow::serial, [&](BenchItem item, Sink::output_ports_type &ports) {
        unsigned from = unsigned(item.number >> 48) % BENCH_BRANCHES;
        bench_check(item, (uint64_t(from) << 48) + expected[from]++, 0);
        switch (from) {
        case 0: std::get<0>(ports).try_put(continue_msg()); break;
        case 1: std::get<1>(ports).try_put(continue_msg()); break;
        case 2: std::get<2>(ports).try_put(continue_msg()); break;
        default: std::get<3>(ports).try_put(continue_msg());
        }
    });
    std::vector<std::unique_ptr<Source>> sources;
    std::vector<std::unique_ptr<Limiter>> limiters;
    for (uint64_t i = 0; i < BENCH_BRANCHES; i++) {
        uint64_t base = i << 48, broken = run.broken_from == UINT64_MAX ? UINT64_MAX : base + run.broken_from;
        sources.push_back(std::make_unique<Source>(graph, [&, i, base, broken](auto &control) -> BenchItem {
            if (stopped()) {
                control.stop();
                return {};
            }
            return bench_item(base + sent[i]++, broken);
        }));
        limiters.push_back(std::make_unique<Limiter>(graph, 64));
        flow::make_edge(*sources[i], *limiters[i]);
        flow::make_edge(*limiters[i], sink);
    }
    flow::make_edge(flow::output_port<0>(sink), limiters[0]->decrementer());
    flow::make_edge(flow::output_port<1>(sink), limiters[1]->decrementer());
    flow::make_edge(flow::output_port<2>(sink), limiters[2]->decrementer());
    flow::make_edge(flow::output_port<3>(sink), limiters[3]->decrementer());
    Deadline deadline(run.seconds);
    int64_t began = bench_now();
    for (auto &source : sources) source->activate();
    graph.wait_for_all();
    int64_t ended = bench_now();
    uint64_t total = 0, arrived = 0;
    for (int i = 0; i < BENCH_BRANCHES; i++) {
        if (sent[i] != expected[i]) bench_fail("the sink missed items of source %d", i);
        total += sent[i], arrived += expected[i];
    }
    bench_report(&run, total, arrived, ended - began);
}

/// The sink of "ordered": the XOR of what came must be the work over the XOR of what went.
struct OrderedSink {
    uint64_t arrived = 0, inputs = 0, outputs = 0;
    void take(BenchItem item) {
        if (item.number != arrived) bench_fail("items out of order");
        inputs ^= bench_mix(arrived++);
        outputs ^= item.check;
    }
    void verify() const {
        if (bench_work(inputs) != outputs) bench_fail("the results do not add up");
    }
};

constexpr auto work = [](BenchItem item) -> BenchItem { return {item.number, bench_work(item.check)}; };

void ordered_pipeline(const BenchRun &run) {
    uint64_t sent = 0;
    OrderedSink sink;
    constexpr auto serial = tbb::filter_mode::serial_in_order;
    auto filters = tbb::make_filter<void, BenchItem>(serial,
                       [&](tbb::flow_control &control) -> BenchItem {
                           if (stopped()) {
                               control.stop();
                               return {};
                           }
                           return bench_item(sent++, run.broken_from);
                       })
        & tbb::make_filter<BenchItem, BenchItem>(tbb::filter_mode::parallel, work)
        & tbb::make_filter<BenchItem, void>(serial, [&](BenchItem item) { sink.take(item); });
    Deadline deadline(run.seconds);
    int64_t began = bench_now();
    // A pipeline has no replicas; two threads that also carry source and sink are the nearest.
    tbb::task_arena(2).execute([&] { tbb::parallel_pipeline(2 * 64, filters); });
    int64_t ended = bench_now();
    sink.verify();
    bench_report(&run, sent, sink.arrived, ended - began);
}

void ordered_graph(const BenchRun &run) {
    flow::graph graph;
    uint64_t sent = 0;
    OrderedSink state;
    flow::input_node<BenchItem> source(graph, [&](tbb::flow_control &control) -> BenchItem {
        if (stopped()) {
            control.stop();
            return {};
        }
        return bench_item(sent++, run.broken_from);
    });
    flow::limiter_node<BenchItem> limiter(graph, 2 * 64);
    flow::function_node<BenchItem, BenchItem> stage(graph, 2, work);
    flow::sequencer_node<BenchItem> sequencer(graph, [](const BenchItem &item) { return size_t(item.number); });
    flow::function_node<BenchItem, continue_msg, flow::lightweight> sink(graph, flow::serial, [&](BenchItem item) {
        state.take(item);
        return continue_msg();
    });
    flow::make_edge(source, limiter);
    flow::make_edge(limiter, stage);
    flow::make_edge(stage, sequencer);
    flow::make_edge(sequencer, sink);
    flow::make_edge(sink, limiter.decrementer());
    Deadline deadline(run.seconds);
    int64_t began = bench_now();
    source.activate();
    graph.wait_for_all();
    int64_t ended = bench_now();
    state.verify();
    bench_report(&run, sent, state.arrived, ended - began);
}

void latency(const BenchRun &run) {
    constexpr int hops = 5;
    flow::graph graph;
    uint64_t sent = 0, arrived = 0;
    BenchTimes times{};
    using Stage = flow::multifunction_node<BenchItem, std::tuple<BenchItem>>;
    std::vector<std::unique_ptr<Stage>> stages;
    for (int i = 1; i < hops; i++)
        stages.push_back(std::make_unique<Stage>(
            graph, flow::serial, [](BenchItem item, auto &ports) { std::get<0>(ports).try_put(item); }));
    flow::function_node<BenchItem, continue_msg> sink(graph, flow::serial, [&](BenchItem item) {
        bench_add_time(&times, bench_now() - int64_t(item.check));
        if (item.number != arrived++) bench_fail("items out of order");
        return continue_msg();
    });
    for (int i = 1; i < hops - 1; i++) flow::make_edge(flow::output_port<0>(*stages[i - 1]), *stages[i]);
    flow::make_edge(flow::output_port<0>(*stages.back()), sink);
    int64_t began = bench_now(), next = 0;
    {
        Deadline deadline(run.seconds);
        while (!stopped()) {
            bench_tick(&next, 1000000);
            BenchItem item = bench_item(sent++, run.broken_from);
            item.check = uint64_t(bench_now());
            stages.front()->try_put(item);
        }
    }
    graph.wait_for_all();
    bench_report_latency(&run, sent, arrived, bench_now() - began, &times);
}

void overload(const BenchRun &run, int capacity) {
    tbb::concurrent_bounded_queue<BenchItem> queue;
    queue.set_capacity(capacity);
    BenchOverload state{};
    constexpr uint64_t end = UINT64_MAX;
    std::thread sink([&] {
        for (BenchItem item;;) {
            queue.pop(item);
            if (item.number == end) return;
            bench_overloaded(&state, item.number, int64_t(item.check));
        }
    });
    uint64_t sent = 0, dropped = 0;
    int64_t began = bench_now(), next = 0;
    {
        Deadline deadline(run.seconds);
        while (!stopped()) {
            bench_tick(&next, 500000);
            BenchItem item = bench_item(sent++, run.broken_from), oldest;
            item.check = uint64_t(bench_now());
            while (!queue.try_push(item)) dropped += queue.try_pop(oldest);
        }
    }
    queue.push({end, 0});
    sink.join();
    bench_report_overload(&run, sent, dropped, &state, bench_now() - began);
}

}  // namespace

int main(int count, char **words) {
    BenchRun run = bench_arguments(count, words, "tbb");
    auto is = [&](const char *workload) { return bench_is(&run, workload); };
    if (!strcmp(run.peer, "tbb-pipeline")) {
        if (is("chain4")) pipeline<InPlace>(run, 4, 64);
        else if (is("chain8")) pipeline<InPlace>(run, 8, 64);
        else if (is("chain4-1024")) pipeline<InPlace>(run, 4, 1024);
        else if (is("frames")) pipeline<ByReference>(run, 4, 64);
        else if (is("ordered")) ordered_pipeline(run);
        else bench_skip(&run, "not a pipeline of filters: see tbb");
    } else {
        if (is("chain4")) chain<InPlace, flow::queueing>(run, 4, 64);
        else if (is("chain4-fused")) chain<InPlace, flow::queueing_lightweight>(run, 4, 64);
        else if (is("chain8")) chain<InPlace, flow::queueing>(run, 8, 64);
        else if (is("chain4-1024")) chain<InPlace, flow::queueing>(run, 4, 1024);
        else if (is("frames")) chain<ByReference, flow::queueing>(run, 4, 64);
        else if (is("fanout")) fanout(run);
        else if (is("fanin")) fanin(run);
        else if (is("ordered")) ordered_graph(run);
        else if (is("latency")) latency(run);
        else if (is("overload")) overload(run, 4);
        else if (is("overload-latest")) overload(run, 1);
        else bench_skip(&run, "no such workload");
    }
}

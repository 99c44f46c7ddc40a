// GStreamer: elements of our own without properties, negotiation or base classes, so that an item costs what pads and
// queues cost and nothing else. The 16 bytes of an item travel in the buffer's two offset fields: no memory, no map.
//
//   gst        pads linked directly: the whole chain runs in the source's thread
//   gst-queue  a `queue` of N buffers, without limits of bytes or time, at every hop
//   gst-leaky  a `queue` that drops the oldest (overload)

#include <gst/gst.h>
#include <stdatomic.h>

#include "bench.h"

typedef struct {
    GstElement parent;
} BenchElement;

typedef struct {
    GstElementClass parent;
} BenchElementClass;

GType bench_element_get_type(void);
G_DEFINE_TYPE(BenchElement, bench_element, GST_TYPE_ELEMENT)
static void bench_element_class_init(BenchElementClass *class) { (void)class; }
static void bench_element_init(BenchElement *element) { (void)element; }

static BenchRun run;
static atomic_bool stop;
static bool frames, paced, overload;
static int64_t interval;  // of a paced source
static int sources = 1, sinks = 1, middle_stages;

// Buffers go back to their source by a stack that anyone pushes to and only the source takes from, all at once. This is
// what a GstBufferPool does, without its poll: that costs 200 ns an item, gst_buffer_new() 57 ns, a hop without a queue
// about 150.

typedef struct {
    _Alignas(64) _Atomic(GstBuffer *) returned;
    GstBuffer *at_hand;
} Pool;

static Pool pools[BENCH_BRANCHES];

static inline unsigned source_of(uint64_t number) { return (unsigned)(number >> 48); }
static inline GstBuffer *next_of(GstBuffer *buffer) { return (GstBuffer *)(uintptr_t)GST_BUFFER_DURATION(buffer); }

static gboolean give_back(GstMiniObject *object) {
    GstBuffer *buffer = GST_BUFFER_CAST(object);
    Pool *pool = &pools[GST_BUFFER_PTS(buffer)];
    gst_buffer_ref(buffer);
    GstBuffer *head = atomic_load_explicit(&pool->returned, memory_order_relaxed);
    do GST_BUFFER_DURATION(buffer) = (uintptr_t)head;
    while (!atomic_compare_exchange_weak_explicit(
        &pool->returned, &head, buffer, memory_order_release, memory_order_relaxed));
    return FALSE;
}

static inline GstBuffer *take(unsigned source) {
    Pool *pool = &pools[source];
    if (G_UNLIKELY(!pool->at_hand))
        pool->at_hand = atomic_exchange_explicit(&pool->returned, NULL, memory_order_acquire);
    GstBuffer *buffer = pool->at_hand;
    if (G_LIKELY(buffer != NULL)) {
        pool->at_hand = next_of(buffer);
    } else {
        buffer = frames ? gst_buffer_new_allocate(NULL, BENCH_FRAME_BYTES, NULL) : gst_buffer_new();
        GST_BUFFER_PTS(buffer) = source;  // whose pool it is; nothing here looks at times
        GST_MINI_OBJECT_CAST(buffer)->dispose = give_back;
    }
    GST_BUFFER_DURATION(buffer) = GST_CLOCK_TIME_NONE;
    return buffer;
}

// The source

typedef struct {
    GstPad *pads[BENCH_BRANCHES];
    unsigned index;
    int active;
    uint64_t sent;
    int64_t began;
} Source;

static Source source_states[BENCH_BRANCHES];

static void fill(GstBuffer *buffer, BenchItem item) {
    if (!frames) {
        GST_BUFFER_OFFSET(buffer) = item.number;
        GST_BUFFER_OFFSET_END(buffer) = item.check;
        return;
    }
    GstMapInfo map;
    if (!gst_buffer_map(buffer, &map, GST_MAP_WRITE)) bench_fail("a frame cannot be written");
    memcpy(map.data, &item, sizeof item);
    gst_buffer_unmap(buffer, &map);
}

static void start_stream(GstPad *pad) {
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_DEFAULT);
    gst_pad_push_event(pad, gst_event_new_stream_start("bench"));
    gst_pad_push_event(pad, gst_event_new_segment(&segment));
}

static void produce(gpointer data) {
    Source *source = data;
    uint64_t base = (uint64_t)source->index << 48, number = 0;
    uint64_t broken = run.broken_from == UINT64_MAX ? UINT64_MAX : base + run.broken_from;
    for (int i = 0; i < sinks; i++) start_stream(source->pads[i]);
    source->began = bench_now();
    int64_t next = 0;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        if (paced) bench_tick(&next, interval);
        GstBuffer *buffer = take(source->index);
        BenchItem item = bench_item(base + number++, broken);
        if (paced) item.check = (uint64_t)bench_now();
        fill(buffer, item);
        for (int i = 1; i < sinks; i++)
            if (gst_pad_push(source->pads[i], gst_buffer_ref(buffer)) != GST_FLOW_OK) bench_fail("a push failed");
        if (gst_pad_push(source->pads[0], buffer) != GST_FLOW_OK) bench_fail("a push failed");
    }
    source->sent = number;
    for (int i = 0; i < sinks; i++) gst_pad_push_event(source->pads[i], gst_event_new_eos());
    gst_pad_pause_task(source->pads[0]);
}

static gboolean activate_source(GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active) {
    (void)parent;
    if (mode != GST_PAD_MODE_PUSH) return FALSE;
    Source *source = pad->element_private;
    // The thread starts when the last pad is active, and ends before the first one is not.
    if (active) return ++source->active < sinks || gst_pad_start_task(source->pads[0], produce, source, NULL);
    return source->active-- < sinks || gst_pad_stop_task(source->pads[0]);
}

// Stages: `element_private` of a sink pad is the pad it pushes to.

static GstFlowReturn add_one(GstPad *pad, GstObject *parent, GstBuffer *buffer) {
    (void)parent;
    GST_BUFFER_OFFSET_END(buffer) += 1;  // the only reference is ours: writable
    return gst_pad_push(pad->element_private, buffer);
}

static GstFlowReturn pass(GstPad *pad, GstObject *parent, GstBuffer *buffer) {
    (void)parent;
    return gst_pad_push(pad->element_private, buffer);
}

static GMutex funnel_lock;
static int funnel_ended;
static bool funnel_seen[2];

/// Forwards the first start of a stream, the first segment and the last end. Under a lock, so that no source is let on
/// to its first buffer before the segment is downstream.
static gboolean funnel_event(GstPad *pad, GstObject *parent, GstEvent *event) {
    (void)parent;
    g_mutex_lock(&funnel_lock);
    bool forward = false;
    if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) {
        forward = ++funnel_ended == sources;
    } else {
        bool *seen = &funnel_seen[GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT];
        forward = !*seen;
        *seen = true;
    }
    if (forward) gst_pad_push_event(pad->element_private, event);
    else gst_event_unref(event);
    g_mutex_unlock(&funnel_lock);
    return TRUE;
}

// The sink: `element_private` is its state. Items of several sources come one at a time, under the pad's stream lock.

typedef struct {
    _Alignas(64) uint64_t expected[BENCH_BRANCHES];
    BenchTimes times;
    BenchOverload overload;
} Sink;

static Sink sink_states[BENCH_BRANCHES];
static GMutex done_lock;
static GCond done_changed;
static int done_count;
static int64_t done_at;

static GstFlowReturn consume(GstPad *pad, GstObject *parent, GstBuffer *buffer) {
    (void)parent;
    Sink *sink = pad->element_private;
    BenchItem item = {GST_BUFFER_OFFSET(buffer), GST_BUFFER_OFFSET_END(buffer)};
    if (frames) {
        GstMapInfo map;
        if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) bench_fail("a frame cannot be read");
        memcpy(&item, map.data, sizeof item);
        gst_buffer_unmap(buffer, &map);
    }
    gst_buffer_unref(buffer);
    if (overload) {
        bench_overloaded(&sink->overload, item.number, (int64_t)item.check);
        return GST_FLOW_OK;
    }
    unsigned from = source_of(item.number) % BENCH_BRANCHES;
    uint64_t expected = ((uint64_t)from << 48) + sink->expected[from]++;
    if (paced) {
        bench_add_time(&sink->times, bench_now() - (int64_t)item.check);
        if (item.number != expected) bench_fail("items out of order");
    } else {
        bench_check(item, expected, frames ? 0 : (uint64_t)middle_stages);
    }
    return GST_FLOW_OK;
}

static gboolean sink_event(GstPad *pad, GstObject *parent, GstEvent *event) {
    (void)pad, (void)parent;
    if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) {
        g_mutex_lock(&done_lock);
        done_count++;
        done_at = bench_now();
        g_cond_signal(&done_changed);
        g_mutex_unlock(&done_lock);
    }
    gst_event_unref(event);
    return TRUE;
}

// Building

static GstElement *pipeline;

static GstElement *element(const char *name) {
    GstElement *made = g_object_new(bench_element_get_type(), "name", name, NULL);
    gst_bin_add(GST_BIN(pipeline), made);
    return made;
}

static GstPad *pad(GstElement *of, const char *name, GstPadDirection direction) {
    GstPad *made = gst_pad_new(name, direction);
    if (!gst_element_add_pad(of, made)) bench_fail("a pad cannot be added");
    return made;
}

static void link_by(GstPad *from, GstPad *to, int capacity) {
    static int count;
    GstElement *queue = NULL;
    if (capacity > 0) {
        char name[32];
        snprintf(name, sizeof name, "queue%d", count++);
        if (!(queue = gst_element_factory_make("queue", name))) bench_fail("there is no element 'queue'");
        g_object_set(queue, "max-size-buffers", capacity, "max-size-bytes", 0, "max-size-time", (guint64)0,
            "silent", TRUE, "leaky", overload ? 2 : 0, NULL);
        gst_bin_add(GST_BIN(pipeline), queue);
    }
    GstPad *in = queue ? gst_element_get_static_pad(queue, "sink") : to;
    if (gst_pad_link_full(from, in, GST_PAD_LINK_CHECK_NOTHING) != GST_PAD_LINK_OK) bench_fail("pads do not link");
    if (queue) {
        GstPad *out = gst_element_get_static_pad(queue, "src");
        if (gst_pad_link_full(out, to, GST_PAD_LINK_CHECK_NOTHING) != GST_PAD_LINK_OK) bench_fail("pads do not link");
    }
}

static GstPad *add_stage(GstPad *from, int capacity, int index, GstPadChainFunction chain) {
    char name[32];
    snprintf(name, sizeof name, "stage%d", index);
    GstElement *stage = element(name);
    GstPad *in = pad(stage, "sink", GST_PAD_SINK), *out = pad(stage, "src", GST_PAD_SRC);
    gst_pad_set_chain_function(in, chain);
    in->element_private = out;
    link_by(from, in, capacity);
    return out;
}

/// A queue for each source before the funnel: measured, one shared behind it halves the rate.
static GstPad *add_funnel(int capacity) {
    GstElement *funnel = element("funnel");
    GstPad *out = pad(funnel, "src", GST_PAD_SRC);
    for (int i = 0; i < sources; i++) {
        char name[32];
        snprintf(name, sizeof name, "sink%d", i);
        GstPad *in = pad(funnel, name, GST_PAD_SINK);
        gst_pad_set_chain_function(in, pass);
        gst_pad_set_event_function(in, funnel_event);
        in->element_private = out;
        link_by(source_states[i].pads[0], in, capacity);
    }
    return out;
}

int main(int count, char **words) {
    run = bench_arguments(count, words, "gst");
    bool queued = !strcmp(run.peer, "gst-queue"), leaky = !strcmp(run.peer, "gst-leaky");
    int hops = 4, capacity = queued ? 64 : 0;
    overload = bench_is(&run, "overload") || bench_is(&run, "overload-latest");

    if (leaky != overload) bench_skip(&run, leaky ? "only for overload" : "blocks instead of dropping: see gst-leaky");
    if (bench_is(&run, "ordered")) bench_skip(&run, "no parallel map in GStreamer");
    if (bench_is(&run, "chain4-1024")) {
        if (!queued) bench_skip(&run, "has no links");
        capacity = 1024;
    } else if (bench_is(&run, "chain4-fused")) {
        if (queued) bench_skip(&run, "not fused: see gst");
    } else if (bench_is(&run, "chain8")) {
        hops = 8;
    } else if (bench_is(&run, "frames")) {
        frames = true;
    } else if (bench_is(&run, "fanout")) {
        hops = 1, sinks = BENCH_BRANCHES;
    } else if (bench_is(&run, "fanin")) {
        hops = 1, sources = BENCH_BRANCHES;
    } else if (bench_is(&run, "latency")) {
        hops = 5, paced = true, interval = 1000000;
    } else if (overload) {
        hops = 1, paced = true, interval = 500000, capacity = bench_is(&run, "overload") ? 4 : 1;
    } else if (!bench_is(&run, "chain4")) {
        bench_skip(&run, "no such workload");
    }
    middle_stages = hops - 1;

    gst_init(NULL, NULL);
    pipeline = gst_pipeline_new("bench");
    for (int i = 0; i < sources; i++) {
        Source *source = &source_states[i];
        source->index = (unsigned)i;
        char name[32];
        snprintf(name, sizeof name, "source%d", i);
        GstElement *made = element(name);
        for (int k = 0; k < sinks; k++) {
            snprintf(name, sizeof name, "src%d", k);
            source->pads[k] = pad(made, name, GST_PAD_SRC);
            source->pads[k]->element_private = source;
            gst_pad_set_activatemode_function(source->pads[k], activate_source);
        }
    }
    for (int i = 0; i < sinks; i++) {
        GstPad *from = sources > 1 ? add_funnel(capacity) : source_states[0].pads[i];
        for (int k = 0; k < middle_stages; k++) from = add_stage(from, capacity, k, frames || paced ? pass : add_one);
        char name[32];
        snprintf(name, sizeof name, "sink%d", i);
        GstPad *in = pad(element(name), "sink", GST_PAD_SINK);
        gst_pad_set_chain_function(in, consume);
        gst_pad_set_event_function(in, sink_event);
        in->element_private = &sink_states[i];
        link_by(from, in, sources > 1 ? 0 : capacity);
    }

    if (gst_element_set_state(pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) bench_fail("it does not start");
    bench_sleep(run.seconds);
    atomic_store(&stop, true);
    g_mutex_lock(&done_lock);
    while (done_count < sinks) g_cond_wait(&done_changed, &done_lock);
    g_mutex_unlock(&done_lock);
    gst_element_set_state(pipeline, GST_STATE_NULL);

    uint64_t sent = 0, arrived = 0;
    int64_t began = INT64_MAX;
    for (int i = 0; i < sources; i++) {
        sent += source_states[i].sent;
        if (source_states[i].began < began) began = source_states[i].began;
        if (sources > 1 && sink_states[0].expected[i] != source_states[i].sent)
            bench_fail("source %d sent %" PRIu64 " items, %" PRIu64 " arrived", i, source_states[i].sent,
                sink_states[0].expected[i]);
    }
    for (int i = 0; i < sources; i++) arrived += sink_states[0].expected[i];
    for (int i = 1; i < sinks; i++)
        if (sink_states[i].expected[0] != sent) bench_fail("sink %d missed items", i);
    if (overload) {
        // A queue does not say what it dropped; every buffer that the sink did not see was.
        BenchOverload *sink = &sink_states[0].overload;
        bench_report_overload(&run, sent, sent - sink->delivered, sink, done_at - began);
    } else if (paced) {
        bench_report_latency(&run, sent, arrived, done_at - began, &sink_states[0].times);
    } else {
        bench_report(&run, sent, arrived, done_at - began);
    }
}

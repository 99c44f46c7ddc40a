// GStreamer as its users write it: elements on the base classes of the library, an item's 16 bytes in the memory of a
// buffer from a GstBufferPool. No queues: the whole chain runs in the source's thread.
//
//   gst-elements  a GstPushSrc, GstBaseTransforms in place, a GstBaseSink

#include <gst/base/gstbasesink.h>
#include <gst/base/gstbasetransform.h>
#include <gst/base/gstpushsrc.h>
#include <stdatomic.h>

#include "bench.h"

static BenchRun run;
static atomic_bool stop;
static uint64_t sent, arrived, stages;
static int64_t began, ended;

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

static BenchItem map(GstBuffer *buffer, GstMapFlags flags, void (*change)(BenchItem *)) {
    GstMapInfo info;
    if (!gst_buffer_map(buffer, &info, flags)) bench_fail("a buffer cannot be mapped");
    BenchItem item;
    memcpy(&item, info.data, sizeof item);
    if (change) {
        change(&item);
        memcpy(info.data, &item, sizeof item);
    }
    gst_buffer_unmap(buffer, &info);
    return item;
}

// The source

typedef struct {
    GstPushSrc parent;
    GstBufferPool *pool;
} BenchSource;
typedef struct {
    GstPushSrcClass parent;
} BenchSourceClass;
GType bench_source_get_type(void);
G_DEFINE_TYPE(BenchSource, bench_source, GST_TYPE_PUSH_SRC)

static void make_item(BenchItem *item) { *item = bench_item(sent++, run.broken_from); }

static GstFlowReturn create(GstPushSrc *base, GstBuffer **buffer) {
    BenchSource *source = (BenchSource *)base;
    if (atomic_load_explicit(&stop, memory_order_relaxed)) return GST_FLOW_EOS;
    if (!began) began = bench_now();
    if (gst_buffer_pool_acquire_buffer(source->pool, buffer, NULL) != GST_FLOW_OK) return GST_FLOW_ERROR;
    map(*buffer, GST_MAP_WRITE, make_item);
    return GST_FLOW_OK;
}

static gboolean start(GstBaseSrc *base) {
    BenchSource *source = (BenchSource *)base;
    source->pool = gst_buffer_pool_new();
    GstStructure *config = gst_buffer_pool_get_config(source->pool);
    gst_buffer_pool_config_set_params(config, NULL, sizeof(BenchItem), 64, 0);
    return gst_buffer_pool_set_config(source->pool, config) && gst_buffer_pool_set_active(source->pool, TRUE);
}

static gboolean finish(GstBaseSrc *base) { return gst_buffer_pool_set_active(((BenchSource *)base)->pool, FALSE); }

static void bench_source_class_init(BenchSourceClass *class) {
    gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(class), &src_template);
    GST_BASE_SRC_CLASS(class)->start = start;
    GST_BASE_SRC_CLASS(class)->stop = finish;
    GST_PUSH_SRC_CLASS(class)->create = create;
}
static void bench_source_init(BenchSource *source) { (void)source; }

// Stages

typedef struct {
    GstBaseTransform parent;
} BenchStep;
typedef struct {
    GstBaseTransformClass parent;
} BenchStepClass;
GType bench_step_get_type(void);
G_DEFINE_TYPE(BenchStep, bench_step, GST_TYPE_BASE_TRANSFORM)

static void add_one(BenchItem *item) { item->check++; }

static GstFlowReturn transform(GstBaseTransform *base, GstBuffer *buffer) {
    (void)base;
    map(buffer, GST_MAP_READWRITE, add_one);
    return GST_FLOW_OK;
}

static void bench_step_class_init(BenchStepClass *class) {
    gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(class), &sink_template);
    gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(class), &src_template);
    GST_BASE_TRANSFORM_CLASS(class)->transform_ip = transform;
}
static void bench_step_init(BenchStep *step) { gst_base_transform_set_in_place(&step->parent, TRUE); }

// The sink

typedef struct {
    GstBaseSink parent;
} BenchSink;
typedef struct {
    GstBaseSinkClass parent;
} BenchSinkClass;
GType bench_sink_get_type(void);
G_DEFINE_TYPE(BenchSink, bench_sink, GST_TYPE_BASE_SINK)

static GstFlowReturn render(GstBaseSink *base, GstBuffer *buffer) {
    (void)base;
    bench_check(map(buffer, GST_MAP_READ, NULL), arrived++, stages);
    return GST_FLOW_OK;
}

static gboolean event(GstBaseSink *base, GstEvent *event) {
    if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) ended = bench_now();
    return GST_BASE_SINK_CLASS(bench_sink_parent_class)->event(base, event);
}

static void bench_sink_class_init(BenchSinkClass *class) {
    gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(class), &sink_template);
    GST_BASE_SINK_CLASS(class)->render = render;
    GST_BASE_SINK_CLASS(class)->event = event;
}
static void bench_sink_init(BenchSink *sink) { gst_base_sink_set_sync(&sink->parent, FALSE); }

int main(int count, char **words) {
    run = bench_arguments(count, words, "gst-elements");
    stages = bench_is(&run, "chain8") ? 7 : 3;
    if (!bench_is(&run, "chain4") && !bench_is(&run, "chain4-fused") && stages == 3) bench_skip(&run, "only chains");
    gst_init(NULL, NULL);
    GstElement *pipeline = gst_pipeline_new("bench");
    GstElement *last = g_object_new(bench_source_get_type(), NULL);
    gst_bin_add(GST_BIN(pipeline), last);
    for (uint64_t i = 0; i <= stages; i++) {
        GstElement *next = g_object_new(i < stages ? bench_step_get_type() : bench_sink_get_type(), NULL);
        gst_bin_add(GST_BIN(pipeline), next);
        if (!gst_element_link(last, next)) bench_fail("elements do not link");
        last = next;
    }
    if (gst_element_set_state(pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) bench_fail("it does not start");
    bench_sleep(run.seconds);
    atomic_store(&stop, true);
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message = gst_bus_timed_pop_filtered(bus, 10 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    if (!message || GST_MESSAGE_TYPE(message) != GST_MESSAGE_EOS) bench_fail("it does not end");
    gst_element_set_state(pipeline, GST_STATE_NULL);
    bench_report(&run, sent, arrived, ended - began);
}

// What the peers in C and C++ share: command line, payload and its check, pacing, percentiles, the line printed.
#pragma once

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BENCH_FRAME_BYTES = 1 << 20, BENCH_BRANCHES = 4, BENCH_WORK_STEPS = 10000 };

typedef struct {
    const char *peer, *workload;
    double seconds;
    uint64_t broken_from;  // with --break: the first item whose number is one too high, so that a sink must notice
} BenchRun;

/// 16 bytes. A stage in the middle of a chain adds one to `check`, so the sink knows that all of them ran.
typedef struct {
    uint64_t number, check;
} BenchItem;

__attribute__((noreturn, format(printf, 1, 2))) static inline void bench_fail(const char *format, ...) {
    __builtin_va_list arguments;
    __builtin_va_start(arguments, format);
    fputs("wrong: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    __builtin_va_end(arguments);
    _exit(1);
}

__attribute__((noreturn)) static inline void bench_skip(const BenchRun *run, const char *reason) {
    printf("{\"peer\":\"%s\",\"workload\":\"%s\",\"skipped\":\"%s\"}\n", run->peer, run->workload, reason);
    exit(0);
}

static inline BenchRun bench_arguments(int count, char **words, const char *peer) {
    BenchRun run = {peer, "", 1, UINT64_MAX};
    for (int i = 1; i < count; i++) {
        bool more = i + 1 < count;
        if (more && !strcmp(words[i], "--workload")) run.workload = words[++i];
        else if (more && !strcmp(words[i], "--seconds")) run.seconds = atof(words[++i]);
        else if (more && !strcmp(words[i], "--peer")) run.peer = words[++i];
        else if (!strcmp(words[i], "--break")) run.broken_from = 50;
        else {
            fprintf(stderr, "usage: %s --peer NAME --workload NAME --seconds S [--break]\n", words[0]);
            exit(2);
        }
    }
    return run;
}

static inline bool bench_is(const BenchRun *run, const char *workload) { return !strcmp(run->workload, workload); }

static inline uint64_t bench_mix(uint64_t number) { return number * UINT64_C(0x9E3779B97F4A7C15); }

static inline BenchItem bench_item(uint64_t number, uint64_t broken_from) {
    BenchItem item = {number + (number >= broken_from), bench_mix(number)};
    return item;
}

static inline void bench_check(BenchItem item, uint64_t expected, uint64_t stages) {
    if (__builtin_expect((item.number != expected) | (item.check != bench_mix(expected) + stages), 0))
        bench_fail("item %" PRIu64 " came where %" PRIu64 " was expected, check %" PRIx64, item.number, expected,
            item.check);
}

/// 20 µs at 3 GHz: a chain of dependent shifts that no compiler shortens. It is linear over XOR, so one call over the
/// XOR of all inputs gives the XOR of all results.
static inline uint64_t bench_work(uint64_t x) {
    for (int i = 0; i < BENCH_WORK_STEPS; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    return x;
}

static inline int64_t bench_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/// Sleeps to the next tick. A tick missed by more than an interval is not made up: no bursts.
static inline void bench_tick(int64_t *next, int64_t interval) {
    int64_t now = bench_now();
    *next = *next && now < *next + 2 * interval ? *next + interval : now + interval;
    struct timespec until = {(time_t)(*next / 1000000000), (long)(*next % 1000000000)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static inline void bench_busy(int64_t nanoseconds) {
    for (int64_t end = bench_now() + nanoseconds; bench_now() < end;) {}
}

static inline void bench_sleep(double seconds) {
    struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
}

/// Times from a stamp in the source to the sink, in nanoseconds.
typedef struct {
    int64_t *values;
    size_t count, room;
} BenchTimes;

static inline void bench_add_time(BenchTimes *times, int64_t value) {
    if (value < 0) bench_fail("an item arrived before it was stamped");
    if (times->count == times->room) {
        times->room = times->room ? 2 * times->room : 65536;
        times->values = (int64_t *)realloc(times->values, times->room * sizeof(int64_t));
        if (!times->values) abort();
    }
    times->values[times->count++] = value;
}

static inline int bench_compare(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static inline void bench_open_line(const BenchRun *run, uint64_t items, int64_t nanoseconds) {
    double seconds = 1e-9 * (double)nanoseconds;
    if (items == 0) bench_fail("nothing arrived");
    printf("{\"peer\":\"%s\",\"workload\":\"%s\",\"items\":%" PRIu64 ",\"seconds\":%.6f,\"rate\":%.1f", run->peer,
        run->workload, items, seconds, (double)items / seconds);
}

static inline void bench_add_percentiles(BenchTimes *times) {
    qsort(times->values, times->count, sizeof(int64_t), bench_compare);
    printf(",\"p50_us\":%.2f,\"p99_us\":%.2f", 1e-3 * (double)times->values[times->count / 2],
        1e-3 * (double)times->values[times->count * 99 / 100]);
}

static inline void bench_report(const BenchRun *run, uint64_t sent, uint64_t arrived, int64_t nanoseconds) {
    if (sent != arrived) bench_fail("%" PRIu64 " items sent, %" PRIu64 " arrived", sent, arrived);
    bench_open_line(run, arrived, nanoseconds);
    puts("}");
}

static inline void bench_report_latency(
    const BenchRun *run, uint64_t sent, uint64_t arrived, int64_t nanoseconds, BenchTimes *times) {
    if (sent != arrived) bench_fail("%" PRIu64 " items sent, %" PRIu64 " arrived", sent, arrived);
    bench_open_line(run, arrived, nanoseconds);
    bench_add_percentiles(times);
    puts("}");
}

/// What a sink that is too slow saw. The newest item is never the one dropped, so the gaps account for every drop.
typedef struct {
    uint64_t next, delivered, gaps;
    BenchTimes ages;
} BenchOverload;

static inline void bench_overloaded(BenchOverload *sink, uint64_t number, int64_t stamp) {
    int64_t now = bench_now();
    if (number < sink->next) bench_fail("item %" PRIu64 " came after %" PRIu64, number, sink->next - 1);
    sink->gaps += number - sink->next;
    sink->next = number + 1;
    sink->delivered++;
    bench_add_time(&sink->ages, now - stamp);
    bench_busy(1000000);
}

static inline void bench_report_overload(
    const BenchRun *run, uint64_t sent, uint64_t dropped, BenchOverload *sink, int64_t nanoseconds) {
    if (sink->next != sent || sink->gaps != dropped || sink->delivered + dropped != sent)
        bench_fail("%" PRIu64 " items sent, %" PRIu64 " delivered, %" PRIu64 " dropped, %" PRIu64 " missing", sent,
            sink->delivered, dropped, sink->gaps);
    bench_open_line(run, sink->delivered, nanoseconds);
    bench_add_percentiles(&sink->ages);
    printf(",\"dropped\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"offered\":%.1f}\n", dropped, sink->delivered,
        1e9 * (double)sent / (double)nanoseconds);
}

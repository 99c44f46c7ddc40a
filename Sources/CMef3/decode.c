#include "cpipe_mef.h"

#include <string.h>

enum { table_offset = 256 * 8 };

#if defined(__x86_64__)
#define V3 __attribute__((target("bmi,bmi2,lzcnt,movbe")))
#endif

#define INLINE static inline __attribute__((always_inline))

// The quotient of two 32-bit numbers in double precision is exact once it is cut to an integer: a fraction is at least
// 1/b away from the next one. On the processors measured it takes half the slots of the integer division.
INLINE uint32_t quotient(uint32_t a, uint32_t b) { return (uint32_t)(int64_t)((double)(int64_t)a / (double)(int64_t)b); }

struct state {
    uint32_t low, range;
    const uint8_t *source;
};

INLINE struct state start(const struct cpipe_mef_lane *lane) {
    return (struct state){lane->low, lane->range, lane->source};
}

INLINE void stop(struct cpipe_mef_lane *lane, struct state state, size_t count) {
    lane->low = state.low;
    lane->range = state.range;
    lane->source = state.source;
    lane->out = (uint8_t *)lane->out + count;
}

INLINE void step(struct state *state, const struct cpipe_mef_lane *lane, size_t index) {
    // Whole bytes are shifted in until the range is above 2^23; the window of `low` ends seven bits into a byte.
    uint32_t shift = (uint32_t)__builtin_clz(2 * state->range - 1) & 24;
    uint32_t word;
    memcpy(&word, state->source, 4);
    word = __builtin_bswap32(word) << 7;
    uint32_t low = (uint32_t)((((uint64_t)state->low << 32 | word) << shift) >> 32);
    uint32_t range = state->range << shift;
    state->source += shift >> 3;

    uint32_t unit = (uint32_t)(((unsigned __int128)range * lane->reciprocal) >> 64);
    // With the tables of a block the unit is at least 2^23 / 65280. The sum keeps a quotient by 0, which C does not
    // define, away from any others; it costs nothing that can be measured.
    uint32_t value = quotient(low, unit + (unit == 0));
    value = value < lane->last ? value : lane->last;
    uint8_t symbol = ((const uint8_t *)lane->model)[table_offset + value];

    // Sum and count in one word: neither product exceeds the range, so one multiplication does both.
    uint64_t pair;
    memcpy(&pair, (const uint8_t *)lane->model + 8 * (size_t)symbol, 8);
    pair *= unit;
    uint32_t below = (uint32_t)pair;
    uint32_t width = (uint32_t)(pair >> 32);
    uint32_t rest = range - below;
    state->low = low - below;
    // The last symbol also takes what the division left over. It is the step -1, as common as unpredictable: a branch
    // here costs a third of the speed.
    state->range = __builtin_expect_with_probability(symbol == 255, 1, 0.5) ? rest : width;
    ((uint8_t *)lane->out)[index] = symbol;
}

INLINE void one(struct cpipe_mef_lane *lane, size_t count) {
    struct state a = start(lane);
    for (size_t i = 0; i < count; i++) step(&a, lane, i);
    stop(lane, a, count);
}

INLINE void four(struct cpipe_mef_lane *lanes, size_t count) {
    struct state a = start(lanes), b = start(lanes + 1), c = start(lanes + 2), d = start(lanes + 3);
    for (size_t i = 0; i < count; i++) {
        step(&a, lanes, i);
        step(&b, lanes + 1, i);
        step(&c, lanes + 2, i);
        step(&d, lanes + 3, i);
    }
    stop(lanes, a, count);
    stop(lanes + 1, b, count);
    stop(lanes + 2, c, count);
    stop(lanes + 3, d, count);
}

#ifdef V3
V3 static void one_v3(struct cpipe_mef_lane *lane, size_t count) { one(lane, count); }
V3 static void four_v3(struct cpipe_mef_lane *lanes, size_t count) { four(lanes, count); }

static int has_v3(void) {
    return __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("lzcnt")
        && __builtin_cpu_supports("movbe");
}
#endif

void cpipe_mef_run_one(struct cpipe_mef_lane *lane, size_t count) {
#ifdef V3
    if (has_v3()) {
        one_v3(lane, count);
        return;
    }
#endif
    one(lane, count);
}

void cpipe_mef_run_four(struct cpipe_mef_lane lanes[4], size_t count) {
#ifdef V3
    if (has_v3()) {
        four_v3(lanes, count);
        return;
    }
#endif
    four(lanes, count);
}

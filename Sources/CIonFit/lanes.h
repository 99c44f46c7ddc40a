// Sixteen numbers at a time, in the vector extension of the compiler: one text for every processor.
#ifndef LANES_H
#define LANES_H

// Vectors wider than the oldest processor has are only handed to functions that are inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#include <string.h>

#include "cpipe_ion.h"

// What chooses between the variants runs before the thread sanitizer has begun, which it does not survive.
#if defined(__x86_64__) && !__has_feature(thread_sanitizer)
#define FAST __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define FAST
#endif
#define INLINE static inline __attribute__((always_inline))

typedef float lanes __attribute__((vector_size(64)));
typedef int32_t marks __attribute__((vector_size(64)));

INLINE lanes load(const float *from) {
    lanes value;
    memcpy(&value, from, sizeof value);
    return value;
}

INLINE void store(float *to, lanes value) { memcpy(to, &value, sizeof value); }

INLINE lanes all(float value) { return value - (lanes){}; }

INLINE lanes choose(marks where, lanes yes, lanes no) { return (lanes)(((marks)yes & where) | ((marks)no & ~where)); }

INLINE lanes larger(lanes a, lanes b) { return choose(a > b, a, b); }

INLINE marks below(int count) {
    const marks order = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return order < count;
}

INLINE float sum(lanes value) {
    float total = 0;
    for (int lane = 0; lane < 16; lane++) total += value[lane];
    return total;
}

// e^x for x <= 0, to 2e-7 of its value.
INLINE lanes exponential(lanes x) {
    x = larger(x, all(-87));
    lanes turns = x * 1.44269504f;
    // Adding and subtracting 1.5 * 2^23 rounds to a whole number.
    lanes whole = (turns + 12582912.0f) - 12582912.0f;
    lanes rest = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    lanes value = all(1.9875691500e-4f);
    value = value * rest + 1.3981999507e-3f;
    value = value * rest + 8.3334519073e-3f;
    value = value * rest + 4.1665795894e-2f;
    value = value * rest + 1.6666665459e-1f;
    value = value * rest + 5.0000001201e-1f;
    value = value * rest * rest + rest + 1;
    marks power = (__builtin_convertvector(whole, marks) + 127) << 23;
    return value * (lanes)power;
}

INLINE int padded(int count) { return (count + 15) & ~15; }

#endif

#include "lanes.h"

struct normal {
    lanes density, below;
};

// The normal distribution, to 1e-7: Abramowitz and Stegun 26.2.17, which shares its exponential with the density.
INLINE struct normal normal(lanes u) {
    lanes size = larger(u, -u);
    lanes density = exponential(-0.5f * u * u) * 0.398942280f;
    lanes t = 1 / (1 + 0.2316419f * size);
    lanes tail = all(1.330274429f);
    tail = tail * t - 1.821255978f;
    tail = tail * t + 1.781477937f;
    tail = tail * t - 0.356563782f;
    tail = tail * t + 0.319381530f;
    tail = tail * t * density;
    return (struct normal){density, choose(u > 0, 1 - tail, tail)};
}

enum { edges = cpipe_ion_longest + 2 * cpipe_ion_lanes };

INLINE void edge_places(float *places, int count, float first) {
    for (int at = 0; at < edges && at <= padded(count + 1); at++) places[at] = first + (float)at - 0.5f;
}

INLINE void differences(float *out, const float *edge, int count, float scale) {
    for (int at = 0; at < padded(count); at += 16) {
        lanes step = (load(edge + at + 1) - load(edge + at)) * scale;
        store(out + at, choose(below(count - at), step, all(0)));
    }
}

FAST void cpipe_ion_fill_across(struct cpipe_ion_across *out, int count, float first, float centre, float width) {
    float place[edges], share[edges], slope[edges], turn[edges];
    edge_places(place, count, first - centre);
    float inverse = 1 / width;
    for (int at = 0; at <= count; at += 16) {
        lanes u = load(place + at) * inverse;
        struct normal value = normal(u);
        store(share + at, value.below);
        store(slope + at, value.density);
        store(turn + at, u * value.density);
    }
    differences(out->share, share, count, 1);
    differences(out->centre, slope, count, -inverse);
    differences(out->width, turn, count, -inverse);
}

// cos((k + 1/2) pi / n) for the first half of the phases: the second half is its mirror image.
INLINE float cosine(int phase, int phases) {
    float angle = ((float)phase + 0.5f) * 3.14159265f / (float)phases;
    // sin of the angle from the quarter turn, within [0, pi/2]: the series to x^11 is exact to a float.
    float x = 1.57079633f - angle, square = x * x;
    float series = -2.50521084e-8f;
    series = series * square + 2.75573192e-6f;
    series = series * square - 1.98412698e-4f;
    series = series * square + 8.33333333e-3f;
    series = series * square - 1.66666667e-1f;
    return x * (series * square + 1);
}

FAST void cpipe_ion_fill_along(struct cpipe_ion_along *out, int count, float first, float centre, float width, float square) {
    float place[edges], share[edges], slope[edges], turn[edges], bend[edges];
    edge_places(place, count, first - centre);
    float inverse = 1 / width, amplitude = __builtin_sqrtf(square);
    // The midpoint rule converges exponentially; an even count has its mirror phases paired.
    int half = amplitude * inverse < 1e-3f ? 1 : (int)(1.1f * amplitude * inverse) + 2;
    half = half < 64 ? half : 64;
    float cosines[64];
    for (int phase = 0; phase < half; phase++) cosines[phase] = cosine(phase, 2 * half);
    for (int at = 0; at <= count; at += 16) {
        lanes position = load(place + at) * inverse;
        lanes shares = all(0), slopes = all(0), turns = all(0), bends = all(0);
        for (int phase = 0; phase < half; phase++) {
            float shift = amplitude * inverse * cosines[phase], sine = 1 - cosines[phase] * cosines[phase];
            lanes u = position - shift, v = position + shift;
            struct normal lower = normal(u), upper = normal(v);
            lanes both = u * lower.density + v * upper.density;
            shares += lower.below + upper.below;
            slopes += lower.density + upper.density;
            turns += both;
            bends += both * sine;
        }
        store(share + at, shares);
        store(slope + at, slopes);
        store(turn + at, turns);
        store(bend + at, bends);
    }
    float mean = 0.5f / (float)half;
    differences(out->share, share, count, mean);
    differences(out->centre, slope, count, -mean * inverse);
    differences(out->width, turn, count, -mean * inverse);
    // By parts over the phase, d/dR / 2R has no singularity at rest.
    differences(out->square, bend, count, -0.5f * mean * inverse * inverse);
}

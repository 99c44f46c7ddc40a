#include "lanes.h"

// One loop for both depths: the type is known where this is inlined.
#define CONVERT(type)                                                         \
    for (int at = 0; at < columns; at++) {                                    \
        int count = ((const type *)counts)[(size_t)row * stride + (size_t)at]; \
        out[at] = ((float)count - offset) * scale;                            \
        clipped += count >= most;                                             \
    }

FAST int cpipe_ion_photons(const void *counts, int depth, size_t stride, int columns, int rows, float offset, float scale,
                           int most, float *photons, size_t wide) {
    int clipped = 0;
    for (int row = 0; row < rows; row++) {
        float *out = photons + (size_t)row * wide;
        if (depth == 8) {
            CONVERT(uint8_t)
        } else {
            CONVERT(uint16_t)
        }
    }
    return clipped;
}

FAST void cpipe_ion_add(float *model, size_t wide, int columns, int rows, const struct cpipe_ion_across *x,
                        const struct cpipe_ion_along *y, float light) {
    for (int row = 0; row < rows; row++) {
        float *out = model + (size_t)row * wide, height = y->share[row] * light;
        for (int at = 0; at < columns; at++) out[at] += x->share[at] * height;
    }
}

FAST void cpipe_ion_plane(float *model, size_t wide, int columns, int rows, float level, float across, float along) {
    for (int row = 0; row < rows; row++) {
        float *out = model + (size_t)row * wide, start = level + along * ((float)row - 0.5f * (float)(rows - 1));
        for (int at = 0; at < columns; at++) out[at] = start + across * ((float)at - 0.5f * (float)(columns - 1));
    }
}

FAST void cpipe_ion_plane_sums(double out[9], const struct cpipe_ion_window *w, int step) {
    const lanes order = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    memset(out, 0, 9 * sizeof *out);
    for (int row = 0; row < w->rows; row += step) {
        lanes weights = all(0), first = all(0), second = all(0), pulls = all(0), slope = all(0);
        for (int at = 0; at < w->columns; at += 16) {
            lanes measured = load(w->photons + (size_t)row * w->wide + at);
            lanes expected = load(w->model + (size_t)row * w->wide + at);
            marks counts = below(w->columns - at) & (measured < w->ceiling);
            lanes weight = choose(counts, 1 / larger(expected + w->noise, all(1e-3f)), all(0));
            lanes pull = choose(counts, measured - expected, all(0)) * weight;
            lanes x = order + ((float)at - 0.5f * (float)(w->columns - 1));
            weights += weight, first += weight * x, second += weight * x * x;
            pulls += pull, slope += pull * x;
        }
        double y = row - 0.5 * (w->rows - 1), weight = sum(weights), x = sum(first), pull = sum(pulls);
        double terms[9] = {weight, x, weight * y, sum(second), x * y, weight * y * y, pull, sum(slope), pull * y};
        for (int n = 0; n < 9; n++) out[n] += terms[n];
    }
}

FAST void cpipe_ion_pairs(const struct cpipe_ion_window *w, float *difference, float *variance, size_t wide) {
    for (int row = 0; row < w->rows / 2; row++) {
        const float *p = w->photons + 2 * (size_t)row * w->wide, *m = w->model + 2 * (size_t)row * w->wide;
        float *d = difference + (size_t)row * wide, *v = variance + (size_t)row * wide;
        for (int at = 0; at < w->columns / 2; at++) {
            float light = m[2 * at] + m[2 * at + 1] + m[w->wide + 2 * at] + m[w->wide + 2 * at + 1];
            d[at] = p[2 * at] + p[2 * at + 1] + p[w->wide + 2 * at] + p[w->wide + 2 * at + 1] - light;
            v[at] = light + 4 * w->noise;
        }
    }
}

FAST void cpipe_ion_pairs_again(const float *difference, const float *variance, size_t wide, int columns, int rows,
                                float *out, float *out_variance, size_t out_wide) {
    for (int row = 0; row < rows; row++) {
        const float *d = difference + 2 * (size_t)row * wide, *v = variance + 2 * (size_t)row * wide;
        for (int at = 0; at < columns; at++) {
            size_t to = (size_t)row * out_wide + (size_t)at;
            out[to] = d[2 * at] + d[2 * at + 1] + d[wide + 2 * at] + d[wide + 2 * at + 1];
            out_variance[to] = v[2 * at] + v[2 * at + 1] + v[wide + 2 * at] + v[wide + 2 * at + 1];
        }
    }
}

FAST void cpipe_ion_weigh(float *difference, float *variance, size_t count) {
    for (size_t at = 0; at < count; at++) {
        float weight = 1 / (variance[at] > 4e-3f ? variance[at] : 4e-3f);
        difference[at] *= weight;
        variance[at] = weight;
    }
}

FAST void cpipe_ion_filter_rows(const float *in, float *out, size_t wide, int columns, int rows, const float *taps, int reach) {
    for (int row = 0; row < rows; row++) {
        const float *from = in + (size_t)row * wide;
        for (int at = 0; at < columns; at += 16) {
            lanes total = taps[reach] * load(from + at);
            // Every kernel here is its own mirror image.
            for (int tap = 1; tap <= reach; tap++)
                total += taps[reach + tap] * (load(from + at - tap) + load(from + at + tap));
            store(out + (size_t)row * wide + at, choose(below(columns - at), total, all(0)));
        }
    }
}

FAST void cpipe_ion_filter_columns(const float *in, float *out, size_t wide, int columns, int rows, const float *taps,
                                   int reach) {
    for (int row = 0; row < rows; row++) {
        const float *from = in + (size_t)row * wide;
        for (int at = 0; at < columns; at += 16) {
            lanes total = taps[reach] * load(from + at);
            for (int tap = 1; tap <= reach; tap++) {
                const float *up = from + at - (size_t)tap * wide, *down = from + at + (size_t)tap * wide;
                total += taps[reach + tap] * (load(up) + load(down));
            }
            store(out + (size_t)row * wide + at, choose(below(columns - at), total, all(0)));
        }
    }
}

FAST void cpipe_ion_significance(const float *response, const float *information, float scale, float *out,
                                 size_t wide, int columns, int rows, float *largest) {
    for (int row = 0; row < rows; row++) {
        lanes most = all(0);
        for (int at = 0; at < columns; at += 16) {
            lanes known = larger(load(information + (size_t)row * wide + at) * scale, all(1e-20f));
            lanes value = load(response + (size_t)row * wide + at) / __builtin_elementwise_sqrt(known);
            value = choose(below(columns - at), value, all(0));
            store(out + (size_t)row * wide + at, value);
            most = larger(most, value);
        }
        float best = 0;
        for (int lane = 0; lane < 16; lane++) best = most[lane] > best ? most[lane] : best;
        largest[row] = best;
    }
}

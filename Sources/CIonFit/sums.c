#include "lanes.h"

// Eight at a time here: the sums of a column then have room in the registers of most processors.
typedef float eight __attribute__((vector_size(32)));
typedef int32_t eight_marks __attribute__((vector_size(32)));

INLINE eight load8(const float *from) {
    eight value;
    memcpy(&value, from, sizeof value);
    return value;
}

INLINE eight choose8(eight_marks where, eight yes) { return (eight)((eight_marks)yes & where); }

INLINE float sum8(eight value) {
    float total = 0;
    for (int lane = 0; lane < 8; lane++) total += value[lane];
    return total;
}

// Products of the factors along, row by row: share, centre, width, square.
enum { factors = 4, products = 10 };

struct row {
    float product[products], factor[factors];
};

INLINE struct row row_of(const struct cpipe_ion_along *y, int at) {
    struct row row = {.factor = {y->share[at], y->centre[at], y->width[at], y->square[at]}};
    int next = 0;
    for (int a = 0; a < factors; a++)
        for (int b = a; b < factors; b++) row.product[next++] = row.factor[a] * row.factor[b];
    return row;
}

struct columns {
    eight product[products], factor[factors], chi, pixels;
};

// Eight columns, over all rows: the factors across are applied once, by the caller.
INLINE struct columns gather(const struct cpipe_ion_window *w, const struct row *rows, eight across, int at) {
    const eight_marks order = {0, 1, 2, 3, 4, 5, 6, 7};
    struct columns sums = {};
    eight_marks inside = order < w->columns - at;
    const float *photons = w->photons + at, *model = w->model + at;
    for (int y = 0; y < w->rows; y++, photons += w->wide, model += w->wide) {
        const struct row *row = rows + y;
        eight measured = load8(photons), expected = load8(model) + across * row->factor[0];
        eight variance = expected + w->noise, least = (eight){} + 1e-3f;
        variance = (eight)(((eight_marks)variance & (variance > least)) | ((eight_marks)least & ~(variance > least)));
        eight_marks counts = inside & (measured < w->ceiling);
        eight weight = choose8(counts, 1 / variance), rest = choose8(counts, measured - expected), pull = rest * weight;
        for (int n = 0; n < products; n++) sums.product[n] += weight * row->product[n];
        for (int n = 0; n < factors; n++) sums.factor[n] += pull * row->factor[n];
        sums.chi += rest * pull;
        sums.pixels += choose8(counts, (eight){} + 1);
    }
    return sums;
}

FAST void cpipe_ion_gather(struct cpipe_ion_sums *out, const struct cpipe_ion_window *window, const struct cpipe_ion_across *x,
                           const struct cpipe_ion_along *y, float light) {
    struct row rows[cpipe_ion_longest];
    for (int at = 0; at < window->rows; at++) rows[at] = row_of(y, at);
    memset(out, 0, sizeof *out);
    for (int at = 0; at < window->columns; at += 8) {
        eight share = load8(x->share + at), centre = light * load8(x->centre + at), width = light * load8(x->width + at);
        eight whole = light * share;
        struct columns s = gather(window, rows, whole, at);
        const eight *p = s.product, *f = s.factor;
        // p: 0 = share^2, 1 = share centre, 2 = share width, 3 = share square, 4 = centre^2, 5 = centre width,
        // 6 = centre square, 7 = width^2, 8 = width square, 9 = square^2.
        const eight values[15] = {
            centre * centre * p[0],
            centre * whole * p[1],
            centre * (whole * p[2] + width * p[0]),
            centre * whole * p[3],
            centre * share * p[0],
            whole * whole * p[4],
            whole * (whole * p[5] + width * p[1]),
            whole * whole * p[6],
            whole * share * p[1],
            whole * whole * p[7] + 2 * whole * width * p[2] + width * width * p[0],
            whole * (whole * p[8] + width * p[3]),
            share * (whole * p[2] + width * p[0]),
            whole * whole * p[9],
            whole * share * p[3],
            share * share * p[0],
        };
        const eight slopes[5] = {centre * f[0], whole * f[1], whole * f[2] + width * f[0], whole * f[3], share * f[0]};
        for (int n = 0; n < 15; n++) out->fisher[n] += sum8(values[n]);
        for (int n = 0; n < 5; n++) out->gradient[n] += sum8(slopes[n]);
        out->chi += sum8(s.chi);
        out->pixels += sum8(s.pixels);
    }
}

// A parameter is a factor across times a factor along; the width has two such terms.
struct term {
    lanes across;
    int along, parameter;
};

INLINE void terms_of(struct term terms[6], const struct cpipe_ion_part *ion, int at) {
    lanes share = load(ion->x->share + ion->column + at), whole = share * ion->light;
    lanes centre = load(ion->x->centre + ion->column + at) * ion->light;
    lanes width = load(ion->x->width + ion->column + at) * ion->light;
    const struct term all[6] = {{centre, 0, 0}, {whole, 1, 1}, {whole, 2, 2}, {width, 0, 2}, {whole, 3, 3}, {share, 0, 4}};
    memcpy(terms, all, sizeof all);
}

INLINE void along_of(float factors[4], const struct cpipe_ion_part *ion, int row) {
    const struct cpipe_ion_along *y = ion->y;
    row += ion->row;
    factors[0] = y->share[row], factors[1] = y->centre[row], factors[2] = y->width[row], factors[3] = y->square[row];
}

FAST void cpipe_ion_cross(double out[25], const struct cpipe_ion_window *window, const struct cpipe_ion_part *one,
                          const struct cpipe_ion_part *other) {
    memset(out, 0, 25 * sizeof *out);
    for (int at = 0; at < window->columns; at += 16) {
        lanes product[4][4] = {};
        marks inside = below(window->columns - at);
        for (int row = 0; row < window->rows; row++) {
            lanes measured = load(window->photons + (size_t)row * window->wide + at);
            lanes variance = larger(load(window->model + (size_t)row * window->wide + at) + window->noise, all(1e-3f));
            lanes weight = choose(inside & (measured < window->ceiling), 1 / variance, all(0));
            float a[4], b[4];
            along_of(a, one, row);
            along_of(b, other, row);
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 4; j++) product[i][j] += weight * (a[i] * b[j]);
        }
        struct term mine[6], theirs[6];
        terms_of(mine, one, at);
        terms_of(theirs, other, at);
        for (int i = 0; i < 6; i++)
            for (int j = 0; j < 6; j++)
                out[mine[i].parameter * 5 + theirs[j].parameter] +=
                    sum(mine[i].across * theirs[j].across * product[mine[i].along][theirs[j].along]);
    }
}

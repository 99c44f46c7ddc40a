#include "lanes.h"

// Products of the factors along, row by row: 1, share, centre, width, square.
enum { products = 15, factors = 5 };

struct row {
    float product[products], factor[factors];
};

INLINE struct row row_of(const struct cpipe_ion_along *y, int at) {
    struct row row = {.factor = {1, y->share[at], y->centre[at], y->width[at], y->square[at]}};
    int next = 0;
    for (int a = 0; a < factors; a++)
        for (int b = a; b < factors; b++) row.product[next++] = row.factor[a] * row.factor[b];
    return row;
}

struct columns {
    lanes product[products], factor[factors], chi, pixels;
};

// One vector of columns, over all rows: the factors across are applied once, by the caller.
INLINE struct columns gather(const struct cpipe_ion_window *w, const struct row *rows, lanes across, int at,
                             float background) {
    struct columns sums = {};
    marks inside = below(w->columns - at);
    for (int y = 0; y < w->rows; y++) {
        const struct row *row = rows + y;
        lanes measured = load(w->photons + (size_t)y * w->wide + at);
        lanes expected = load(w->model + (size_t)y * w->wide + at) + background + across * row->factor[1];
        lanes variance = larger(expected + w->noise, all(1e-3f));
        marks counts = inside & (measured < w->ceiling);
        lanes weight = choose(counts, 1 / variance, all(0));
        lanes rest = choose(counts, measured - expected, all(0)), pull = rest * weight;
        for (int n = 0; n < products; n++) sums.product[n] += weight * row->product[n];
        for (int n = 0; n < factors; n++) sums.factor[n] += pull * row->factor[n];
        sums.chi += rest * pull;
        sums.pixels += choose(counts, all(1), all(0));
    }
    return sums;
}

FAST void cpipe_ion_gather(struct cpipe_ion_sums *out, const struct cpipe_ion_window *window, const struct cpipe_ion_across *x,
                         const struct cpipe_ion_along *y, float light, float background) {
    struct row rows[cpipe_ion_longest];
    for (int at = 0; at < window->rows; at++) rows[at] = row_of(y, at);
    memset(out, 0, sizeof *out);
    for (int at = 0; at < window->columns; at += 16) {
        lanes share = load(x->share + at), centre = light * load(x->centre + at), width = light * load(x->width + at);
        lanes whole = light * share;
        struct columns s = gather(window, rows, whole, at, background);
        const lanes *p = s.product, *f = s.factor;
        // p: 0 = 1·1, 1 = 1·share, 2 = 1·centre, 3 = 1·width, 4 = 1·square, 5 = share·share, 6 = share·centre,
        // 7 = share·width, 8 = share·square, 9 = centre·centre, 10, 11, 12 = width·width, 13, 14 = square·square.
        lanes values[21] = {
            centre * centre * p[5],
            centre * whole * p[6],
            centre * (whole * p[7] + width * p[5]),
            centre * whole * p[8],
            centre * share * p[5],
            centre * p[1],
            whole * whole * p[9],
            whole * (whole * p[10] + width * p[6]),
            whole * whole * p[11],
            whole * share * p[6],
            whole * p[2],
            whole * whole * p[12] + 2 * whole * width * p[7] + width * width * p[5],
            whole * (whole * p[13] + width * p[8]),
            share * (whole * p[7] + width * p[5]),
            whole * p[3] + width * p[1],
            whole * whole * p[14],
            whole * share * p[8],
            whole * p[4],
            share * share * p[5],
            share * p[1],
            p[0],
        };
        lanes slopes[6] = {centre * f[1], whole * f[2], whole * f[3] + width * f[1], whole * f[4], share * f[1], f[0]};
        for (int n = 0; n < 21; n++) out->fisher[n] += sum(values[n]);
        for (int n = 0; n < 6; n++) out->gradient[n] += sum(slopes[n]);
        out->chi += sum(s.chi);
        out->pixels += sum(s.pixels);
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

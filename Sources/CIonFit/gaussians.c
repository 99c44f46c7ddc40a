#include "lanes.h"

// What the caller hands over.
struct fits {
    float *rows;
    const float *values;
    int count;
};

INLINE lanes row(const struct fits *fits, int at) { return load(fits->rows + 16 * at); }

// The parameters of sixteen Gaussians, or a step of them.
struct shape {
    lanes centre, width, height, offset;
};

// What an evaluation gathers. With s = (u - centre) / width and e = exp(-s^2 / 2) the normal equations of all four
// parameters are made of these sums: e and e^2 times powers of s, and what is left over times e and powers of s.
struct moments {
    lanes e, es, ess, ee, ees, eess, eesss, eessss;
    lanes rest, rest_e, rest_es, rest_ess, square;
};

INLINE struct moments moments_at(const struct fits *fits, const struct shape *at) {
    struct moments m = {};
    lanes inverse = 1 / at->width, place = all(0) - row(fits, cpipe_ion_middle) - at->centre, length = row(fits, cpipe_ion_length);
    for (int n = 0; n < fits->count; n++) {
        lanes s = (place + (float)n) * inverse;
        marks counts = all((float)n) < length;
        lanes e = choose(counts, exponential(-0.5f * s * s), all(0));
        lanes es = e * s, ess = es * s;
        lanes rest = choose(counts, load(fits->values + 16 * (size_t)n) - at->offset - at->height * e, all(0));
        m.e += e, m.es += es, m.ess += ess;
        m.ee += e * e, m.ees += e * es, m.eess += es * es, m.eesss += es * ess, m.eessss += ess * ess;
        m.rest += rest, m.rest_e += rest * e, m.rest_es += rest * es, m.rest_ess += rest * ess;
        m.square += rest * rest;
    }
    return m;
}

// The lower triangle of the normal equations by rows. Centre and width are counted in units of width / height: the
// matrix then does not know the height, and stays regular where there is none.
struct matrix {
    lanes cell[4][4];
};

INLINE struct matrix matrix_of(const struct moments *m, lanes length) {
    return (struct matrix){{{m->eess}, {m->eesss, m->eessss}, {m->ees, m->eess, m->ee}, {m->es, m->ess, m->e, length}}};
}

// Cholesky's factor, its diagonal inverted. Rounding may not make a pivot negative: it keeps a trace of the diagonal.
INLINE void factor(struct matrix *a) {
    for (int column = 0; column < 4; column++) {
        lanes pivot = a->cell[column][column], least = larger(1e-6f * pivot, all(1e-30f));
        for (int k = 0; k < column; k++) pivot -= a->cell[column][k] * a->cell[column][k];
        lanes inverse = 1 / __builtin_elementwise_sqrt(larger(pivot, least));
        a->cell[column][column] = inverse;
        for (int row = column + 1; row < 4; row++) {
            lanes value = a->cell[row][column];
            for (int k = 0; k < column; k++) value -= a->cell[row][k] * a->cell[column][k];
            a->cell[row][column] = value * inverse;
        }
    }
}

INLINE void solve(const struct matrix *a, lanes x[4]) {
    for (int row = 0; row < 4; row++) {
        for (int k = 0; k < row; k++) x[row] -= a->cell[row][k] * x[k];
        x[row] *= a->cell[row][row];
    }
    for (int row = 3; row >= 0; row--) {
        for (int k = row + 1; k < 4; k++) x[row] -= a->cell[k][row] * x[k];
        x[row] *= a->cell[row][row];
    }
}

// Parameters at a bound whose slope points beyond it do not move.
INLINE void hold(struct matrix *a, lanes x[4], int n, marks held) {
    for (int k = 0; k < n; k++) a->cell[n][k] = choose(held, all(0), a->cell[n][k]);
    for (int k = n + 1; k < 4; k++) a->cell[k][n] = choose(held, all(0), a->cell[k][n]);
    a->cell[n][n] = choose(held, all(1), a->cell[n][n]);
    x[n] = choose(held, all(0), x[n]);
}

INLINE lanes within(const struct fits *fits, lanes value, int n) {
    lanes low = row(fits, cpipe_ion_lower + n), high = row(fits, cpipe_ion_upper + n);
    value = choose(value > low, value, low);  // also what is not a number
    return choose(value < high, value, high);
}

INLINE struct shape limited(const struct fits *fits, struct shape at) {
    return (struct shape){
        within(fits, at.centre, 0),
        within(fits, at.width, 1),
        within(fits, at.height, 2),
        within(fits, at.offset, 3),
    };
}

INLINE int any(marks where) {
    int32_t found = 0;
    for (int lane = 0; lane < 16; lane++) found |= where[lane];
    return found != 0;
}

INLINE lanes unit_of(const struct shape *at) { return at->width / larger(at->height, all(1e-6f)); }

// Where Levenberg and Marquardt would go, and how much of the square that should take away.
INLINE struct shape step(const struct fits *fits, const struct shape *at, const struct moments *m, lanes damping,
                         lanes *expected) {
    struct matrix a = matrix_of(m, row(fits, cpipe_ion_length));
    lanes slope[4] = {m->rest_es, m->rest_ess, m->rest_e, m->rest};
    lanes x[4] = {slope[0], slope[1], slope[2], slope[3]};
    const lanes *values[4] = {&at->centre, &at->width, &at->height, &at->offset};
    for (int n = 0; n < 4; n++) {
        a.cell[n][n] *= 1 + damping;
        marks below = (*values[n] <= row(fits, cpipe_ion_lower + n)) & (slope[n] < all(0));
        marks above = (*values[n] >= row(fits, cpipe_ion_upper + n)) & (slope[n] > all(0));
        hold(&a, x, n, below | above);
    }
    factor(&a);
    solve(&a, x);
    *expected = x[0] * slope[0] + x[1] * slope[1] + x[2] * slope[2] + x[3] * slope[3];
    lanes unit = unit_of(at);
    return (struct shape){at->centre + x[0] * unit, at->width + x[1] * unit, at->height + x[2], at->offset + x[3]};
}

INLINE void take(lanes *to, const lanes *from, size_t size, marks where) {
    for (size_t n = 0; n < size / sizeof(lanes); n++) to[n] = choose(where, from[n], to[n]);
}

FAST void cpipe_ion_fit_gaussians(float *rows, const float *values, int count) {
    const struct fits all_fits = {rows, values, count}, *fits = &all_fits;
    struct shape at = {row(fits, cpipe_ion_at), row(fits, cpipe_ion_at + 1), row(fits, cpipe_ion_at + 2),
                       row(fits, cpipe_ion_at + 3)};
    at = limited(fits, at);
    struct moments here = moments_at(fits, &at);
    lanes damping = all(1e-3f);
    marks settled = {}, moving = row(fits, cpipe_ion_length) > all(4);
    for (int round = 0; round < 60 && any(moving); round++) {
        lanes expected;
        struct shape wanted = limited(fits, step(fits, &at, &here, damping, &expected));
        struct moments there = moments_at(fits, &wanted);
        marks better = moving & (there.square <= here.square);
        // What is still to be won is less than single precision tells, or than anybody asks.
        marks small = moving & (expected <= 1e-5f * here.square + all(1e-12f));
        take(&at.centre, &wanted.centre, sizeof at, better);
        take(&here.e, &there.e, sizeof here, better);
        settled |= small;
        damping = choose(better, larger(damping * 0.15f, all(1e-7f)), damping * 8);
        moving &= ~small & (damping < all(1e9f));
    }
    struct matrix a = matrix_of(&here, row(fits, cpipe_ion_length));
    factor(&a);
    lanes unit = unit_of(&at);
    for (int n = 0; n < 4; n++) {
        lanes x[4] = {};
        x[n] = all(1);
        solve(&a, x);
        store(rows + 16 * (cpipe_ion_inverse + n), n < 2 ? x[n] * unit * unit : x[n]);
    }
    const lanes ends[4] = {at.centre, at.width, at.height, at.offset};
    for (int n = 0; n < 4; n++) store(rows + 16 * (cpipe_ion_at + n), ends[n]);
    store(rows + 16 * cpipe_ion_square, here.square);
    store(rows + 16 * cpipe_ion_settled, choose(settled, all(1), all(0)));
}

#include "lanes.h"

// The sums of a straight line through squares of residuals, each with the weight 1 / variance^2 that its own spread asks for.
struct line {
    lanes weight, apart, square, rest, rest_apart, bright_rest, bright_apart, bright;
};

INLINE void add_square(struct line *line, lanes rest, lanes apart, const struct cpipe_ion_line *guess, marks counts) {
    lanes variance = larger(guess->floor + guess->slope * apart, all(0.25f * guess->floor));
    lanes square = rest * rest;
    // Ions that are not known yet, hot pixels: the tail beyond so many standard deviations is not the camera's.
    counts &= square < guess->clip * guess->clip * variance;
    lanes inverse = choose(counts, 1 / variance, all(0)), weight = inverse * inverse;
    lanes told = weight * square, told_apart = told * apart;
    line->weight += weight, line->apart += weight * apart, line->square += weight * apart * apart;
    line->rest += told, line->rest_apart += told_apart;
    marks bright = counts & (apart > guess->bright);
    line->bright_rest += choose(bright, told, all(0)), line->bright_apart += choose(bright, told_apart, all(0));
    line->bright += choose(bright, all(1), all(0));
}

INLINE void add_line(double out[8], const struct line *line) {
    const lanes terms[8] = {line->weight,     line->apart,       line->square,       line->rest,
                            line->rest_apart, line->bright_rest, line->bright_apart, line->bright};
    for (int n = 0; n < 8; n++) out[n] += sum(terms[n]);
}

FAST void cpipe_ion_rough_noise(double out[8], const struct cpipe_ion_window *w, const struct cpipe_ion_line *guess, int step) {
    memset(out, 0, 8 * sizeof *out);
    for (int row = 1; row < w->rows - 1; row += step) {
        struct line line = {};
        const float *here = w->photons + (size_t)row * w->wide, *above = here - w->wide, *below_it = here + w->wide;
        for (int at = 1; at < w->columns - 1; at += 16) {
            lanes middle = load(here + at), corners = all(0), sides = all(0), most = middle;
            const lanes corner[4] = {load(above + at - 1), load(above + at + 1), load(below_it + at - 1), load(below_it + at + 1)};
            const lanes side[4] = {load(above + at), load(below_it + at), load(here + at - 1), load(here + at + 1)};
            for (int n = 0; n < 4; n++) {
                corners += corner[n], sides += side[n];
                most = larger(most, larger(corner[n], side[n]));
            }
            // Planes and what is bent one way only leave nothing here; the squares of the taps add up to 36.
            lanes rest = (4 * middle - 2 * sides + corners) * (1.0f / 6);
            lanes mean = (middle + sides + corners) * (1.0f / 9);
            add_square(&line, rest, mean - guess->level, guess, below(w->columns - 1 - at) & (most < w->ceiling));
        }
        add_line(out, &line);
    }
}

FAST void cpipe_ion_noise(double out[8], const struct cpipe_ion_window *w, const struct cpipe_ion_line *guess, int step) {
    memset(out, 0, 8 * sizeof *out);
    for (int row = 0; row < w->rows; row += step) {
        struct line line = {};
        for (int at = 0; at < w->columns; at += 16) {
            lanes measured = load(w->photons + (size_t)row * w->wide + at);
            lanes expected = load(w->model + (size_t)row * w->wide + at);
            marks counts = below(w->columns - at) & (measured < w->ceiling);
            add_square(&line, measured - expected, expected - guess->level, guess, counts);
        }
        add_line(out, &line);
    }
}

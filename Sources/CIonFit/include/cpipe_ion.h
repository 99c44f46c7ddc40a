// The inner loops of the ion fit, sixteen pixels at a time.
//
// They are C because Swift compiles a function for one processor only: here each is compiled for three, and the best
// one is bound when the program is loaded. Nothing is allocated or kept, every pointer is the caller's, and nothing
// can fail: sizes are the caller's promise. The header can go when Swift can choose a function by processor.
//
// A row of pixels may be read up to 15 values beyond its end: what is there does not count, but has to be memory.
#ifndef CPIPE_ION_H
#define CPIPE_ION_H

#include <stddef.h>
#include <stdint.h>

enum {
    cpipe_ion_lanes = 16,
    // The widest and the highest window of an ion, in whole vectors.
    cpipe_ion_longest = 160,
    cpipe_ion_room = cpipe_ion_longest + cpipe_ion_lanes,
};

// Photons of each pixel: (count - offset) * scale. `depth` is 8 or 16 bit, `stride` and `wide` count values of a row.
// Returns how many counts are `most` or more.
int cpipe_ion_photons(const void *counts, int depth, size_t stride, int columns, int rows, float offset, float scale,
                      int most, float *photons, size_t wide);

// An ion across: the share of its light in each of `count` columns from `first` on, and the derivatives by centre and
// width. Beyond `count` they are 0, up to the next whole vector.
struct cpipe_ion_across {
    float share[cpipe_ion_room], centre[cpipe_ion_room], width[cpipe_ion_room];
};
void cpipe_ion_fill_across(struct cpipe_ion_across *out, int count, float first, float centre, float width);

// An ion along: the same for rows, averaged over the phase of an oscillation whose squared amplitude is `square`.
struct cpipe_ion_along {
    float share[cpipe_ion_room], centre[cpipe_ion_room], width[cpipe_ion_room], square[cpipe_ion_room];
};
void cpipe_ion_fill_along(struct cpipe_ion_along *out, int count, float first, float centre, float width, float square);

// A window of a frame: `photons` are what was measured, `model` what is expected without the ion, `wide` apart.
struct cpipe_ion_window {
    const float *photons, *model;
    size_t wide;
    int columns, rows;
    // The variance that does not come from light, and from where on a pixel is clipped and says nothing.
    float noise, ceiling;
};

// Sums over a window, for x, y, width, squared amplitude and light, in this order: the upper triangle of the Fisher matrix by
// rows (15), the gradient of the log-likelihood (5), chi-square and the pixels that counted.
struct cpipe_ion_sums {
    double fisher[15], gradient[5], chi, pixels;
};
void cpipe_ion_gather(struct cpipe_ion_sums *out, const struct cpipe_ion_window *window, const struct cpipe_ion_across *x,
                      const struct cpipe_ion_along *y, float light);

// An ion seen from a window that begins so many columns and rows after its own.
struct cpipe_ion_part {
    const struct cpipe_ion_across *x;
    const struct cpipe_ion_along *y;
    int column, row;
    float light;
};

// The Fisher matrix between two ions over a window that both have factors for; `model` is the whole expectation.
// Five parameters of one (rows) by five of the other.
void cpipe_ion_cross(double out[25], const struct cpipe_ion_window *window, const struct cpipe_ion_part *one,
                     const struct cpipe_ion_part *other);

// model += light * x * y
void cpipe_ion_add(float *model, size_t wide, int columns, int rows, const struct cpipe_ion_across *x,
                   const struct cpipe_ion_along *y, float light);

// model = level + across * column + along * row, for the whole frame.
void cpipe_ion_plane(float *model, size_t wide, int columns, int rows, float level, float across, float along);

// The normal equations of a plane under the model, over a frame whose pixels under `ceiling` count: six of the matrix
// (1, x, y; columns and rows counted from the middle), and three of the gradient. Every `step`-th row counts.
void cpipe_ion_plane_sums(double out[9], const struct cpipe_ion_window *window, int step);

// Two by two pixels become one: the sum of (photons - model), and of model + noise. `margin` columns are left out on
// the left; pairs only.
void cpipe_ion_pairs(const struct cpipe_ion_window *window, float *difference, float *variance, size_t wide);

// The same of such squares, before they are weighed.
void cpipe_ion_pairs_again(const float *difference, const float *variance, size_t wide, int columns, int rows, float *out,
                           float *out_variance, size_t out_wide);

// difference / variance and 1 / variance, in place.
void cpipe_ion_weigh(float *difference, float *variance, size_t count);

// Filters with 2 * reach + 1 taps. The input has `reach` zeros (or rows of them) around it.
void cpipe_ion_filter_rows(const float *in, float *out, size_t wide, int columns, int rows, const float *taps, int reach);
void cpipe_ion_filter_columns(const float *in, float *out, size_t wide, int columns, int rows, const float *taps,
                              int reach);

// significance = response / sqrt(information * scale), and its largest value of each row.
void cpipe_ion_significance(const float *response, const float *information, float scale, float *out, size_t wide,
                            int columns, int rows, float *largest);

// What the variance of a pixel is believed to be: floor + slope * (expected - level). Residuals beyond `clip` standard deviations
// do not count; pixels are bright where the expectation is `bright` above the level.
struct cpipe_ion_line {
    float level, floor, slope, clip, bright;
};

// The normal equations of such a line through the squares of residuals, weighted by 1 / variance^2: two by two of the matrix
// (1, d; d = expected - level), two of the right side, the share of bright pixels in those two, and how many of these count. Every
// `step`-th row counts.
// Rough: the residual is a second difference both ways, the expectation a mean of nine pixels; `model` is not looked at.
void cpipe_ion_rough_noise(double out[8], const struct cpipe_ion_window *window, const struct cpipe_ion_line *guess, int step);
void cpipe_ion_noise(double out[8], const struct cpipe_ion_window *window, const struct cpipe_ion_line *guess, int step);

// Sixteen profiles of up to `count` values each, and a Gaussian for each of them: offset + height * exp(-(u - centre)^2 / 2 width^2).
// `values[16 * n + lane]` is value n of a profile; it stands at u = n - middle and counts if n < length. Values are best scaled
// to 0...1, as sums are of single precision; heights are not negative. The rows of `lanes` have a number for each profile.
enum cpipe_ion_row {
    cpipe_ion_length,
    cpipe_ion_middle,
    // Centre, width, height, offset: where the fits begin, and then where they end; and their bounds.
    cpipe_ion_at,
    cpipe_ion_lower = cpipe_ion_at + 4,
    cpipe_ion_upper = cpipe_ion_lower + 4,
    // Out: the diagonal of the inverse of the normal equations, the sum of the squares of what is left over, and 1 for a fit
    // that has settled.
    cpipe_ion_inverse = cpipe_ion_upper + 4,
    cpipe_ion_square = cpipe_ion_inverse + 4,
    cpipe_ion_settled,
    cpipe_ion_rows,
};
void cpipe_ion_fit_gaussians(float lanes[cpipe_ion_rows * cpipe_ion_lanes], const float *values, int count);

// A blur in whole numbers: `taps` add up to 256. A line has `count - 1` values more than `columns`; then each row of `out` is made of the
// rows of `in` that `rows_of` names, from place `row` on, `count` of them, divided by 65536 and rounded.
void cpipe_ion_blur_line(const uint8_t *line, uint16_t *out, int columns, const uint16_t *taps, int count);
void cpipe_ion_blur_rows(const uint16_t *in, uint8_t *out, int columns, int rows, const int32_t *rows_of, const uint16_t *taps, int count);

#endif

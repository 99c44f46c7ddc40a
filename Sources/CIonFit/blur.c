#include "lanes.h"

FAST void cpipe_ion_blur_line(const uint8_t *line, uint16_t *out, int columns, const uint16_t *taps, int count) {
    memset(out, 0, (size_t)columns * sizeof *out);
    for (int tap = 0; tap < count; tap++) {
        uint16_t weight = taps[tap];
        // 255 * 256 is the most that this can become.
        for (int at = 0; at < columns; at++) out[at] = (uint16_t)(out[at] + weight * line[at + tap]);
    }
}

FAST void cpipe_ion_blur_rows(const uint16_t *in, uint8_t *out, int columns, int rows, const int32_t *rows_of, const uint16_t *taps,
                              int count) {
    enum { some = 64 };
    for (int row = 0; row < rows; row++) {
        for (int at = 0; at < columns; at += some) {
            int width = columns - at < some ? columns - at : some;
            uint32_t totals[some];
            for (int n = 0; n < some; n++) totals[n] = 1 << 15;
            for (int tap = 0; tap < count; tap++) {
                const uint16_t *from = in + (size_t)rows_of[row + tap] * (size_t)columns + at;
                for (int n = 0; n < width; n++) totals[n] += (uint32_t)taps[tap] * from[n];
            }
            for (int n = 0; n < width; n++) out[(size_t)row * (size_t)columns + (size_t)(at + n)] = (uint8_t)(totals[n] >> 16);
        }
    }
}

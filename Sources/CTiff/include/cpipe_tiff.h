// TIFF pictures out of memory, by libtiff. C, since its functions for tags take a variable number of arguments, which Swift
// cannot call. It keeps no state between calls but the handle, which one thread at a time uses.
#ifndef CPIPE_TIFF_H
#define CPIPE_TIFF_H

#include <stddef.h>
#include <stdint.h>

typedef struct cpipe_tiff cpipe_tiff;

// The first picture of a file, as far as its head tells.
typedef struct {
    uint32_t width, height;
    uint16_t bits;     // of a sample: 8 or 16
    uint16_t samples;  // 1 is grey, 3 is red, green and blue
} cpipe_tiff_head;

enum {
    CPIPE_TIFF_DONE = 0,
    CPIPE_TIFF_DAMAGED = 1,      // no TIFF file, or one that is cut or wrong
    CPIPE_TIFF_UNSUPPORTED = 2,  // other samples than those above
};

// Opens bytes that stay where they are until it is closed. NULL where they are no TIFF file, or there is no memory.
cpipe_tiff *cpipe_tiff_open(const void *bytes, size_t count);

// What the head says. Nothing of it is checked against a limit.
int cpipe_tiff_read_head(cpipe_tiff *file, cpipe_tiff_head *head);

// The samples, row by row and without gaps, in the machine's byte order. `count` must be what the head makes them.
int cpipe_tiff_read(cpipe_tiff *file, void *target, size_t count);

void cpipe_tiff_close(cpipe_tiff *file);

#endif

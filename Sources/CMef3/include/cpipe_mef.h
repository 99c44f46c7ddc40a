// The inner loop of the MEF 3 range decoder.
//
// Why C: the loop is shifts by a varying count, leading zeros and wide multiplications. Swift compiles for the oldest
// x86-64 and cannot choose per function; the same loop with BMI2 and LZCNT has a third fewer instructions (measured:
// docs/mef3.md). It can go when Swift can compile a function for several processors.
#ifndef CPIPE_MEF_H
#define CPIPE_MEF_H

#include <stddef.h>
#include <stdint.h>

// One block being decoded. The caller owns all memory.
struct cpipe_mef_lane {
    uint32_t low;
    uint32_t range;       // above 0
    uint32_t last;        // largest index into the table
    uint64_t reciprocal;  // 2^64 / total, rounded up
    const void *model;    // for each of 256 symbols its sum and its count as uint32_t, then the table of symbols
    const void *source;   // 3 * count + 4 bytes can be read
    void *out;            // count bytes can be written
};

// Decodes `count` symbols of one lane, or of four lanes side by side, and moves `source` and `out` on.
// Nothing can fail: any input gives some symbols, and reads stay within the bytes named above.
void cpipe_mef_run_one(struct cpipe_mef_lane *lane, size_t count);
void cpipe_mef_run_four(struct cpipe_mef_lane lanes[4], size_t count);

#endif

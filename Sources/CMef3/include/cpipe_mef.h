// The inner loops of reading MEF 3: the range decoder and the checksum.
//
// Why C: the decoder is shifts by a varying count, leading zeros and wide multiplications, the checksum carry-less
// multiplications. Swift compiles for the oldest x86-64 and cannot choose per function; both gain from instructions it
// does not have (measured: docs/mef3.md). It can go when Swift can compile a function for several processors.
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

// Reduces `count` bytes, a multiple of 64 and at least 64, to 16 bytes at `out`, whose checksum started from 0 is that of
// all of them started from `crc`. Returns 0, and writes nothing, on a processor that cannot.
int cpipe_mef_fold(uint32_t crc, const void *bytes, size_t count, void *out);

#endif

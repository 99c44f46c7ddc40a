#include "cpipe_tiff.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

struct cpipe_tiff {
    TIFF *tiff;
    const uint8_t *bytes;
    uint64_t count, place;
    cpipe_tiff_head head;
};

static tmsize_t take(thandle_t handle, void *target, tmsize_t count) {
    cpipe_tiff *file = handle;
    if (count < 0 || file->place >= file->count) return 0;
    uint64_t left = file->count - file->place;
    uint64_t taken = (uint64_t)count < left ? (uint64_t)count : left;
    memcpy(target, file->bytes + file->place, taken);
    file->place += taken;
    return (tmsize_t)taken;
}

static tmsize_t refuse(thandle_t handle, void *source, tmsize_t count) {
    (void)handle, (void)source, (void)count;
    return -1;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence) {
    cpipe_tiff *file = handle;
    uint64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file->place : file->count;
    file->place = base + offset;
    return file->place;
}

static int done(thandle_t handle) {
    (void)handle;
    return 0;
}

static toff_t size(thandle_t handle) { return ((cpipe_tiff *)handle)->count; }

// Handlers are the process's own in libtiff 4.3, which Ubuntu 22.04 has. What they would print goes to nobody here.
static void silence(void) {
    TIFFSetErrorHandler(NULL);
    TIFFSetWarningHandler(NULL);
}

cpipe_tiff *cpipe_tiff_open(const void *bytes, size_t count) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, silence);
    cpipe_tiff *file = calloc(1, sizeof *file);
    if (!file) return NULL;
    file->bytes = bytes;
    file->count = count;
    // 'm': the bytes are not mapped, or libtiff would ask for a mapping that there is none of.
    file->tiff = TIFFClientOpen("picture", "rm", file, take, refuse, seek, done, size, NULL, NULL);
    if (file->tiff) return file;
    free(file);
    return NULL;
}

int cpipe_tiff_read_head(cpipe_tiff *file, cpipe_tiff_head *head) {
    uint16_t format, photometric, planes;
    if (!TIFFGetField(file->tiff, TIFFTAG_IMAGEWIDTH, &head->width)
        || !TIFFGetField(file->tiff, TIFFTAG_IMAGELENGTH, &head->height)
        || !TIFFGetField(file->tiff, TIFFTAG_PHOTOMETRIC, &photometric))
        return CPIPE_TIFF_DAMAGED;
    TIFFGetFieldDefaulted(file->tiff, TIFFTAG_BITSPERSAMPLE, &head->bits);
    TIFFGetFieldDefaulted(file->tiff, TIFFTAG_SAMPLESPERPIXEL, &head->samples);
    TIFFGetFieldDefaulted(file->tiff, TIFFTAG_SAMPLEFORMAT, &format);
    TIFFGetFieldDefaulted(file->tiff, TIFFTAG_PLANARCONFIG, &planes);
    int isGrey = photometric == PHOTOMETRIC_MINISBLACK && head->samples == 1 && (head->bits == 8 || head->bits == 16);
    int isColour =
        photometric == PHOTOMETRIC_RGB && head->samples == 3 && head->bits == 8 && planes == PLANARCONFIG_CONTIG;
    if (format != SAMPLEFORMAT_UINT || !(isGrey || isColour)) return CPIPE_TIFF_UNSUPPORTED;
    file->head = *head;
    return CPIPE_TIFF_DONE;
}

static int read_tiles(cpipe_tiff *file, uint8_t *target, size_t pixel) {
    const cpipe_tiff_head *head = &file->head;
    uint32_t wide = 0, high = 0;
    if (!TIFFGetField(file->tiff, TIFFTAG_TILEWIDTH, &wide) || !TIFFGetField(file->tiff, TIFFTAG_TILELENGTH, &high)
        || wide == 0 || high == 0)
        return CPIPE_TIFF_DAMAGED;
    // A tile may be larger than the picture, by what its sides are rounded to; one that is far larger is a trap.
    if (wide > head->width + 1024 || high > head->height + 1024) return CPIPE_TIFF_DAMAGED;
    size_t size = (size_t)wide * high * pixel;
    if ((uint64_t)TIFFTileSize64(file->tiff) != size) return CPIPE_TIFF_DAMAGED;
    uint8_t *tile = malloc(size);
    if (!tile) return CPIPE_TIFF_DAMAGED;
    int outcome = CPIPE_TIFF_DONE;
    for (uint32_t top = 0; top < head->height && outcome == CPIPE_TIFF_DONE; top += high)
        for (uint32_t left = 0; left < head->width; left += wide) {
            uint32_t number = TIFFComputeTile(file->tiff, left, top, 0, 0);
            if (TIFFReadEncodedTile(file->tiff, number, tile, (tmsize_t)size) != (tmsize_t)size) {
                outcome = CPIPE_TIFF_DAMAGED;
                break;
            }
            uint32_t columns = head->width - left < wide ? head->width - left : wide;
            uint32_t rows = head->height - top < high ? head->height - top : high;
            for (uint32_t row = 0; row < rows; row++)
                memcpy(target + ((size_t)(top + row) * head->width + left) * pixel, tile + (size_t)row * wide * pixel,
                       columns * pixel);
        }
    free(tile);
    return outcome;
}

int cpipe_tiff_read(cpipe_tiff *file, void *target, size_t count) {
    const cpipe_tiff_head *head = &file->head;
    size_t pixel = (size_t)head->samples * head->bits / 8, line = head->width * pixel;
    if (head->width == 0 || head->height == 0 || count != line * head->height) return CPIPE_TIFF_DAMAGED;
    if (TIFFIsTiled(file->tiff)) return read_tiles(file, target, pixel);
    uint32_t rows = 0;
    TIFFGetFieldDefaulted(file->tiff, TIFFTAG_ROWSPERSTRIP, &rows);
    if (rows == 0) return CPIPE_TIFF_DAMAGED;
    if (rows > head->height) rows = head->height;
    uint32_t strip = 0;
    for (uint32_t top = 0; top < head->height; top += rows, strip++) {
        uint32_t high = head->height - top < rows ? head->height - top : rows;
        tmsize_t size = (tmsize_t)(line * high);
        if (TIFFReadEncodedStrip(file->tiff, strip, (uint8_t *)target + top * line, size) != size)
            return CPIPE_TIFF_DAMAGED;
    }
    return CPIPE_TIFF_DONE;
}

void cpipe_tiff_close(cpipe_tiff *file) {
    TIFFClose(file->tiff);
    free(file);
}

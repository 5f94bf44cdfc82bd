/* lifline_link.h: words of a lifline device over any byte stream, in C99; no allocation, no operating system. */
#ifndef LIFLINE_LINK_H
#define LIFLINE_LINK_H

#include "lifline.h"

#define LIFLINE_FRAME_BYTES (LIFLINE_REQUEST_HEADER_BYTES + 4u * LIFLINE_MAX_WORDS + LIFLINE_CRC_BYTES)
#define LIFLINE_RETRIES 8u /* repetitions of a request before it fails */

/* Negative: what went wrong. lifline_text() says it in words. */
enum lifline_error {
    LIFLINE_OK = 0,
    LIFLINE_ERROR_STREAM = -1,      /* a function of the byte stream failed */
    LIFLINE_ERROR_NO_REPLY = -2,    /* no valid reply to a request and its repetitions */
    LIFLINE_ERROR_REFUSED = -3,     /* the device refused a request: no such word, or a run is in progress */
    LIFLINE_ERROR_NO_DEVICE = -4,   /* the other end is no lifline device */
    LIFLINE_ERROR_VERSION = -5,     /* its interface version is not that of lifline.h */
    LIFLINE_ERROR_CONFIG = -6,      /* the program was compiled for another configuration */
    LIFLINE_ERROR_PROGRAM = -7,     /* the image is damaged, or no image */
    LIFLINE_ERROR_READ_BACK = -8,   /* the device does not hold what was written */
    LIFLINE_ERROR_NOT_LOADED = -9,  /* load a program first */
    LIFLINE_ERROR_TAKEN = -10,      /* the device was reconfigured or loaded by somebody else since load */
    LIFLINE_ERROR_ARGUMENT = -11,   /* an argument is out of range */
    LIFLINE_ERROR_INPUT = -12,      /* the input does not end its steps, or names a neuron that the network does not have */
    LIFLINE_ERROR_STALLED = -13,    /* the run makes no progress */
    LIFLINE_ERROR_OUTPUT = -14,     /* the device sent a record that nobody asked for */
    LIFLINE_ERROR_FAILED = -15      /* the last run failed: it cannot be continued, start a fresh one */
};

/* A byte stream: both functions get `context`.
   write: send all bytes; 0, or negative on failure.
   read: receive up to `size` bytes within a time limit of its own, longer than any reply takes; how many came (0: none in time), or negative on failure. */
struct lifline_stream {
    void *context;
    int (*write)(void *context, const uint8_t *data, size_t size);
    int (*read)(void *context, uint8_t *data, size_t size);
};

struct lifline_link {
    struct lifline_stream stream;
    uint8_t sequence;
    uint32_t repeated; /* requests that had to be repeated, for whoever wants to know how good the line is */
    uint8_t frame[LIFLINE_FRAME_BYTES];
};

/* Read or write `count` consecutive words. Every request is idempotent and is repeated until a valid reply comes. */
int lifline_read(struct lifline_link *link, uint32_t address, uint32_t *words, size_t count);
int lifline_write(struct lifline_link *link, uint32_t address, const uint32_t *words, size_t count);

/* Write words that cross the link as `kind` says: LIFLINE_KIND_WRITE, or shorter, LIFLINE_KIND_WRITE_HALVES, LIFLINE_KIND_WRITE_BYTES. */
int lifline_write_as(struct lifline_link *link, uint8_t kind, uint32_t address, const uint32_t *words, size_t count);

/* One register, by its offset: LIFLINE_REGISTER_... */
int lifline_get(struct lifline_link *link, uint32_t offset, uint32_t *value);
int lifline_set(struct lifline_link *link, uint32_t offset, uint32_t value);

const char *lifline_text(int error);

#endif

/* lifline_driver.h: run spiking networks on a lifline device from C99; no allocation, no operating system.

   The order of calls: lifline_open, lifline_load, then lifline_run as often as there is input. A program image is what `lifline embed` writes: an array
   of words, which has to stay where it is while it is loaded. All functions return LIFLINE_OK or a negative lifline_error. */
#ifndef LIFLINE_DRIVER_H
#define LIFLINE_DRIVER_H

#include "lifline_link.h"

#define LIFLINE_PATIENCE 20000u /* looks at a run without any progress before it counts as stalled */

/* 32 places of a population, in step `step` since the last fresh start (modulo 2^16): bit k of `spikes` is the neuron that `lifline_neuron` finds in
   place `first + k`, which is `first + k` itself where the compiler had no reason for another order (convolutions have).
   Not zero ends the run before its next window. */
typedef int (*lifline_spikes)(void *context, uint32_t step, uint32_t population, uint32_t first, uint32_t spikes);

struct lifline_device {
    struct lifline_link link;
    const uint32_t *image; /* NULL: none loaded */
    uint32_t mark;         /* the number that says whose program the device holds */
    uint32_t position;     /* output words read since the last fresh start */
    int failed;            /* the last run did not end as it should */
    lifline_spikes receiver;
    void *context;
};

struct lifline_result {
    uint32_t steps; /* executed */
    int exited;     /* the network's early exit ended the run */
};

/* Make sure that a device of this interface version is at the other end. */
int lifline_open(struct lifline_device *device, struct lifline_stream stream);

/* Load an image of `words` words and read all of it back. `mark`: a number other than 0, at random, that no other load of this device uses. */
int lifline_load(struct lifline_device *device, const uint32_t *image, size_t words, uint32_t mark);

/* Whether the spikes of a population (by its number) are sent during runs; after lifline_load none are. */
int lifline_record(struct lifline_device *device, uint32_t population, int on);

/* Who gets the spikes. */
void lifline_receive(struct lifline_device *device, lifline_spikes receiver, void *context);

/* Run `steps` time steps, at most LIFLINE_MAX_STEPS_PER_RUN. `input`: for every step the numbers of the input neurons that fire in it, then
   LIFLINE_INPUT_END_OF_STEP. `fresh`: from zero state; else the run goes on where the last one ended. `period`: cycles per step in real time, or 0. */
int lifline_run(struct lifline_device *device, const uint16_t *input, size_t words, uint32_t steps, int fresh, uint32_t period, struct lifline_result *result);

/* Since the last fresh start, modulo 2^32: a population's spikes, crossings that a budget suppressed, saturations. */
int lifline_counters(struct lifline_device *device, uint32_t population, uint32_t counters[LIFLINE_POPULATION_COUNTERS]);

/* Since the last fresh start, modulo 2^32: cycles computing, waiting for input, for room in the output, for the period; overruns. */
int lifline_cycles(struct lifline_device *device, uint32_t cycles[LIFLINE_COUNTERS]);

/* Membranes of a population after the last run, one for each of its neurons. */
int lifline_membranes(struct lifline_device *device, uint32_t population, int32_t *membranes);

/* Of an image: a word of its header, of a population, of a band; for who wants to know sizes. */
uint32_t lifline_image_header(const uint32_t *image, uint32_t word);
uint32_t lifline_image_population(const uint32_t *image, uint32_t population, uint32_t word);
uint32_t lifline_image_band(const uint32_t *image, uint32_t band, uint32_t word);

/* The neuron in a place of a population; LIFLINE_IMAGE_NO_NEURON if there is none, which never spikes. */
uint32_t lifline_neuron(const uint32_t *image, uint32_t population, uint32_t place);

#endif

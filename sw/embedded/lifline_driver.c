/* lifline_driver.c: loading and reading; running is in lifline_run.c. */
#include "lifline_driver.h"

#define HEADER(device, word) lifline_image_header((device)->image, LIFLINE_IMAGE_##word)
#define BAND(device, band, word) lifline_image_band((device)->image, band, LIFLINE_IMAGE_BAND_##word)

uint32_t lifline_image_header(const uint32_t *image, uint32_t word)
{
    return image[word];
}

uint32_t lifline_image_population(const uint32_t *image, uint32_t population, uint32_t word)
{
    return image[LIFLINE_IMAGE_HEADER_WORDS + population * LIFLINE_IMAGE_POPULATION_WORDS + word];
}

uint32_t lifline_image_band(const uint32_t *image, uint32_t band, uint32_t word)
{
    uint32_t before = LIFLINE_IMAGE_HEADER_WORDS + image[LIFLINE_IMAGE_POPULATIONS] * LIFLINE_IMAGE_POPULATION_WORDS;
    return image[before + band * LIFLINE_IMAGE_BAND_WORDS + word];
}

uint32_t lifline_neuron(const uint32_t *image, uint32_t population, uint32_t place)
{
    uint32_t layout = lifline_image_population(image, population, LIFLINE_IMAGE_POPULATION_LAYOUT);
    if (place >= lifline_image_population(image, population, LIFLINE_IMAGE_POPULATION_PLACES))
        return LIFLINE_IMAGE_NO_NEURON;
    return layout ? image[layout + place] : place;
}

int lifline_open(struct lifline_device *device, struct lifline_stream stream)
{
    uint32_t first[2];
    *device = (struct lifline_device){0};
    device->link.stream = stream;
    int status = lifline_read(&device->link, LIFLINE_ADDRESS(LIFLINE_SPACE_REGISTERS, LIFLINE_REGISTER_MAGIC), first, 2);
    if (status < 0)
        return status;
    if (first[0] != LIFLINE_MAGIC)
        return LIFLINE_ERROR_NO_DEVICE;
    return first[1] == LIFLINE_INTERFACE_VERSION ? LIFLINE_OK : LIFLINE_ERROR_VERSION;
}

/* Whether this is an image that nothing has happened to. */
static int intact(const uint32_t *image, size_t words)
{
    if (words <= LIFLINE_IMAGE_HEADER_WORDS || image[LIFLINE_IMAGE_MAGIC_WORD] != LIFLINE_IMAGE_MAGIC || image[LIFLINE_IMAGE_WORDS] != words)
        return 0;
    uint16_t crc = 0xFFFFu;
    for (size_t k = 0; k < words - 1; k++)
        for (unsigned byte = 0; byte < 4; byte++) {
            uint8_t value = (uint8_t)(image[k] >> 8 * byte);
            crc = lifline_crc16(crc, &value, 1);
        }
    return image[words - 1] == crc;
}

/* Stop a run that somebody has left behind. */
static int halt(struct lifline_device *device)
{
    for (unsigned look = 0; look < LIFLINE_PATIENCE; look++) {
        uint32_t status, output;
        int error = lifline_get(&device->link, LIFLINE_REGISTER_STATUS, &status);
        if (error < 0 || !(status & LIFLINE_STATUS_RUNNING))
            return error;
        error = lifline_set(&device->link, LIFLINE_REGISTER_CONTROL, LIFLINE_CONTROL_STOP);
        if (error == LIFLINE_OK)
            error = lifline_get(&device->link, LIFLINE_REGISTER_OUTPUT_COUNT, &output);
        if (error == LIFLINE_OK)
            error = lifline_set(&device->link, LIFLINE_REGISTER_OUTPUT_TAKEN, output); /* it may be waiting for room */
        if (error < 0)
            return error;
    }
    return LIFLINE_ERROR_STALLED;
}

static int write_and_compare(struct lifline_device *device, uint32_t address, const uint32_t *words, size_t count)
{
    uint32_t back[LIFLINE_MAX_WORDS];
    int error = lifline_write(&device->link, address, words, count);
    for (size_t first = 0; error == LIFLINE_OK && first < count; first += LIFLINE_MAX_WORDS) {
        size_t part = count - first < LIFLINE_MAX_WORDS ? count - first : LIFLINE_MAX_WORDS;
        error = lifline_read(&device->link, address + (uint32_t)first, back, part);
        for (size_t k = 0; error == LIFLINE_OK && k < part; k++)
            if (back[k] != words[first + k])
                error = LIFLINE_ERROR_READ_BACK;
    }
    return error;
}

int lifline_load(struct lifline_device *device, const uint32_t *image, size_t words, uint32_t mark)
{
    uint32_t hash;
    device->image = NULL;
    if (!mark)
        return LIFLINE_ERROR_ARGUMENT;
    if (!intact(image, words))
        return LIFLINE_ERROR_PROGRAM;
    if (image[LIFLINE_IMAGE_INTERFACE_VERSION] != LIFLINE_INTERFACE_VERSION)
        return LIFLINE_ERROR_VERSION;
    int error = lifline_get(&device->link, LIFLINE_REGISTER_CONFIG_HASH, &hash);
    if (error == LIFLINE_OK && hash != image[LIFLINE_IMAGE_CONFIG_HASH])
        return LIFLINE_ERROR_CONFIG;
    if (error == LIFLINE_OK)
        error = lifline_set(&device->link, LIFLINE_REGISTER_LOAD_MARK, 0); /* from now on nobody else's program is there */
    if (error == LIFLINE_OK)
        error = halt(device);
    const uint32_t *next = image + LIFLINE_IMAGE_HEADER_WORDS + image[LIFLINE_IMAGE_POPULATIONS] * LIFLINE_IMAGE_POPULATION_WORDS
        + image[LIFLINE_IMAGE_BANDS] * LIFLINE_IMAGE_BAND_WORDS;
    for (uint32_t k = 0; error == LIFLINE_OK && k < image[LIFLINE_IMAGE_MEMORIES]; k++) {
        error = write_and_compare(device, next[0], next + 2, next[1]);
        next += 2 + next[1];
    }
    for (uint32_t k = 0; error == LIFLINE_OK && k < image[LIFLINE_IMAGE_REGISTERS]; k++, next += 2)
        error = lifline_write(&device->link, next[0], next + 1, 1);
    if (error == LIFLINE_OK)
        error = lifline_set(&device->link, LIFLINE_REGISTER_LOAD_MARK, mark);
    if (error < 0)
        return error;
    device->image = image;
    device->mark = mark;
    device->failed = 1; /* nothing to continue yet */
    return LIFLINE_OK;
}

/* Whether the device still holds what was loaded, and the argument names one of its populations. */
static int check(struct lifline_device *device, uint32_t population)
{
    uint32_t mark;
    if (!device->image)
        return LIFLINE_ERROR_NOT_LOADED;
    if (population >= HEADER(device, POPULATIONS))
        return LIFLINE_ERROR_ARGUMENT;
    int error = lifline_get(&device->link, LIFLINE_REGISTER_LOAD_MARK, &mark);
    return error < 0 ? error : mark == device->mark ? LIFLINE_OK : LIFLINE_ERROR_TAKEN;
}

int lifline_record(struct lifline_device *device, uint32_t population, int on)
{
    int error = check(device, population);
    if (error < 0)
        return error;
    if (on && !lifline_image_population(device->image, population, LIFLINE_IMAGE_POPULATION_FIRES))
        return LIFLINE_ERROR_ARGUMENT;
    for (uint32_t band = 0; error == LIFLINE_OK && band < HEADER(device, BANDS); band++) {
        uint32_t word, address = LIFLINE_ADDRESS(LIFLINE_SPACE_PROGRAM, BAND(device, band, ADDRESS) + 1u);
        if (BAND(device, band, POPULATION) != population)
            continue;
        error = lifline_read(&device->link, address, &word, 1);
        word &= ~LIFLINE_PUT(1u, LIFLINE_POPULATION_1_RECORD_SPIKES);
        word |= LIFLINE_PUT(on ? 1u : 0u, LIFLINE_POPULATION_1_RECORD_SPIKES);
        if (error == LIFLINE_OK)
            error = lifline_write(&device->link, address, &word, 1);
    }
    return error;
}

void lifline_receive(struct lifline_device *device, lifline_spikes receiver, void *context)
{
    device->receiver = receiver;
    device->context = context;
}

int lifline_counters(struct lifline_device *device, uint32_t population, uint32_t counters[LIFLINE_POPULATION_COUNTERS])
{
    int error = check(device, population);
    if (error < 0)
        return error;
    for (uint32_t k = 0; k < LIFLINE_POPULATION_COUNTERS; k++)
        counters[k] = 0;
    for (uint32_t band = 0; error == LIFLINE_OK && band < HEADER(device, BANDS); band++) {
        uint32_t own[LIFLINE_POPULATION_COUNTERS];
        if (BAND(device, band, POPULATION) != population)
            continue;
        error = lifline_read(&device->link, LIFLINE_ADDRESS(LIFLINE_SPACE_PROGRAM, BAND(device, band, ADDRESS) + LIFLINE_FIRST_COUNTER), own, LIFLINE_POPULATION_COUNTERS);
        for (uint32_t k = 0; error == LIFLINE_OK && k < LIFLINE_POPULATION_COUNTERS; k++)
            counters[k] += own[k];
    }
    return error;
}

int lifline_cycles(struct lifline_device *device, uint32_t cycles[LIFLINE_COUNTERS])
{
    int error = check(device, 0);
    if (error < 0)
        return error;
    return lifline_read(&device->link, LIFLINE_ADDRESS(LIFLINE_SPACE_REGISTERS, LIFLINE_REGISTER_BUSY_CYCLES), cycles, LIFLINE_COUNTERS);
}

/* Membranes of one band, to where its neurons are in the population. */
static int membranes_of(struct lifline_device *device, uint32_t band, int32_t *membranes)
{
    uint32_t lanes = HEADER(device, MULTIPLIERS), places = BAND(device, band, PLACES), population = BAND(device, band, POPULATION);
    uint32_t word = BAND(device, band, ROW_BASE) + BAND(device, band, V);
    int error = LIFLINE_OK;
    for (uint32_t first = 0; error == LIFLINE_OK && first < places; first += lanes, word += BAND(device, band, ROW_WORDS)) {
        uint32_t row[LIFLINE_MAX_WORDS], count = places - first < lanes ? places - first : lanes;
        error = lifline_read(&device->link, LIFLINE_ADDRESS(LIFLINE_SPACE_NEURONS, word * lanes), row, count);
        for (uint32_t k = 0; error == LIFLINE_OK && k < count; k++) {
            uint32_t neuron = lifline_neuron(device->image, population, BAND(device, band, FIRST) + first + k);
            if (neuron != LIFLINE_IMAGE_NO_NEURON)
                membranes[neuron] = row[k] & 0x80000000u ? -(int32_t)(0xFFFFFFFFu - row[k]) - 1 : (int32_t)row[k];
        }
    }
    return error;
}

int lifline_membranes(struct lifline_device *device, uint32_t population, int32_t *membranes)
{
    int error = check(device, population);
    if (error == LIFLINE_OK && device->failed)
        error = LIFLINE_ERROR_FAILED;
    for (uint32_t band = 0; error == LIFLINE_OK && band < HEADER(device, BANDS); band++)
        if (BAND(device, band, POPULATION) == population)
            error = membranes_of(device, band, membranes);
    return error;
}

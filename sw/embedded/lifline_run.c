/* lifline_run.c: one run: feeds the device's input, drains its output, and hands the spikes on. */
#include "lifline_driver.h"

#define POSITION_MASK ((1u << LIFLINE_POSITION_BITS) - 1u)
#define MOST_WORDS LIFLINE_MAX_WORDS

struct progress {
    uint32_t status, step, taken, produced; /* as the device counts them */
    uint32_t started;                       /* the step with which the run began */
    uint32_t written;                       /* input words written */
    size_t read;                            /* of the caller's words, those that are written or packed */
    uint32_t packed, word;                  /* packed steps that are still to come behind the last head; words of the first of them that are written */
    uint32_t most;                          /* words of a step up to which it is not packed */
    uint32_t header;                        /* of a record whose payload has not come */
    int has_header, stopping;
};

/* Whether the input ends as many steps as are run, and names only neurons that exist. */
static int input_fits(const struct lifline_device *device, const uint16_t *input, size_t words, uint32_t steps)
{
    uint32_t ended = 0, neurons = device->image[LIFLINE_IMAGE_INPUT_NEURONS];
    for (size_t k = 0; k < words; k++)
        if (input[k] == LIFLINE_INPUT_END_OF_STEP)
            ended++;
        else if (input[k] >= neurons)
            return 0;
    return ended == steps && words && input[words - 1] == LIFLINE_INPUT_END_OF_STEP;
}

static int look(struct lifline_device *device, struct progress *now)
{
    uint32_t registers[LIFLINE_REGISTER_OUTPUT_COUNT - LIFLINE_REGISTER_STATUS + 1u];
    uint32_t address = LIFLINE_ADDRESS(LIFLINE_SPACE_REGISTERS, LIFLINE_REGISTER_STATUS);
    int error = lifline_read(&device->link, address, registers, sizeof registers / sizeof *registers);
    now->status = registers[0];
    now->step = registers[LIFLINE_REGISTER_STEP - LIFLINE_REGISTER_STATUS];
    now->taken = registers[LIFLINE_REGISTER_INPUT_TAKEN - LIFLINE_REGISTER_STATUS];
    now->produced = registers[LIFLINE_REGISTER_OUTPUT_COUNT - LIFLINE_REGISTER_STATUS];
    return error;
}

/* What the device takes for an input word: places, where the driver's caller names neurons. */
static uint32_t placed(const struct lifline_device *device, uint16_t word)
{
    uint32_t layout = device->image[LIFLINE_IMAGE_INPUT_LAYOUT];
    return layout && word != LIFLINE_INPUT_END_OF_STEP ? device->image[layout + word] : word;
}

/* Words of the caller's step that begins with `input`, its end included. */
static size_t step_words(const uint16_t *input)
{
    size_t words = 0;
    while (input[words++] != LIFLINE_INPUT_END_OF_STEP) {
    }
    return words;
}

/* Bytes of the link that the words of all steps take if those of more than `most` words are packed, in full frames. */
static size_t link_bytes(const struct lifline_device *device, const uint16_t *input, size_t words, size_t most)
{
    size_t sent = 0, packed = 0, row = 0, step;
    for (size_t k = 0; k < words; k += step) {
        step = step_words(input + k);
        sent += step <= most ? step : device->image[LIFLINE_IMAGE_INPUT_PACKED];
        row = step > most ? row + 1u : 0u;
        sent += row % LIFLINE_INPUT_PACKED_STEPS == 1u; /* its head */
        packed += row;
    }
    size_t frames = (sent + MOST_WORDS - 1u) / MOST_WORDS;
    unsigned width = packed || device->image[LIFLINE_IMAGE_INPUT_PLACES] > LIFLINE_BYTE_TOP ? 2u : 1u; /* of a word without packed steps */
    return width * sent + frames * (LIFLINE_REQUEST_HEADER_BYTES + LIFLINE_CRC_BYTES);
}

/* More words than this are packed: wherever that takes fewer words, or bytes, or nowhere, whichever is the shortest. */
static uint32_t most_words(const struct lifline_device *device, const uint16_t *input, size_t words)
{
    uint32_t packed = device->image[LIFLINE_IMAGE_INPUT_PACKED], best = UINT32_MAX;
    size_t least = link_bytes(device, input, words, best);
    for (uint32_t most = packed; packed && most <= 2u * packed; most += packed) {
        size_t bytes = link_bytes(device, input, words, most);
        if (bytes < least || (bytes == least && best == UINT32_MAX)) { /* as many bytes: fewer words */
            least = bytes;
            best = most;
        }
    }
    return best;
}

/* The word with which as many packed steps begin as there are, or as one word can tell of. */
static uint32_t head(struct progress *now, const uint16_t *input, size_t words)
{
    size_t next = now->read, step;
    while (next < words && now->packed < LIFLINE_INPUT_PACKED_STEPS && (step = step_words(input + next)) > now->most) {
        now->packed++;
        next += step;
    }
    return LIFLINE_INPUT_END_OF_STEP + now->packed;
}

/* The next word of a packed step: a bit per place. */
static uint32_t packed_word(const struct lifline_device *device, struct progress *now, const uint16_t *input)
{
    uint32_t bits = 0;
    size_t k = now->read;
    for (; input[k] != LIFLINE_INPUT_END_OF_STEP; k++) {
        uint32_t place = placed(device, input[k]);
        if (place / LIFLINE_INPUT_BITS == now->word)
            bits |= (uint32_t)1 << place % LIFLINE_INPUT_BITS;
    }
    if (++now->word == device->image[LIFLINE_IMAGE_INPUT_PACKED]) {
        now->word = 0;
        now->packed--;
        now->read = k + 1;
    }
    return bits;
}

static uint32_t next_word(const struct lifline_device *device, struct progress *now, const uint16_t *input, size_t words)
{
    if (now->packed)
        return packed_word(device, now, input);
    if ((!now->read || input[now->read - 1] == LIFLINE_INPUT_END_OF_STEP) && step_words(input + now->read) > now->most)
        return head(now, input, words);
    return placed(device, input[now->read++]);
}

/* Write as many input words as there is room for, one frame at most. */
static int feed(struct lifline_device *device, struct progress *now, const uint16_t *input, size_t words)
{
    uint32_t depth = device->image[LIFLINE_IMAGE_INPUT_DEPTH], part[MOST_WORDS], count = 0;
    uint32_t waiting = (now->written - now->taken) & POSITION_MASK, at = now->written % depth;
    uint8_t kind = LIFLINE_KIND_WRITE_BYTES;
    while (count < MOST_WORDS && now->read < words && waiting + count < depth && at + count < depth) {
        part[count] = next_word(device, now, input, words);
        if (part[count] & ~(LIFLINE_WORD_TOP | (LIFLINE_BYTE_TOP - 1u)))
            kind = LIFLINE_KIND_WRITE_HALVES;
        count++;
    }
    if (!count)
        return LIFLINE_OK;
    int error = lifline_write_as(&device->link, kind, LIFLINE_ADDRESS(LIFLINE_SPACE_INPUT, at), part, count);
    now->written += count;
    return error < 0 ? error : lifline_set(&device->link, LIFLINE_REGISTER_INPUT_COUNT, now->written & POSITION_MASK);
}

/* One word of a record. */
static int take(struct lifline_device *device, struct progress *now, uint32_t word)
{
    if (!now->has_header) {
        now->header = word;
        now->has_header = 1;
        return LIFLINE_OK;
    }
    uint32_t band = LIFLINE_GET(now->header, LIFLINE_RECORD_POPULATION), first = 32u * LIFLINE_GET(now->header, LIFLINE_RECORD_INDEX);
    now->has_header = 0;
    if (LIFLINE_GET(now->header, LIFLINE_RECORD_KIND) != LIFLINE_RECORD_KIND_SPIKES || band >= device->image[LIFLINE_IMAGE_BANDS]
        || first >= lifline_image_band(device->image, band, LIFLINE_IMAGE_BAND_PLACES))
        return LIFLINE_ERROR_OUTPUT;
    uint32_t population = lifline_image_band(device->image, band, LIFLINE_IMAGE_BAND_POPULATION);
    first += lifline_image_band(device->image, band, LIFLINE_IMAGE_BAND_FIRST);
    uint32_t since = (LIFLINE_GET(now->header, LIFLINE_RECORD_STEP) - now->started) & LIFLINE_MASK(LIFLINE_RECORD_STEP);
    if (device->receiver && device->receiver(device->context, (now->started + since) & POSITION_MASK, population, first, word) && !now->stopping) {
        now->stopping = 1;
        return lifline_set(&device->link, LIFLINE_REGISTER_CONTROL, LIFLINE_CONTROL_STOP);
    }
    return LIFLINE_OK;
}

/* Read what the device has produced, and give the room back. */
static int drain(struct lifline_device *device, struct progress *now)
{
    uint32_t depth = device->image[LIFLINE_IMAGE_OUTPUT_DEPTH], part[MOST_WORDS], left;
    while ((left = (now->produced - device->position) & POSITION_MASK) != 0) {
        uint32_t at = device->position % depth, count = left;
        count = count < depth - at ? count : depth - at;
        count = count < MOST_WORDS ? count : MOST_WORDS;
        int error = lifline_read(&device->link, LIFLINE_ADDRESS(LIFLINE_SPACE_OUTPUT, at), part, count);
        for (uint32_t k = 0; error == LIFLINE_OK && k < count; k++)
            error = take(device, now, part[k]);
        device->position = (device->position + count) & POSITION_MASK;
        if (error == LIFLINE_OK)
            error = lifline_set(&device->link, LIFLINE_REGISTER_OUTPUT_TAKEN, device->position);
        if (error < 0)
            return error;
    }
    return LIFLINE_OK;
}

static int start(struct lifline_device *device, struct progress *now, uint32_t steps, int fresh, uint32_t period)
{
    uint32_t control = 0;
    int error = lifline_set(&device->link, LIFLINE_REGISTER_CONTROL, LIFLINE_CONTROL_DISCARD);
    if (error == LIFLINE_OK)
        error = lifline_set(&device->link, LIFLINE_REGISTER_PERIOD, period);
    if (error == LIFLINE_OK)
        error = lifline_set(&device->link, LIFLINE_REGISTER_STEPS, steps);
    if (error == LIFLINE_OK && !fresh)
        error = lifline_get(&device->link, LIFLINE_REGISTER_STEP, &now->started);
    if (error == LIFLINE_OK)
        error = lifline_get(&device->link, LIFLINE_REGISTER_CONTROL, &control);
    if (error < 0)
        return error;
    uint32_t tag = ((control >> LIFLINE_CONTROL_TAG_SHIFT) + 1u) & 0xFFu; /* a start that is repeated is obeyed once */
    if (fresh)
        device->position = 0;
    return lifline_set(&device->link, LIFLINE_REGISTER_CONTROL, LIFLINE_CONTROL_START | (fresh ? LIFLINE_CONTROL_FRESH : 0u) | tag << LIFLINE_CONTROL_TAG_SHIFT);
}

/* Until the run has ended and all of its output is read. */
static int lead(struct lifline_device *device, struct progress *now, const uint16_t *input, size_t words)
{
    uint32_t idle = 0, waited = 0;
    now->status = LIFLINE_STATUS_RUNNING;
    for (;;) {
        struct progress before = *now;
        int error = now->status & LIFLINE_STATUS_RUNNING ? feed(device, now, input, words) : LIFLINE_OK;
        if (error == LIFLINE_OK)
            error = look(device, now);
        if (error == LIFLINE_OK)
            error = drain(device, now);
        if (error < 0)
            return error;
        if (!(now->status & LIFLINE_STATUS_RUNNING))
            return LIFLINE_OK;
        if (now->step != before.step || now->taken != before.taken || now->produced != before.produced || now->written != before.written)
            idle = 0;
        else if (++idle == LIFLINE_PATIENCE) {
            uint32_t period; /* it may wait for its next window to be due */
            error = lifline_get(&device->link, LIFLINE_REGISTER_STALL_PERIOD_CYCLES, &period);
            if (error < 0 || period == waited)
                return error < 0 ? error : LIFLINE_ERROR_STALLED;
            waited = period;
            idle = 0;
        }
    }
}

int lifline_run(struct lifline_device *device, const uint16_t *input, size_t words, uint32_t steps, int fresh, uint32_t period, struct lifline_result *result)
{
    struct progress now = {0};
    uint32_t mark;
    if (!device->image)
        return LIFLINE_ERROR_NOT_LOADED;
    if (!steps || steps > LIFLINE_MAX_STEPS_PER_RUN)
        return LIFLINE_ERROR_ARGUMENT;
    if (!input_fits(device, input, words, steps))
        return LIFLINE_ERROR_INPUT;
    if (device->failed && !fresh)
        return LIFLINE_ERROR_FAILED;
    device->failed = 1;
    now.most = most_words(device, input, words);
    int error = lifline_get(&device->link, LIFLINE_REGISTER_LOAD_MARK, &mark);
    if (error == LIFLINE_OK && mark != device->mark)
        return LIFLINE_ERROR_TAKEN;
    if (error == LIFLINE_OK)
        error = start(device, &now, steps, fresh, period);
    if (error == LIFLINE_OK)
        error = lead(device, &now, input, words);
    int again = lifline_get(&device->link, LIFLINE_REGISTER_LOAD_MARK, &mark);
    if (again == LIFLINE_OK && mark != device->mark)
        return LIFLINE_ERROR_TAKEN; /* if the device was taken away, that is why */
    if (error < 0 || again < 0)
        return error < 0 ? error : again;
    if (now.status & LIFLINE_STATUS_INPUT_RANGE)
        return LIFLINE_ERROR_INPUT;
    result->steps = (now.step - now.started) & POSITION_MASK;
    result->exited = (now.status & LIFLINE_STATUS_EXITED) != 0;
    if (!result->exited && !now.stopping && result->steps != steps)
        return LIFLINE_ERROR_STALLED;
    device->failed = 0;
    return LIFLINE_OK;
}

/* lifline_link.c: requests and replies; the frames are described in lifline.h. */
#include "lifline_link.h"

static uint32_t word_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* All `size` bytes, or as many as come in time. */
static int receive(struct lifline_link *link, uint8_t *data, size_t size)
{
    size_t have = 0;
    while (have < size) {
        int came = link->stream.read(link->stream.context, data + have, size - have);
        if (came < 0)
            return LIFLINE_ERROR_STREAM;
        if (came == 0)
            break;
        have += (size_t)came;
    }
    return (int)have;
}

/* Drop what is on the line, until nothing comes any more. */
static int empty(struct lifline_link *link)
{
    for (;;) {
        int came = link->stream.read(link->stream.context, link->frame, sizeof link->frame);
        if (came < 0)
            return LIFLINE_ERROR_STREAM;
        if (came == 0)
            return LIFLINE_OK;
    }
}

/* Let the device answer what it has, end any frame that it still waits for, and drop what it says to that. */
static int resynchronise(struct lifline_link *link)
{
    uint8_t zeros[64] = {0};
    int error = empty(link);
    if (error < 0)
        return error;
    for (size_t sent = 0; sent < LIFLINE_RESYNC_BYTES; sent += sizeof zeros)
        if (link->stream.write(link->stream.context, zeros, sizeof zeros) < 0)
            return LIFLINE_ERROR_STREAM;
    return empty(link);
}

/* One reply: its status from 0 on with `words` filled, LIFLINE_ERROR_NO_REPLY for a lost or damaged one. */
static int reply(struct lifline_link *link, uint32_t *words, size_t expected)
{
    uint8_t *frame = link->frame;
    for (;;) {
        int came = receive(link, frame, 1);
        if (came != 1)
            return came < 0 ? came : LIFLINE_ERROR_NO_REPLY;
        if (frame[0] != LIFLINE_REPLY_SYNC)
            continue;
        came = receive(link, frame + 1, LIFLINE_REPLY_HEADER_BYTES - 1u);
        if (came != (int)LIFLINE_REPLY_HEADER_BYTES - 1)
            return came < 0 ? came : LIFLINE_ERROR_NO_REPLY;
        uint8_t sequence = frame[1], status = frame[2], count = frame[3];
        if (count > LIFLINE_MAX_WORDS)
            return LIFLINE_ERROR_NO_REPLY;
        size_t body = 4u * count + LIFLINE_CRC_BYTES;
        came = receive(link, frame + LIFLINE_REPLY_HEADER_BYTES, body);
        if (came != (int)body)
            return came < 0 ? came : LIFLINE_ERROR_NO_REPLY;
        size_t checked = LIFLINE_REPLY_HEADER_BYTES - 1u + 4u * count;
        uint16_t crc = lifline_crc16(0xFFFFu, frame + 1, checked);
        if (frame[1 + checked] != (crc & 0xFFu) || frame[2 + checked] != crc >> 8)
            return LIFLINE_ERROR_NO_REPLY;
        if (sequence != link->sequence && status != LIFLINE_REPLY_BAD_CRC)
            continue; /* a late reply to an earlier request */
        if (status == LIFLINE_REPLY_BAD_CRC || status == LIFLINE_REPLY_BAD_REQUEST)
            return LIFLINE_ERROR_NO_REPLY;
        if (status != LIFLINE_REPLY_OK)
            return LIFLINE_ERROR_REFUSED;
        if (count != expected)
            return LIFLINE_ERROR_NO_REPLY;
        for (size_t k = 0; k < expected; k++)
            words[k] = word_at(frame + LIFLINE_REPLY_HEADER_BYTES + 4u * k);
        return LIFLINE_OK;
    }
}

static size_t request(uint8_t *frame, uint8_t sequence, uint8_t kind, uint32_t address, const uint32_t *words, size_t count)
{
    size_t size = LIFLINE_REQUEST_HEADER_BYTES;
    frame[0] = LIFLINE_REQUEST_SYNC;
    frame[1] = sequence;
    frame[2] = kind;
    frame[3] = (uint8_t)count;
    for (unsigned k = 0; k < 3; k++)
        frame[4 + k] = (uint8_t)(address >> 8 * k);
    unsigned width = kind == LIFLINE_KIND_WRITE ? 4u : kind == LIFLINE_KIND_WRITE_HALVES ? 2u : kind == LIFLINE_KIND_WRITE_BYTES ? 1u : 0u;
    for (size_t k = 0; width && k < count; k++) {
        uint32_t word = words[k];
        if (width == 1u)
            word = word % LIFLINE_BYTE_TOP | (word & LIFLINE_WORD_TOP ? LIFLINE_BYTE_TOP : 0u);
        for (unsigned byte = 0; byte < width; byte++)
            frame[size++] = (uint8_t)(word >> 8 * byte);
    }
    uint16_t crc = lifline_crc16(0xFFFFu, frame + 1, size - 1);
    frame[size++] = (uint8_t)(crc & 0xFFu);
    frame[size++] = (uint8_t)(crc >> 8);
    return size;
}

/* A request of at most LIFLINE_MAX_WORDS, repeated until it is answered. `in` for a write, `out` for a read. */
static int exchange(struct lifline_link *link, uint8_t kind, uint32_t address, const uint32_t *in, uint32_t *out, size_t count)
{
    for (unsigned attempt = 0; attempt <= LIFLINE_RETRIES; attempt++) {
        if (attempt) {
            link->repeated++;
            int lost = resynchronise(link);
            if (lost < 0)
                return lost;
        }
        link->sequence++;
        size_t size = request(link->frame, link->sequence, kind, address, in, count);
        if (link->stream.write(link->stream.context, link->frame, size) < 0)
            return LIFLINE_ERROR_STREAM;
        int status = reply(link, out, kind == LIFLINE_KIND_READ ? count : 0);
        if (status != LIFLINE_ERROR_NO_REPLY)
            return status;
    }
    return LIFLINE_ERROR_NO_REPLY;
}

int lifline_read(struct lifline_link *link, uint32_t address, uint32_t *words, size_t count)
{
    for (size_t first = 0; first < count; first += LIFLINE_MAX_WORDS) {
        size_t part = count - first < LIFLINE_MAX_WORDS ? count - first : LIFLINE_MAX_WORDS;
        int status = exchange(link, LIFLINE_KIND_READ, address + (uint32_t)first, NULL, words + first, part);
        if (status < 0)
            return status;
    }
    return LIFLINE_OK;
}

int lifline_write(struct lifline_link *link, uint32_t address, const uint32_t *words, size_t count)
{
    return lifline_write_as(link, LIFLINE_KIND_WRITE, address, words, count);
}

int lifline_write_as(struct lifline_link *link, uint8_t kind, uint32_t address, const uint32_t *words, size_t count)
{
    for (size_t first = 0; first < count; first += LIFLINE_MAX_WORDS) {
        size_t part = count - first < LIFLINE_MAX_WORDS ? count - first : LIFLINE_MAX_WORDS;
        int status = exchange(link, kind, address + (uint32_t)first, words + first, NULL, part);
        if (status < 0)
            return status;
    }
    return LIFLINE_OK;
}

int lifline_get(struct lifline_link *link, uint32_t offset, uint32_t *value)
{
    return lifline_read(link, LIFLINE_ADDRESS(LIFLINE_SPACE_REGISTERS, offset), value, 1);
}

int lifline_set(struct lifline_link *link, uint32_t offset, uint32_t value)
{
    return lifline_write(link, LIFLINE_ADDRESS(LIFLINE_SPACE_REGISTERS, offset), &value, 1);
}

const char *lifline_text(int error)
{
    switch (error) {
    case LIFLINE_OK: return "no error";
    case LIFLINE_ERROR_STREAM: return "the byte stream failed; check the port";
    case LIFLINE_ERROR_NO_REPLY: return "no valid reply; check cable, port and baud rate";
    case LIFLINE_ERROR_REFUSED: return "the device refused a request: no such word, or a run is in progress";
    case LIFLINE_ERROR_NO_DEVICE: return "the other end is no lifline device";
    case LIFLINE_ERROR_VERSION: return "the device has another interface version; use lifline.h of its gateware, and compile the program again";
    case LIFLINE_ERROR_CONFIG: return "the program was compiled for another configuration; compile it for the one of the device";
    case LIFLINE_ERROR_PROGRAM: return "the program image is damaged, or none; export it again";
    case LIFLINE_ERROR_READ_BACK: return "the device does not hold what was written; load again";
    case LIFLINE_ERROR_NOT_LOADED: return "no program is loaded; call lifline_load";
    case LIFLINE_ERROR_TAKEN: return "the device was reconfigured, or loaded by another driver, since lifline_load; load again";
    case LIFLINE_ERROR_ARGUMENT: return "an argument is out of range";
    case LIFLINE_ERROR_INPUT: return "the input does not end as many steps as it is given for, or names a neuron that the network does not have";
    case LIFLINE_ERROR_STALLED: return "the run makes no progress; reset the board";
    case LIFLINE_ERROR_OUTPUT: return "the device sent a record that nobody asked for; load again, or reset the board";
    case LIFLINE_ERROR_FAILED: return "the last run failed, so that it cannot be continued; start a fresh one";
    default: return "unknown error";
    }
}

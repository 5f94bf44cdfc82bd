/* Firmware: load the network, run it once, say every spike of its output population on the console.

   The core is LiteX's UART with another end: a byte is written when there is room, and read when there is one. */
#include "csr.h"
#include "lifline_driver.h"

extern const uint32_t network[];
extern const size_t network_words;

#define STEPS 32u
#define PATIENCE 100000u /* looks for a byte before it counts as lost */

static volatile uint32_t *register_at(uintptr_t address)
{
    return (volatile uint32_t *)address;
}

static int port_write(void *context, const uint8_t *data, size_t size)
{
    (void)context;
    for (size_t k = 0; k < size; k++) {
        while (*register_at(CSR_LIFLINE_TXFULL_ADDR))
            ;
        *register_at(CSR_LIFLINE_RXTX_ADDR) = data[k];
    }
    return 0;
}

static int port_read(void *context, uint8_t *data, size_t size)
{
    uint32_t waited = 0;
    size_t count = 0;
    (void)context;
    while (count < size && waited < PATIENCE) {
        if (*register_at(CSR_LIFLINE_RXEMPTY_ADDR)) {
            if (count)
                break; /* what has come so far */
            waited++;
        } else {
            data[count++] = (uint8_t)*register_at(CSR_LIFLINE_RXTX_ADDR);
        }
    }
    return (int)count;
}

static void say_byte(char letter)
{
    while (*register_at(CSR_UART_TXFULL_ADDR))
        ;
    *register_at(CSR_UART_RXTX_ADDR) = (uint8_t)letter;
}

static void say(const char *text)
{
    while (*text)
        say_byte(*text++);
}

static void say_number(uint32_t number)
{
    if (number >= 10)
        say_number(number / 10);
    say_byte((char)('0' + number % 10));
}

static int show(void *context, uint32_t step, uint32_t population, uint32_t first, uint32_t spikes)
{
    (void)context;
    for (uint32_t k = 0; k < 32; k++)
        if (spikes >> k & 1u) {
            say("step ");
            say_number(step);
            say(" neuron ");
            say_number(lifline_neuron(network, population, first + k));
            say("\n");
        }
    return 0;
}

/* In every step another neuron fires, and every fourth step all of the first eight. */
static size_t make_input(uint16_t *input, uint32_t neurons)
{
    size_t words = 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        for (uint32_t k = 0; k < (step % 4 ? 0u : 8u) && k < neurons; k++)
            if (k != step % neurons)
                input[words++] = (uint16_t)k;
        input[words++] = (uint16_t)(step % neurons);
        input[words++] = LIFLINE_INPUT_END_OF_STEP;
    }
    return words;
}

static int infer(void)
{
    static uint16_t input[10u * STEPS];
    static struct lifline_device device;
    struct lifline_result result;
    int error = lifline_open(&device, (struct lifline_stream){NULL, port_write, port_read});
    if (error == LIFLINE_OK)
        error = lifline_load(&device, network, network_words, 0x5EEDu);
    if (error == LIFLINE_OK)
        error = lifline_record(&device, lifline_image_header(network, LIFLINE_IMAGE_OUTPUT), 1);
    if (error != LIFLINE_OK)
        return error;
    lifline_receive(&device, show, NULL);
    size_t words = make_input(input, lifline_image_header(network, LIFLINE_IMAGE_INPUT_NEURONS));
    error = lifline_run(&device, input, words, STEPS, 1, 0, &result);
    if (error == LIFLINE_OK) {
        say_number(result.steps);
        say(" steps\n");
    }
    return error;
}

int main(void)
{
    int error = infer();
    if (error < 0) {
        say("failed: ");
        say(lifline_text(error));
        say("\n");
    }
    say("\x04"); /* the end, for the simulation */
    while (*register_at(CSR_UART_TXEMPTY_ADDR) == 0)
        ;
    return 0;
}

/* One network, one run, over a serial port or a pseudo-terminal of `lifline serve`:

       lifline compile network.lifline -o program.lifline --config tiny
       lifline embed program.lifline -o out --name network
       cd out && cc -std=c99 -I . ../examples/embedded/main.c *.c -o run
       ./run /dev/pts/3     (the port that `lifline serve --config tiny` names)

   Everything that knows this operating system is in this file: two functions for the port. */
#define _POSIX_C_SOURCE 200112L
#include <fcntl.h>
#include <stdio.h>
#include <sys/select.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "lifline_driver.h"

extern const uint32_t network[];
extern const size_t network_words;

#define STEPS 32u

static int port_write(void *context, const uint8_t *data, size_t size)
{
    int port = *(int *)context;
    while (size) {
        ssize_t sent = write(port, data, size);
        if (sent < 0)
            return -1;
        data += sent;
        size -= (size_t)sent;
    }
    return 0;
}

static int port_read(void *context, uint8_t *data, size_t size)
{
    int port = *(int *)context;
    struct timeval limit = {0, 500000};
    fd_set ports;
    FD_ZERO(&ports);
    FD_SET(port, &ports);
    int ready = select(port + 1, &ports, NULL, NULL, &limit);
    return ready <= 0 ? ready : (int)read(port, data, size);
}

static int show(void *context, uint32_t step, uint32_t population, uint32_t first, uint32_t spikes)
{
    (void)context;
    for (uint32_t k = 0; k < 32; k++)
        if (spikes >> k & 1u)
            printf("step %u population %u neuron %u\n", (unsigned)step, (unsigned)population, (unsigned)lifline_neuron(network, population, first + k));
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

static int failed(const char *what, int error)
{
    fprintf(stderr, "%s: %s\n", what, lifline_text(error));
    return 1;
}

int main(int argc, char **argv)
{
    static uint16_t input[10u * STEPS];
    static struct lifline_device device;
    struct lifline_result result;
    struct termios settings;
    int port = argc == 2 ? open(argv[1], O_RDWR | O_NOCTTY) : -1;
    if (port < 0 || tcgetattr(port, &settings) < 0) {
        fprintf(stderr, "usage: %s PORT\n", argv[0]);
        return 2;
    }
    settings.c_iflag = settings.c_oflag = settings.c_lflag = 0; /* bytes as they are */
    settings.c_cflag = CS8 | CREAD | CLOCAL;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    cfsetospeed(&settings, B38400); /* where it is known, 1000000 baud: what the boards run at */
    cfsetispeed(&settings, B38400);
#ifdef B1000000
    cfsetospeed(&settings, B1000000);
    cfsetispeed(&settings, B1000000);
#endif
    tcsetattr(port, TCSANOW, &settings);

    int error = lifline_open(&device, (struct lifline_stream){&port, port_write, port_read});
    if (error < 0)
        return failed("open", error);
    error = lifline_load(&device, network, network_words, (uint32_t)time(NULL) | 1u);
    if (error < 0)
        return failed("load", error);
    uint32_t output = lifline_image_header(network, LIFLINE_IMAGE_OUTPUT);
    error = lifline_record(&device, output, 1);
    if (error < 0)
        return failed("record", error);
    lifline_receive(&device, show, NULL);
    size_t words = make_input(input, lifline_image_header(network, LIFLINE_IMAGE_INPUT_NEURONS));
    error = lifline_run(&device, input, words, STEPS, 1, 0, &result);
    if (error < 0)
        return failed("run", error);
    printf("%u steps\n", (unsigned)result.steps);
    return 0;
}

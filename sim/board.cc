// C interface of a simulated board: the byte stream of the design's link, and a clock that runs only when asked.
#include <cxxrtl/cxxrtl.h>
#include "design.cc"

using design = cxxrtl_design::p_top;

struct board {
    design d;
    uint64_t cycles = 0;
    void tick() {
        d.p_clk.set(false);
        d.step();
        d.p_clk.set(true);
        d.step();
        cycles++;
    }
};

extern "C" {

board *board_create() {
    board *b = new board;
    b->d.p_rst.set(true);
    b->tick();
    b->d.p_rst.set(false);
    b->cycles = 0;
    return b;
}

void board_destroy(board *b) { delete b; }

uint64_t board_cycles(board *b) { return b->cycles; }

// Run until all of `in` is taken, `wanted` bytes have come out, or `limit` cycles have passed.
// Returns the number of bytes written to `out`; `*taken` is how many of `in` were accepted.
size_t board_run(board *b, const uint8_t *in, size_t in_size, size_t *taken, uint8_t *out, size_t wanted, uint64_t limit) {
    size_t sent = 0, got = 0;
    for (uint64_t n = 0; n < limit && (sent < in_size || got < wanted); n++) {
        b->d.p_i____valid.set(sent < in_size);
        b->d.p_i____payload.set(sent < in_size ? in[sent] : uint8_t(0));
        b->d.p_o____ready.set(got < wanted);
        b->d.p_clk.set(false);
        b->d.step();
        bool in_fire = sent < in_size && b->d.p_i____ready.get<bool>();
        bool out_fire = got < wanted && b->d.p_o____valid.get<bool>();
        if (out_fire) out[got] = b->d.p_o____payload.get<uint8_t>();
        b->d.p_clk.set(true);
        b->d.step();
        b->cycles++;
        sent += in_fire;
        got += out_fire;
    }
    *taken = sent;
    return got;
}
}

// C interface of a simulated board: the byte stream of the design's link, and a clock that runs only when asked.
#include <cxxrtl/cxxrtl.h>

// Stand in for CXXRTL's own within the design: it is evaluated exactly once per cycle (see `tick`), so that nobody asks whether
// a register has changed, and a memory that is not written has nothing to commit.
namespace cxxrtl_design {
template<size_t Bits>
struct wire : cxxrtl_yosys::wire<Bits> {
    using cxxrtl_yosys::wire<Bits>::wire;

    template<class Observer>
    bool commit(Observer &) {
        this->curr = this->next;
        return false;
    }
};

template<size_t Width>
struct memory : cxxrtl_yosys::memory<Width> {
    using cxxrtl_yosys::memory<Width>::memory;

    void update(size_t index, const cxxrtl_yosys::value<Width> &data, const cxxrtl_yosys::value<Width> &mask, int priority = 0) {
        if (!mask.is_zero())
            cxxrtl_yosys::memory<Width>::update(index, data, mask, priority);
    }
};
} // namespace cxxrtl_design

#include "design.cc"

#include <algorithm>
#include <deque>
#include <vector>

#define EXPORT extern "C" __attribute__((visibility("default")))

// What an output shows in this cycle, whether it is a register or computed.
template<size_t Bits>
const cxxrtl_yosys::value<Bits> &shown(const cxxrtl_yosys::value<Bits> &output) { return output; }

template<size_t Bits>
const cxxrtl_yosys::value<Bits> &shown(const cxxrtl_yosys::wire<Bits> &output) { return output.curr; }

struct board {
    cxxrtl_design::p_top d;
    std::deque<uint8_t> incoming, outgoing;
    uint64_t cycles = 0;

    // A serial line instead of an ideal stream: cycles per byte, or 0. One byte is held for the design; the next one is lost if it is still there.
    uint64_t pace = 0, arrives = 0, leaves = 0, lost = 0;
    bool holds = false;
    uint8_t held = 0;

    std::vector<int32_t> trace;

    // The line brings the next byte, if it is time.
    void receive() {
        if (pace && (incoming.empty() || cycles < arrives))
            return;
        if (!pace && (incoming.empty() || holds))
            return;
        if (holds)
            lost++;
        else
            held = incoming.front();
        holds = true;
        incoming.pop_front();
        arrives = cycles + pace;
    }

    // One clock cycle in one evaluation: the clock stays high, and what the design remembers of it is cleared, so that every
    // evaluation sees a rising edge. `look` sees the cycle before that edge. The build refuses a design that would need a
    // second evaluation, which would show the cycle after the edge.
    template<class Look>
    void tick(Look look) {
        d.p_clk.set(true);
        d.prev_p_clk = cxxrtl::value<1>{0u};
        d.eval();
        look();
        d.commit();
        cycles++;
    }

    // Every lane's number of `bits` bits, with its sign.
    template<class Packed>
    void keep_lanes(const Packed &packed, size_t bits) {
        for (size_t lane = 0; lane < LANES; lane++) {
            uint32_t value = 0;
            for (size_t k = 0; k < bits; k++)
                value |= uint32_t(packed.bit(lane * bits + k)) << k;
            trace.push_back(int32_t(value << (32 - bits)) >> (32 - bits));
        }
    }

    // Keep what is stored in this cycle: address, spikes, every lane's value, every lane's accumulator.
    void keep() {
#ifdef TRACE
        if (!d.p_trace____valid.get<bool>())
            return;
        trace.push_back(d.p_trace____address.get<uint32_t>());
        trace.push_back(d.p_trace____fired.get<uint32_t>());
        keep_lanes(shown(d.p_trace____values), STATE_BITS);
        keep_lanes(shown(d.p_trace____sums), ACCUMULATOR_BITS);
#endif
    }
};

EXPORT board *board_create() {
    board *b = new board;
    b->d.p_rst.set(true);
    b->tick([] {});
    b->d.p_rst.set(false);
    b->cycles = 0;
    return b;
}

EXPORT void board_destroy(board *b) { delete b; }

EXPORT uint64_t board_cycles(board *b) { return b->cycles; }

// From now on a byte takes `cycles` each way, as on a serial line; 0: none.
EXPORT void board_pace(board *b, uint64_t cycles) { b->pace = cycles; }

// Bytes that the line has brought while the one before was not taken.
EXPORT uint64_t board_lost(board *b) { return b->lost; }

// Queue bytes for the board; it takes them while it runs.
EXPORT void board_push(board *b, const uint8_t *data, size_t size) { b->incoming.insert(b->incoming.end(), data, data + size); }

// Run until `wanted` bytes wait to be pulled, or for `quiet` cycles after the last byte has moved. Returns the bytes that wait.
EXPORT size_t board_run(board *b, size_t wanted, uint64_t quiet) {
    for (uint64_t n = 0; n < quiet && b->outgoing.size() < wanted; n++) {
        b->receive();
        bool free = b->cycles >= b->leaves, moved = false;
        b->d.p_i____valid.set(b->holds);
        b->d.p_i____payload.set(b->held);
        b->d.p_o____ready.set(free);
        b->tick([&] {
            b->keep();
            if (b->holds && b->d.p_i____ready.get<bool>()) {
                b->holds = false;
                moved = true;
            }
            if (free && b->d.p_o____valid.get<bool>()) {
                b->outgoing.push_back(b->d.p_o____payload.get<uint8_t>());
                b->leaves = b->cycles + b->pace;
                moved = true;
            }
        });
        if (moved)
            n = ~uint64_t(0);
    }
    return b->outgoing.size();
}

// Take up to `size` bytes that the board has sent. Returns how many.
EXPORT size_t board_pull(board *b, uint8_t *data, size_t size) {
    size_t n = 0;
    for (; n < size && !b->outgoing.empty(); n++) {
        data[n] = b->outgoing.front();
        b->outgoing.pop_front();
    }
    return n;
}

#ifdef TRACE
// Take all that was kept, if it is `size` numbers. Returns how many there are.
EXPORT size_t board_trace(board *b, int32_t *numbers, size_t size) {
    size_t kept = b->trace.size();
    if (numbers != nullptr && size == kept) {
        std::copy(b->trace.begin(), b->trace.end(), numbers);
        b->trace.clear();
    }
    return kept;
}
#endif

// C interface of the design behind its USB port: the two lines, sampled at 48 MHz, and the clocks of bus and core.
#include "design.cc"

#include <cstddef>
#include <cstdint>

#define EXPORT extern "C" __attribute__((visibility("default")))

template<size_t Bits>
bool shown(const cxxrtl::value<Bits> &output) { return !output.is_zero(); }

template<size_t Bits>
bool shown(const cxxrtl::wire<Bits> &output) { return !output.curr.is_zero(); }

struct bus {
    cxxrtl_design::p_top d;
    uint64_t core_hz, due = 0, ticks = 0;

    // Edges that rise together, in one evaluation for the falling ones and one for these.
    void edge(bool core, bool io, bool slow) {
        if (core)
            d.p_clk.set(false);
        if (io)
            d.p_usb__io__clk.set(false);
        if (slow)
            d.p_usb__clk.set(false);
        d.step();
        if (core)
            d.p_clk.set(true);
        if (io)
            d.p_usb__io__clk.set(true);
        if (slow)
            d.p_usb__clk.set(true);
        d.step();
    }

    // One cycle of 48 MHz, and as many of the core as fall into it.
    void tick() {
        edge(false, true, ticks % 4 == 0);
        ticks++;
        for (due += core_hz; due >= 48000000; due -= 48000000)
            edge(true, false, false);
    }
};

EXPORT bus *bus_create(uint64_t core_hz) {
    bus *b = new bus;
    b->core_hz = core_hz;
    return b;
}

EXPORT void bus_destroy(bus *b) { delete b; }

EXPORT uint64_t bus_ticks(bus *b) { return b->ticks; }

// The host drives `said` (D+, D- in bits 0 and 1), then lets go: D+ is pulled up by the device. Goes on until the device has answered and let go for eight
// bits, or `wait` ticks after the host's end without an answer; at most `size` ticks. What the device does in each is in `heard`: D+, D-, drives, pulls up.
EXPORT size_t bus_talk(bus *b, const uint8_t *said, size_t length, uint8_t *heard, size_t size, size_t wait) {
    size_t n = 0, free = 0;
    bool answered = false;
    for (; n < size && (n < length || free < (answered ? 32 : wait)); n++) {
        bool dp = shown(b->d.p_dp__o), dn = shown(b->d.p_dn__o), drives = shown(b->d.p_oe), pulls = shown(b->d.p_pullup);
        heard[n] = dp | dn << 1 | drives << 2 | pulls << 3;
        if (n < length) {
            b->d.p_dp__i.set(bool(said[n] & 1));
            b->d.p_dn__i.set(bool(said[n] & 2));
        } else {
            b->d.p_dp__i.set(drives ? dp : pulls);
            b->d.p_dn__i.set(drives ? dn : false);
            answered |= drives;
            free = drives ? 0 : free + 1;
        }
        b->tick();
    }
    return n;
}

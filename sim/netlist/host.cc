// Who talks to an evaluated circuit: the byte stream of a board, a serial line at its pins, and conversations that were recorded, with a fault in every lane.
#include "engine.h"

#include <deque>

#define EXPORT extern "C" __attribute__((visibility("default")))

// Nets of the byte stream; of a serial line, `receives` and `sends` instead.
struct Pins {
    int32_t valid, payload[8], ready, out_valid, out_payload[8], out_ready, receives, sends, cycles_per_bit;
};

struct Host {
    Engine engine;
    Pins pins;
    std::deque<uint8_t> incoming, outgoing;
    uint64_t disagreements = 0, first_disagreement = 0;
    int sending = -1, receiving = -1; // bits of a byte that are still to come, and the cycles in each
    uint64_t send_next = 0, receive_next = 0;
    unsigned sent = 0, received = 0;

    Host(const int32_t *numbers, const uint8_t *content, const int32_t *nets, uint64_t seed) : engine(numbers, content, seed) {
        int32_t *out = &pins.valid;
        std::copy(nets, nets + sizeof(Pins) / sizeof(int32_t), out);
    }

    // A net's value in lane 0; all lanes must agree.
    bool agreed(int32_t net) {
        Word word = engine.s[net];
        if (word != spread(word)) {
            if (!disagreements++)
                first_disagreement = engine.cycles;
        }
        return word & 1;
    }

    bool stream_cycle() {
        bool offered = !incoming.empty(), moved = false;
        engine.s[pins.valid] = spread(offered);
        for (int k = 0; k < 8; k++)
            engine.s[pins.payload[k]] = offered ? spread(incoming.front() >> k) : engine.random();
        engine.s[pins.out_ready] = ALL;
        engine.settle();
        if (agreed(pins.ready) && offered) {
            incoming.pop_front();
            moved = true;
        }
        if (agreed(pins.out_valid)) {
            unsigned byte = 0;
            for (int k = 0; k < 8; k++)
                byte |= unsigned(agreed(pins.out_payload[k])) << k;
            outgoing.push_back(uint8_t(byte));
            moved = true;
        }
        engine.edge();
        return moved;
    }

    // A start bit, eight bits from the lowest on and a stop bit, each way; bytes that the board sends are looked at in the middle of every bit.
    bool serial_cycle() {
        bool moved = false;
        if (sending < 0 && !incoming.empty()) {
            sent = (unsigned(incoming.front()) | 0x100) << 1, sending = 10;
            incoming.pop_front();
            send_next = engine.cycles + pins.cycles_per_bit;
            moved = true;
        }
        if (sending > 0 && engine.cycles == send_next) {
            sent >>= 1, sending--;
            send_next += pins.cycles_per_bit;
        }
        if (!sending)
            sending = -1;
        engine.s[pins.receives] = sending < 0 ? ALL : spread(sent);
        engine.settle();
        bool line = agreed(pins.sends);
        if (receiving < 0 && !line)
            received = 0, receiving = 10, receive_next = engine.cycles + pins.cycles_per_bit / 2;
        if (receiving > 0 && engine.cycles == receive_next) {
            received = received >> 1 | unsigned(line) << 9;
            receive_next += pins.cycles_per_bit;
            if (!--receiving) {
                outgoing.push_back(uint8_t(received >> 1));
                receiving = -1;
                moved = true;
            }
        }
        engine.edge();
        return moved || sending >= 0;
    }
};

EXPORT Host *host_create(const int32_t *numbers, const uint8_t *content, const int32_t *nets, uint64_t seed) { return new Host(numbers, content, nets, seed); }
EXPORT void host_destroy(Host *host) { delete host; }
EXPORT uint64_t host_cycles(Host *host) { return host->engine.cycles; }
EXPORT uint64_t host_disagreements(Host *host, uint64_t *first) {
    *first = host->first_disagreement;
    return host->disagreements;
}

EXPORT void host_set(Host *host, int32_t net, uint64_t word) { host->engine.s[net] = word; }
EXPORT uint64_t host_get(Host *host, int32_t net) { return host->engine.s[net]; }
EXPORT void host_settle(Host *host) { host->engine.settle(); }
EXPORT void host_edge(Host *host) { host->engine.edge(); }

EXPORT void host_push(Host *host, const uint8_t *data, size_t size) { host->incoming.insert(host->incoming.end(), data, data + size); }

// Run until `wanted` bytes wait to be pulled, or for `quiet` cycles after the last byte has moved. Returns the bytes that wait.
EXPORT size_t host_run(Host *host, size_t wanted, uint64_t quiet) {
    for (uint64_t n = 0; n < quiet && host->outgoing.size() < wanted; n++)
        if (host->pins.cycles_per_bit ? host->serial_cycle() : host->stream_cycle())
            n = ~uint64_t(0);
    return host->outgoing.size();
}

EXPORT size_t host_pull(Host *host, uint8_t *data, size_t size) {
    size_t n = 0;
    for (; n < size && !host->outgoing.empty(); n++) {
        data[n] = host->outgoing.front();
        host->outgoing.pop_front();
    }
    return n;
}

// Count from now on how often every net changes; then what was counted.
EXPORT void host_count(Host *host) {
    host->engine.toggles.assign(host->engine.s.size(), 0);
    host->engine.before = host->engine.s;
}
EXPORT void host_counted(Host *host, uint64_t *toggles) { std::copy(host->engine.toggles.begin(), host->engine.toggles.end(), toggles); }

// A wrong bit of a table in one lane; faults come in the order of evaluation.
EXPORT void host_fault(Host *host, int32_t op, int32_t bit, int32_t lane) { host->engine.faults.push_back({op, bit, Word(1) << lane}); }
EXPORT void host_heal(Host *host, uint64_t lanes) { host->engine.heal(lanes); }

// A recorded conversation: byte k of `in` is sent once `needs[k]` bytes have come back, to each lane at its own pace. Returns the lanes whose answer is not
// `out`: a byte that is another one or one too many, or none for `quiet` cycles. Those lanes are then copies of lane 0.
EXPORT uint64_t host_replay(Host *host, const uint8_t *in, const uint32_t *needs, size_t in_size, const uint8_t *out, size_t out_size, uint64_t quiet) {
    Engine &e = host->engine;
    const Pins &p = host->pins;
    std::vector<size_t> sent(LANES, 0), got(LANES, 0);
    Word noticed = 0, together = ALL; // lanes that are where lane 0 is
    uint64_t idle = 0;
    auto step = [&](int lane, Word lanes, Word taken, Word given) {
        sent[lane] += taken >> lane & 1;
        if (given >> lane & 1) {
            Word wrong = got[lane] < out_size ? 0 : ALL;
            for (int k = 0; k < 8 && !wrong; k++)
                if ((e.s[p.out_payload[k]] ^ spread(out[got[lane]] >> k)) & lanes)
                    wrong |= (e.s[p.out_payload[k]] ^ spread(out[got[lane]] >> k)) & lanes;
            got[lane]++;
            return wrong & lanes;
        }
        return Word(0);
    };
    auto next = [&](int lane) { return sent[lane] < in_size && got[lane] >= needs[sent[lane]]; };
    auto done = [&](int lane) { return sent[lane] == in_size && got[lane] == out_size; };
    while (true) {
        Word valid = next(0) ? together : 0, apart = ~together;
        for (int k = 0; k < 8; k++)
            e.s[p.payload[k]] = next(0) ? spread(in[sent[0]] >> k) : 0;
        for (Word left = apart; left; left &= left - 1) {
            int lane = __builtin_ctzll(left);
            Word bit = left & -left;
            valid |= next(lane) ? bit : 0;
            for (int k = 0; k < 8; k++)
                e.s[p.payload[k]] = (e.s[p.payload[k]] & ~bit) | (next(lane) && in[sent[lane]] >> k & 1 ? bit : 0);
        }
        e.s[p.valid] = valid;
        e.s[p.out_ready] = ALL;
        e.settle();
        Word taken = valid & e.s[p.ready], given = e.s[p.out_valid];
        // Lanes that move otherwise than lane 0 go their own way from here on.
        Word leaving = together & ((taken ^ spread(taken)) | (given ^ spread(given)));
        for (Word left = leaving; left; left &= left - 1)
            sent[__builtin_ctzll(left)] = sent[0], got[__builtin_ctzll(left)] = got[0];
        together &= ~leaving;
        Word wrong = step(0, together, taken, given);
        for (Word left = ~together; left; left &= left - 1) {
            int lane = __builtin_ctzll(left);
            wrong |= step(lane, left & -left, taken, given);
        }
        idle = (taken | given) & 1 ? 0 : idle + 1;
        e.edge();
        bool over = done(0) ? idle >= quiet : idle >= 16 * quiet;
        if (done(0) && together == ALL && idle > 64)
            over = true;
        if (over)
            for (Word left = ~together; left; left &= left - 1)
                if (!done(__builtin_ctzll(left)))
                    wrong |= left & -left;
        if (over && !done(0))
            wrong |= 1;
        if (wrong) {
            noticed |= wrong;
            if (wrong & 1)
                return noticed;
            e.heal(wrong);
            together |= wrong;
        }
        if (over)
            return noticed;
    }
}

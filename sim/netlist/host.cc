// Who talks to an evaluated circuit: the byte stream of a board, a serial line at its pins, and conversations that were recorded, with a fault in every lane.
#include "engine.h"

#include <deque>

#define EXPORT extern "C" __attribute__((visibility("default")))

static const uint64_t QUIET_END = 64; // cycles without a byte after which a conversation is over if all lanes have ended it
static const uint32_t PAUSE = uint32_t(1) << 31; // of what a byte waits for: also for silence
static const uint64_t PAUSE_CYCLES = 4096; // QUIET_CYCLES of a board: silence after which a driver writes on

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

// Note from now on which lanes look at each row of every table; then what was noted.
EXPORT void host_cover(Host *host) { host->engine.seen.assign(host->engine.ops.size() * ROWS, 0); }
EXPORT void host_covered(Host *host, uint64_t *seen) { std::copy(host->engine.seen.begin(), host->engine.seen.end(), seen); }

// Every lane takes bytes of its own, from `begins` of its number to the next one's, as fast as it can, and what it sends is dropped; until nothing moves in
// any of them for `quiet` cycles, or for `most` cycles.
EXPORT uint64_t host_stream(Host *host, const uint8_t *in, const size_t *begins, uint64_t quiet, uint64_t most) {
    Engine &e = host->engine;
    const Pins &p = host->pins;
    std::vector<size_t> at(begins, begins + LANES);
    uint64_t cycles = 0;
    e.s[p.out_ready] = ALL;
    for (uint64_t idle = 0; idle < quiet && cycles < most; idle++, cycles++) {
        Word offered = 0, bits[8] = {};
        for (int lane = 0; lane < LANES; lane++)
            if (at[lane] < begins[lane + 1]) {
                offered |= Word(1) << lane;
                for (int k = 0; k < 8; k++)
                    bits[k] |= Word(in[at[lane]] >> k & 1) << lane;
            }
        e.s[p.valid] = offered;
        for (int k = 0; k < 8; k++)
            e.s[p.payload[k]] = bits[k];
        e.settle();
        Word taken = offered & e.s[p.ready];
        for (Word left = taken; left; left &= left - 1)
            at[__builtin_ctzll(left)]++;
        if (taken | e.s[p.out_valid])
            idle = 0;
        e.edge();
    }
    return cycles;
}

// Count activity from now on, see `Activity`; then the counts, (row, group).
EXPORT void host_count(Host *host, const int32_t *groups, size_t size, int32_t columns, const int32_t *row_nets, size_t rows, int32_t live, int32_t marks) {
    Activity &a = host->engine.activity;
    a.groups.assign(groups, groups + size), a.row_nets.assign(row_nets, row_nets + rows);
    a.columns = columns, a.live = live, a.marks = marks;
    a.begin(host->engine.s, size - host->engine.s.size());
}
EXPORT void host_counted(Host *host, uint64_t *counts) { std::copy(host->engine.activity.counts.begin(), host->engine.activity.counts.end(), counts); }

// Run for some cycles in which `nets` show other random bits in every cycle and lane.
EXPORT void host_wander(Host *host, const int32_t *nets, size_t size, uint64_t cycles) {
    for (; cycles; cycles--) {
        for (size_t k = 0; k < size; k++)
            host->engine.s[nets[k]] = host->engine.random();
        host->engine.settle();
        host->engine.edge();
    }
}

// A wrong bit of a table in one lane; faults come in the order of evaluation.
EXPORT void host_fault(Host *host, int32_t op, int32_t bit, int32_t lane) { host->engine.faults.push_back({op, bit, Word(1) << lane}); }
EXPORT void host_heal(Host *host, uint64_t lanes) { host->engine.heal(lanes); }

// A recorded conversation: byte k of `in` is sent once `needs[k]` bytes have come back, and behind a silence if its bit PAUSE is set, to each lane at its own
// pace. Returns the lanes whose answer is not `out`: a byte that is another one or one too many, or none for `quiet` cycles. Such lanes become copies of lane 0. Ends early without `watched` lanes.
struct Replay {
    Engine &e;
    const Pins &p;
    const uint8_t *in, *out;
    const uint32_t *needs;
    size_t in_size, out_size, sent[LANES], got[LANES];
    Word together; // lanes that are where lane 0 is, in whose place their numbers stand
    uint64_t idle; // cycles since lane 0 took or gave a byte

    bool next(int lane) const {
        if (sent[lane] >= in_size || got[lane] < (needs[sent[lane]] & ~PAUSE))
            return false;
        return !(needs[sent[lane]] & PAUSE) || idle > PAUSE_CYCLES;
    }
    bool done(int lane) const { return sent[lane] == in_size && got[lane] == out_size; }

    void offer(int lane, Word lanes) {
        bool valid = next(lane);
        unsigned byte = valid ? in[sent[lane]] : 0;
        e.s[p.valid] ^= (e.s[p.valid] ^ spread(valid)) & lanes;
        for (int k = 0; k < 8; k++)
            e.s[p.payload[k]] ^= (e.s[p.payload[k]] ^ spread(byte >> k)) & lanes;
    }

    // Of `lanes`, which are where `lane` is and move like it, those whose byte is wrong.
    Word advance(int lane, Word lanes, Word taken, Word given) {
        sent[lane] += taken >> lane & 1;
        if (!(given >> lane & 1))
            return 0;
        if (got[lane]++ >= out_size)
            return lanes;
        Word wrong = 0;
        for (int k = 0; k < 8; k++)
            wrong |= e.s[p.out_payload[k]] ^ spread(out[got[lane] - 1] >> k);
        return wrong & lanes;
    }

    template<class Each>
    void apart(Each each) {
        for (Word left = ~together; left; left &= left - 1)
            each(__builtin_ctzll(left), left & -left);
    }

    Word run(uint64_t quiet, Word watched) {
        Word noticed = 0;
        for (; watched & ~noticed; idle++) {
            offer(0, together);
            apart([&](int lane, Word bit) { offer(lane, bit); });
            e.s[p.out_ready] = ALL;
            e.settle();
            Word taken = e.s[p.valid] & e.s[p.ready], given = e.s[p.out_valid], wrong = 0;
            Word leaving = together & ((taken ^ spread(taken)) | (given ^ spread(given)));
            for (Word left = leaving; left; left &= left - 1)
                sent[__builtin_ctzll(left)] = sent[0], got[__builtin_ctzll(left)] = got[0];
            together &= ~leaving;
            wrong |= advance(0, together, taken, given);
            apart([&](int lane, Word bit) { wrong |= advance(lane, bit, taken, given); });
            e.edge();
            bool waits = (~together & watched & ~noticed) != 0, over = idle >= (done(0) && !waits ? QUIET_END : quiet);
            if ((taken | given) & 1)
                idle = 0;
            if (over)
                apart([&](int lane, Word bit) { wrong |= done(lane) ? 0 : bit; });
            if (over && !done(0))
                wrong |= 1;
            noticed |= wrong;
            if (wrong & 1 || over)
                break;
            if (wrong) {
                e.heal(wrong);
                together |= wrong;
            }
        }
        return noticed;
    }
};

EXPORT uint64_t host_replay(Host *host, const uint8_t *in, const uint32_t *needs, size_t in_size, const uint8_t *out, size_t out_size, uint64_t quiet, uint64_t watched) {
    Replay replay{host->engine, host->pins, in, out, needs, in_size, out_size, {}, {}, ALL, 0};
    return replay.run(quiet, watched);
}

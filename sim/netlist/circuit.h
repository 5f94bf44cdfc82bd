#pragma once
// The parts of a circuit, as `sim/netlist/circuit.py` describes them, and how they are read from numbers. Every net is a word with a bit per lane.
#include <cstddef>
#include <cstdint>
#include <vector>

typedef uint64_t Word;
static const int LANES = 64, ROWS = 16; // of a table
static const Word ALL = ~Word(0);

static inline Word spread(Word bit) { return Word(0) - (bit & 1); }

struct Table {
    int32_t kind, output, inputs[4], content;
};
enum Kind { TABLE, READ, MULTIPLIER }; // of a table's `kind`; of the others `inputs` hold indices

struct Register {
    int32_t data, output, enable, reset, value, gated, start;
};

struct Port {
    std::vector<int32_t> address, data, masks, spoils;
    int32_t row, below, step, stride, enable, whole;
    std::vector<Word> shown;
    Word looks;
    int64_t base[LANES]; // of the cells, in this cycle
    Word differs;        // lanes whose base is not that of lane 0
};

struct Memory {
    std::vector<Word> cells;
    std::vector<Port> reads, writes;
};

struct Multiplier {
    std::vector<int32_t> first, second, output;
    int32_t first_signed, second_signed;
};

// One bit of a lookup table that is wrong in some lanes.
struct Fault {
    int32_t op, bit;
    Word lanes;
};

struct Reader {
    const int32_t *next;
    int32_t number() { return *next++; }
    std::vector<int32_t> list() {
        int32_t size = number();
        std::vector<int32_t> out(next, next + size);
        next += size;
        return out;
    }
};


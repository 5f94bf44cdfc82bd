#pragma once
// Evaluates a circuit of lookup tables, registers, memories and multipliers, 64 times at once: every net is a word with a bit per lane. Most of the time
// all lanes do the same, so that addresses and operands are looked at in lane 0, and only lanes that differ from it one by one.
#include "activity.h"

#include <algorithm>

struct Engine {
    std::vector<Word> s, next;
    std::vector<Table> ops;
    std::vector<Register> registers;
    std::vector<Memory> memories;
    std::vector<Multiplier> multipliers;
    std::vector<Fault> faults;
    std::vector<Word> seen; // of every row of every table, lanes that have looked at it; empty: nobody asks
    Activity activity; // off unless somebody asks
    uint64_t cycles = 0, seed;

    Word random() {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return seed * 0x2545F4914F6CDD1Dull;
    }

    Engine(const int32_t *numbers, const uint8_t *content, uint64_t first) : seed(first * 2 + 1) {
        for (int k = 0; k < 16; k++)
            random();
        Reader in{numbers};
        s.assign(in.number(), 0);
        ops.resize(in.number());
        for (Table &op : ops) {
            op.kind = in.number();
            op.output = in.number();
            for (int32_t &input : op.inputs)
                input = in.number();
            op.content = in.number();
        }
        registers.resize(in.number());
        for (Register &r : registers)
            r = {in.number(), in.number(), in.number(), in.number(), in.number(), in.number(), in.number()};
        next.resize(registers.size());
        memories.resize(in.number());
        for (Memory &m : memories) {
            m.cells.resize(in.number());
            for (Word &cell : m.cells) {
                cell = *content < 2 ? spread(*content) : random();
                content++;
            }
            for (int kind = 0; kind < 2; kind++) {
                std::vector<Port> &ports = kind ? m.writes : m.reads;
                ports.resize(in.number());
                for (Port &p : ports) {
                    p.address = in.list();
                    p.row = in.number(), p.below = in.number(), p.step = in.number(), p.stride = in.number();
                    p.data = in.list();
                    p.masks = in.list();
                    p.enable = in.number();
                    p.spoils = in.list();
                    p.whole = in.number();
                    p.shown.resize(p.data.size());
                }
            }
        }
        multipliers.resize(in.number());
        for (Multiplier &m : multipliers) {
            m.first = in.list(), m.second = in.list(), m.output = in.list();
            m.first_signed = in.number(), m.second_signed = in.number();
        }
        s[1] = ALL;
        for (const Register &r : registers)
            s[r.output] = spread(r.start);
        for (const Memory &m : memories) // what a memory shows before its first read is unknown
            for (const Port &p : m.reads)
                if (p.enable >= 0)
                    for (int32_t net : p.data)
                        s[net] = random();
    }

    int64_t value(const std::vector<int32_t> &nets, int lane) const {
        int64_t out = 0;
        for (size_t k = 0; k < nets.size(); k++)
            out |= int64_t(s[nets[k]] >> lane & 1) << k;
        return out;
    }

    Word different(const std::vector<int32_t> &nets) const {
        Word out = 0;
        for (int32_t net : nets)
            out |= s[net] ^ spread(s[net]);
        return out;
    }

    int64_t place(const Port &p, int lane) const {
        int64_t address = value(p.address, lane);
        return p.row * (address >> p.below) + p.step * (address & ((1 << p.below) - 1));
    }

    void locate(Port &p) {
        p.differs = different(p.address);
        p.base[0] = place(p, 0);
        for (Word left = p.differs; left; left &= left - 1)
            p.base[__builtin_ctzll(left)] = place(p, __builtin_ctzll(left));
    }

    int64_t base(const Port &p, int lane) const { return p.base[p.differs >> lane & 1 ? lane : 0]; }

    void look(const Memory &m, Port &p) {
        const Word *cells = &m.cells[p.base[0]];
        size_t width = p.data.size();
        for (size_t k = 0; k < width; k++)
            p.shown[k] = cells[k * p.stride];
        for (Word left = p.differs; left; left &= left - 1) {
            Word lane = left & -left;
            cells = &m.cells[p.base[__builtin_ctzll(left)]];
            for (size_t k = 0; k < width; k++)
                p.shown[k] ^= (p.shown[k] ^ cells[k * p.stride]) & lane;
        }
    }

    // In `lanes`, which all write at `base`: bits that the read port looks at in the cycle in which they are written are unknown.
    void spoil(Port &read, int64_t from, const Port &write, int64_t to, Word lanes) {
        int64_t size = int64_t(write.data.size());
        bool hit = false;
        for (size_t k = 0; k < read.data.size(); k++) {
            int64_t distance = from + int64_t(k) * read.stride - to, bit = distance / write.stride;
            if (distance < 0 || distance % write.stride || bit >= size)
                continue;
            hit = true;
            if (!write.whole)
                read.shown[k] ^= random() & lanes & s[write.masks[bit]];
        }
        if (hit && write.whole)
            for (Word &shown : read.shown)
                shown ^= random() & lanes;
    }

    void collide(Port &read, const Port &write) {
        Word lanes = read.looks & s[write.enable], apart = read.differs | write.differs;
        if (lanes & ~apart)
            spoil(read, read.base[0], write, write.base[0], lanes & ~apart);
        for (Word left = lanes & apart; left; left &= left - 1) {
            int lane = __builtin_ctzll(left);
            spoil(read, base(read, lane), write, base(write, lane), left & -left);
        }
    }

    // The bits of a word from `first` on take the port's data, in `lanes`.
    void put(Word *first, const Port &p, Word lanes) {
        for (size_t k = 0; k < p.data.size(); k++) {
            Word &cell = first[k * p.stride];
            cell ^= (cell ^ s[p.data[k]]) & lanes & s[p.masks[k]];
        }
    }

    void store(Memory &m, const Port &p) {
        Word enabled = s[p.enable];
        if (enabled & ~p.differs)
            put(&m.cells[p.base[0]], p, enabled & ~p.differs);
        for (Word left = enabled & p.differs; left; left &= left - 1)
            put(&m.cells[p.base[__builtin_ctzll(left)]], p, left & -left);
    }

    int64_t operand(const std::vector<int32_t> &nets, int32_t has_sign, int lane) const {
        int64_t out = value(nets, lane);
        bool negative = s[has_sign] >> lane & 1 && out >> (nets.size() - 1) & 1;
        return negative ? out - (int64_t(1) << nets.size()) : out;
    }

    void multiply(const Multiplier &m) {
        int64_t product = operand(m.first, m.first_signed, 0) * operand(m.second, m.second_signed, 0);
        for (size_t k = 0; k < m.output.size(); k++)
            s[m.output[k]] = spread(product >> k);
        Word apart = different(m.first) | different(m.second) | (s[m.first_signed] ^ spread(s[m.first_signed])) | (s[m.second_signed] ^ spread(s[m.second_signed]));
        for (Word left = apart; left; left &= left - 1) {
            int lane = __builtin_ctzll(left);
            product = operand(m.first, m.first_signed, lane) * operand(m.second, m.second_signed, lane);
            for (size_t k = 0; k < m.output.size(); k++)
                s[m.output[k]] ^= (s[m.output[k]] ^ spread(product >> k)) & left & -left;
        }
    }

    void evaluate(const Table &op) {
        if (op.kind == TABLE) {
            // All functions of the first two inputs, of which the content names four, one for each value of the other two.
            Word a = s[op.inputs[0]], b = s[op.inputs[1]], c = s[op.inputs[2]], d = s[op.inputs[3]], na = ~a, nb = ~b;
            const Word f[16] = {0, na & nb, a & nb, nb, na & b, na, a ^ b, na | nb, a & b, ~(a ^ b), a, a | nb, b, na | b, a | b, ALL};
            Word low = f[op.content & 15], second = f[op.content >> 4 & 15], third = f[op.content >> 8 & 15], high = f[op.content >> 12 & 15];
            low ^= (low ^ second) & c;
            third ^= (third ^ high) & c;
            s[op.output] = low ^ ((low ^ third) & d);
        } else if (op.kind == READ) {
            Memory &m = memories[op.inputs[0]];
            Port &p = m.reads[op.inputs[1]];
            locate(p);
            look(m, p);
            for (size_t k = 0; k < p.data.size(); k++)
                s[p.data[k]] = p.shown[k];
        } else
            multiply(multipliers[op.inputs[0]]);
    }

    void inject(const Fault &fault) {
        s[ops[fault.op].output] ^= looked_at(ops[fault.op], fault.bit) & fault.lanes;
    }

    // Everything that has no clock.
    void settle() {
        s[2] = random();
        size_t from = 0;
        for (const Fault &fault : faults) { // in the order of evaluation
            for (; from <= size_t(fault.op); from++)
                evaluate(ops[from]);
            inject(fault);
        }
        for (; from < ops.size(); from++)
            evaluate(ops[from]);
        if (!seen.empty())
            for (size_t k = 0; k < ops.size(); k++)
                if (ops[k].kind == TABLE)
                    see(ops[k], &seen[ROWS * k]);
    }

    // Note who looks at which row of a table.
    void see(const Table &op, Word *rows) const {
        Word a = s[op.inputs[0]], b = s[op.inputs[1]], c = s[op.inputs[2]], d = s[op.inputs[3]];
        const Word low[4] = {~a & ~b, a & ~b, ~a & b, a & b}, high[4] = {~c & ~d, c & ~d, ~c & d, c & d};
        for (int row = 0; row < ROWS; row++)
            rows[row] |= low[row & 3] & high[row >> 2];
    }

    // Lanes that look at a row of a table.
    Word looked_at(const Table &op, unsigned row) const {
        Word hit = ALL;
        for (int k = 0; k < 4; k++)
            hit &= row >> k & 1 ? s[op.inputs[k]] : ~s[op.inputs[k]];
        return hit;
    }

    void edge() {
        if (activity.on())
            activity.cycle(*this);
        for (size_t k = 0; k < registers.size(); k++) {
            const Register &r = registers[k];
            Word old = s[r.output], enable = s[r.enable], reset = s[r.reset];
            Word value = old ^ ((old ^ s[r.data]) & enable);
            if (r.gated)
                reset &= enable;
            next[k] = r.value ? value | reset : value & ~reset;
        }
        for (Memory &m : memories) {
            for (Port &p : m.reads)
                if (p.enable >= 0 && (p.looks = s[p.enable])) {
                    locate(p);
                    look(m, p);
                }
            for (Port &w : m.writes) {
                if (!s[w.enable])
                    continue;
                locate(w);
                for (int32_t spoilt : w.spoils)
                    collide(m.reads[spoilt], w);
            }
            for (const Port &w : m.writes)
                store(m, w);
        }
        for (size_t k = 0; k < registers.size(); k++)
            s[registers[k].output] = next[k];
        for (Memory &m : memories)
            for (const Port &p : m.reads)
                if (p.enable >= 0)
                    for (size_t k = 0; p.looks && k < p.data.size(); k++)
                        s[p.data[k]] ^= (s[p.data[k]] ^ p.shown[k]) & p.looks;
        cycles++;
    }

    // Lanes become copies of lane 0, without faults.
    void heal(Word lanes) {
        for (Word &word : s)
            word ^= (word ^ spread(word)) & lanes;
        for (Memory &m : memories)
            for (Word &cell : m.cells)
                cell ^= (cell ^ spread(cell)) & lanes;
        for (Fault &fault : faults)
            fault.lanes &= ~lanes;
        faults.erase(std::remove_if(faults.begin(), faults.end(), [](const Fault &f) { return !f.lanes; }), faults.end());
        s[0] = 0, s[1] = ALL;
    }
};

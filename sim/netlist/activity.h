#pragma once
// How often things change in a circuit, by group and by what the circuit was doing; counted in lane 0, before every edge.
#include "circuit.h"

struct Activity {
    std::vector<int32_t> groups; // of every net, every port of every memory (those that read, then those that write) and every multiplier; 0: not counted
    std::vector<int32_t> row_nets;
    int32_t live = 0, marks = 0, columns = 0;
    size_t row = 0;
    std::vector<uint8_t> before;  // of every net
    std::vector<uint64_t> counts; // (row, group); group 0 counts cycles
    std::vector<int32_t> counted; // nets with a group

    bool on() const { return columns > 0; }

    size_t unmarked() const { return size_t(1) << row_nets.size(); }

    // While `live` is 0 everything counts in row 0; then in the row whose number the nets showed when `marks` was last 1, before the first mark in the last one.
    void begin(const std::vector<Word> &s, size_t others) {
        groups.resize(s.size() + others);
        before.resize(s.size());
        counts.assign(columns * (unmarked() + 1), 0);
        counted.clear();
        for (size_t net = 0; net < s.size(); net++) {
            before[net] = s[net] & 1;
            if (groups[net])
                counted.push_back(int32_t(net));
        }
        row = 0;
    }

    template<class Engine>
    void cycle(const Engine &e) {
        if (!(e.s[live] & 1))
            row = 0;
        else if (!row)
            row = unmarked();
        if (e.s[live] & e.s[marks] & 1) {
            row = 0;
            for (size_t k = 0; k < row_nets.size(); k++)
                row |= size_t(e.s[row_nets[k]] & 1) << k;
        }
        uint64_t *out = &counts[row * columns];
        out[0]++;
        const int32_t *group = &groups[e.s.size()];
        for (const Memory &m : e.memories) {
            for (const Port &p : m.reads)
                out[*group] += *group && p.enable >= 0 && e.s[p.enable] & 1, group++;
            for (const Port &p : m.writes)
                out[*group] += *group && e.s[p.enable] & 1 && some(e, p.masks), group++;
        }
        for (const Multiplier &m : e.multipliers)
            out[*group] += *group && (moved(e, m.first) || moved(e, m.second)), group++;
        for (int32_t net : counted)
            if ((e.s[net] & 1) != before[net])
                out[groups[net]]++;
        for (size_t net = 0; net < before.size(); net++)
            before[net] = e.s[net] & 1;
    }

    template<class Engine>
    bool some(const Engine &e, const std::vector<int32_t> &nets) const {
        for (int32_t net : nets)
            if (e.s[net] & 1)
                return true;
        return false;
    }

    template<class Engine>
    bool moved(const Engine &e, const std::vector<int32_t> &nets) const {
        for (int32_t net : nets)
            if ((e.s[net] & 1) != before[net])
                return true;
        return false;
    }
};

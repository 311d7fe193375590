// A memory behind an AXI4 read port and an AXI4 write port, and the rules that a master has to keep (AMBA AXI, IHI 0022).
//
// Written from the specification, not from the DMA that it serves: it may answer late, out of order between IDs, take data
// before addresses or addresses only after data, pause anywhere, and refuse. Whatever breaks a rule ends the simulation.
#pragma once
#include <algorithm>
#include <cstring>
#include <deque>
#include <stdexcept>

#include "harness.hpp"

namespace {

struct Random {
    std::uint64_t state = 1;
    std::uint64_t operator()() {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        return state >> 11;
    }
};

struct Memory {
    enum Port {
        ArAddr, ArLen, ArSize, ArBurst, ArId, ArValid, ArReady, RData, RResp, RLast, RId, RValid, RReady,
        AwAddr, AwLen, AwSize, AwBurst, AwValid, AwReady, WData, WStrb, WLast, WValid, WReady, BResp, BValid, BReady,
        Ports
    };
    struct Behaviour {       // all of it as the caller gives it, in this order
        std::int64_t latency = 0;    // clocks from an address (a burst's last data) to the first data (the answer), at least
        std::int64_t jitter = 0;     // clocks more, at most, at random
        std::int64_t rate = 1024;    // data beats in 1024 clocks, both ways together
        std::int64_t pauses = 0;     // of 256 clocks, in how many each handshake pauses
        std::int64_t reorder = 0;    // whether data of different IDs overtakes, beat by beat
        std::int64_t order = 0;      // 0: write data taken any time, 1: only after its address, 2: the address only after data
        std::int64_t most = 8;       // bursts that wait, each way
        std::int64_t seed = 1;
    };
    struct Region {
        std::uint64_t base, size;
        std::uint8_t* data;
        std::uint8_t response;
    };
    struct Burst {
        std::uint64_t address;
        std::int64_t beats, id, ready;  // ready: the cycle from which on it is served
        std::int64_t done = 0;          // beats
    };
    struct Data {
        std::vector<std::uint8_t> bytes, strobes;
        bool last;
    };

    Signal port[Ports];
    Behaviour how;
    std::vector<Region> regions;
    std::deque<Burst> reads, writes;
    std::deque<Data> data;
    std::deque<std::pair<std::int64_t, std::uint8_t>> answers;  // cycle, response
    std::int64_t written = 0;   // beats of the first of the writes
    std::uint8_t response = 0;  // to it, so far
    std::int64_t credit = 0, moved[2] = {0, 0};                 // beats read, written
    std::uint64_t bytes = 0;
    Random random;

    std::uint8_t& bit(Port p) { return *static_cast<std::uint8_t*>(port[p].data); }
    std::uint64_t value(Port p) const {
        std::uint64_t found = 0;
        std::memcpy(&found, port[p].data, port[p].bits > 32 ? 8 : port[p].bits > 16 ? 4 : port[p].bits > 8 ? 2 : 1);
        return found;
    }
    void start() { bytes = port[RData].bits / 8, random.state = how.seed * 0x9e3779b97f4a7c15u | 1; }
    void reset() {
        reads.clear(), writes.clear(), data.clear(), answers.clear();
        written = credit = 0, response = 0, moved[0] = moved[1] = 0;
        for (Port p : {ArReady, RValid, AwReady, WReady, BValid}) bit(p) = 0;
        for (Held& h : held) h.offered = false;
    }
    bool idle() const { return reads.empty() && writes.empty() && data.empty() && answers.empty(); }
    bool pause() { return how.pauses && static_cast<std::int64_t>(random() % 256) < how.pauses; }

    [[noreturn]] static void fault(const std::string& what, std::int64_t cycle) {
        throw std::runtime_error("AXI: " + what + ", cycle " + std::to_string(cycle));
    }

    // What the master has offered and was not taken stays.
    struct Held {
        Port valid, ready;
        std::vector<Port> what;
        bool offered = false;
        std::vector<std::uint8_t> seen{}, now{};
    };
    std::vector<Held> held = {{ArValid, ArReady, {ArAddr, ArLen, ArSize, ArBurst, ArId}},
                              {AwValid, AwReady, {AwAddr, AwLen, AwSize, AwBurst}},
                              {WValid, WReady, {WData, WStrb, WLast}}};

    void check_held(std::int64_t cycle) {
        for (Held& h : held) {
            h.now.clear();
            for (Port p : h.what) {
                const auto* first = static_cast<const std::uint8_t*>(port[p].data);
                h.now.insert(h.now.end(), first, first + (port[p].bits + 7) / 8);
            }
            if (h.offered && !bit(h.valid)) fault(port[h.valid].name + " fell before it was taken", cycle);
            if (h.offered && h.now != h.seen) fault(port[h.what[0]].name + " or what belongs to it changed before it was taken", cycle);
            h.offered = bit(h.valid) && !bit(h.ready);
            std::swap(h.seen, h.now);
        }
    }

    Burst burst(Port address, Port length, Port size, Port kind, std::int64_t id, std::int64_t cycle) {
        Burst b{value(address), static_cast<std::int64_t>(value(length)) + 1, id, cycle + how.latency};
        if (how.jitter) b.ready += random() % (how.jitter + 1);
        const std::string name = port[address].name;
        if (bit(kind) != 1) fault(name + ": a burst that is not INCR", cycle);
        if (std::uint64_t{1} << bit(size) != bytes) fault(name + ": a size that is not the bus's", cycle);
        if (b.address % bytes) fault(name + ": an unaligned burst", cycle);
        if (b.address / 4096 != (b.address + b.beats * bytes - 1) / 4096) fault(name + ": a burst across a 4 KB boundary", cycle);
        if (b.beats > 16) fault(name + ": a burst of more than 16 beats, which AXI3 does not have", cycle);
        return b;
    }

    Region* region(std::uint64_t address) {
        for (Region& r : regions)
            if (address >= r.base && address + bytes <= r.base + r.size) return &r;
        return nullptr;
    }

    // Before the clock's edge: what the memory offers and takes in this cycle.
    void drive(std::int64_t cycle) {
        credit = std::min<std::int64_t>(credit + how.rate, 4 * 1024);
        bit(ArReady) = static_cast<std::int64_t>(reads.size()) < how.most && !pause();
        bit(AwReady) = static_cast<std::int64_t>(writes.size()) < how.most && (how.order != 2 || bit(WValid) || !data.empty()) && !pause();
        const bool addressed = !writes.empty() && static_cast<std::int64_t>(data.size()) < outstanding();
        bit(WReady) = credit >= 1024 && data.size() < 64 && (how.order != 1 || addressed) && !pause();
        if (!bit(RValid) && credit >= 2048 - bit(WReady) * 1024 && !pause()) offer(cycle);
        if (!bit(BValid) && !answers.empty() && answers.front().first <= cycle && !pause())
            bit(BValid) = 1, bit(BResp) = answers.front().second;
    }
    std::int64_t outstanding() const {
        std::int64_t sum = -written;
        for (const Burst& b : writes) sum += b.beats;
        return sum;
    }

    // The next beat of a read: of the first of those of its ID.
    void offer(std::int64_t cycle) {
        std::vector<std::size_t> heads;
        for (std::size_t i = 0; i < reads.size(); ++i) {
            const bool first = std::none_of(reads.begin(), reads.begin() + i, [&](const Burst& b) { return b.id == reads[i].id; });
            if (first && reads[i].ready <= cycle && (how.reorder || i == 0)) heads.push_back(i);
        }
        if (heads.empty()) return;
        const std::size_t pick = heads[how.reorder ? random() % heads.size() : 0];
        if (pick) std::rotate(reads.begin(), reads.begin() + pick, reads.begin() + pick + 1);
        const Burst& b = reads.front();
        const std::uint64_t address = b.address + b.done * bytes;
        const Region* r = region(address);
        if (r && r->data) std::memcpy(port[RData].data, r->data + (address - r->base), bytes);
        else std::memset(port[RData].data, 0xa5, bytes);
        bit(RResp) = r ? r->response : 3;
        bit(RLast) = b.done + 1 == b.beats, bit(RId) = b.id, bit(RValid) = 1;
    }

    // At the edge, with all signals settled: what moves. The clock rises after it.
    void observe(std::int64_t cycle) {
        check_held(cycle);
        if (bit(ArValid) && bit(ArReady)) reads.push_back(burst(ArAddr, ArLen, ArSize, ArBurst, bit(ArId), cycle));
        if (bit(AwValid) && bit(AwReady)) writes.push_back(burst(AwAddr, AwLen, AwSize, AwBurst, 0, cycle));
        taken_read = bit(RValid) && bit(RReady), taken_answer = bit(BValid) && bit(BReady);
        if (bit(WValid) && bit(WReady)) {
            const auto* first = static_cast<const std::uint8_t*>(port[WData].data);
            const auto* strobe = static_cast<const std::uint8_t*>(port[WStrb].data);
            Data d{{first, first + bytes}, std::vector<std::uint8_t>(bytes), bit(WLast) != 0};
            for (std::size_t i = 0; i < bytes; ++i) d.strobes[i] = strobe[i / 8] >> i % 8 & 1;
            data.push_back(std::move(d)), credit -= 1024, ++moved[1];
        }
        write(cycle);
    }
    void write(std::int64_t cycle) {
        while (!data.empty() && !writes.empty()) {
            const Burst& b = writes.front();
            const Data& d = data.front();
            if (d.last != (written + 1 == b.beats)) fault(port[WLast].name + " is not with the burst's last beat", cycle);
            const std::uint64_t address = b.address + written * bytes;
            Region* r = region(address);
            const std::uint8_t refused = r ? r->response : 3;
            for (std::size_t i = 0; i < bytes && !refused && r->data; ++i)
                if (d.strobes[i]) r->data[address - r->base + i] = d.bytes[i];
            response = std::max(response, refused);
            if (++written == b.beats) {
                const std::int64_t late = how.latency + (how.jitter ? random() % (how.jitter + 1) : 0);
                answers.emplace_back(cycle + 1 + late, response);
                writes.pop_front(), written = 0, response = 0;
            }
            data.pop_front();
        }
    }
    bool taken_read = false, taken_answer = false;

    // After the edge: what was taken is offered no more.
    void after() {
        if (taken_read) {
            bit(RValid) = 0, credit -= 1024, ++moved[0];
            if (++reads.front().done == reads.front().beats) reads.pop_front();
        }
        if (taken_answer) bit(BValid) = 0, answers.pop_front();
    }
};

}  // namespace

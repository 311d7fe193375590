// Drives a verilated design: AXI streams from and into queues, random stalls, AXI-Lite, plain ports.
//
// Independent of the design: `binding.cpp`, written beside the verilated sources, tells where the ports are. All loops
// over cycles and beats are here; Python hands over and takes whole arrays. One cycle is: drive the inputs, settle with
// the clock low, note which handshakes happen, raise the clock.
#include "harness.hpp"

#include <cstring>
#include <deque>
#include <optional>
#include <stdexcept>

#include "memory.hpp"
#include "verilated.h"

// The runtime must not end the process: a $fatal, $stop or $finish becomes an error of this simulation.
void vl_fatal(const char* file, int line, const char*, const char* message) {
    throw std::runtime_error(std::string(message) + " (" + file + ":" + std::to_string(line) + ")");
}
void vl_stop(const char* file, int line, const char* scope) {
    vl_fatal(file, line, scope, "the design stopped itself with $stop or $fatal");
}
void vl_finish(const char* file, int line, const char* scope) {
    vl_fatal(file, line, scope, "the design stopped itself with $finish");
}

namespace {

enum Pattern { Never = 0, Rarely = 1, Half = 2, Bursts = 3, OneIn = 4 };

// When a stream may move: a seeded pattern, so that a failing run can be repeated.
struct Stall {
    std::int64_t pattern = Never, period = 1, phase = 0;
    Random random;
    bool going = true;

    bool go() {
        switch (pattern) {
            case Rarely: return random() % 16 != 0;
            case Half: return random() % 2 != 0;
            case Bursts:
                if (phase == 0) going = !going, phase = 1 + random() % 32;
                --phase;
                return going;
            case OneIn: return phase = (phase + 1) % period, phase == 0;
            default: return true;
        }
    }
};

struct Stream {
    bool input;
    Signal data, valid, ready, last;  // `last` may be absent
    std::size_t bytes;
    std::vector<std::uint8_t> beats, lasts, held;
    std::size_t head = 0;  // beats already sent or pulled
    bool offered = false;  // input: a beat is on the port; output: a beat was refused in the cycle before
    std::int64_t first = -1, latest = -1, count = 0;
    Stall stall;

    std::size_t queued() const { return beats.size() / bytes - head; }
    void compact() {
        if (head < 4096 || head * bytes * 2 < beats.size()) return;
        beats.erase(beats.begin(), beats.begin() + head * bytes);
        lasts.erase(lasts.begin(), lasts.begin() + head);
        head = 0;
    }
    void moved(std::int64_t cycle) {
        if (first < 0) first = cycle;
        latest = cycle, ++count;
    }
};

std::uint8_t& bit(const Signal& s) { return *static_cast<std::uint8_t*>(s.data); }

struct Simulation {
    std::unique_ptr<Design> design;
    std::vector<Signal> signals;
    std::deque<Stream> streams;
    std::optional<Memory> memory;
    Signal clock, reset;
    std::int64_t cycle = 0;
    std::string error;

    // What a stream shows while it offers nothing: no unit may look at it.
    void scramble(Stream& s) {
        std::memset(s.data.data, 0x5a, s.bytes);
        if (s.data.bits % 8) static_cast<std::uint8_t*>(s.data.data)[s.bytes - 1] &= (1 << s.data.bits % 8) - 1;
        if (s.last.data) bit(s.last) = 1;
    }

    void settle() {
        for (Stream& s : streams) {
            if (!s.input) {
                bit(s.ready) = s.stall.go();
            } else if (!s.offered && s.queued() && s.stall.go()) {
                std::memcpy(s.data.data, &s.beats[s.head * s.bytes], s.bytes);
                if (s.last.data) bit(s.last) = s.lasts[s.head];
                s.offered = true, bit(s.valid) = 1;
            }
        }
        if (memory) memory->drive(cycle);
        bit(clock) = 0;
        design->eval();
    }

    // AXI: a beat once offered stays as it is until it is taken.
    void check_held(const Stream& s) const {
        if (!s.offered) return;
        const char* fault = !bit(s.valid)                                           ? " withdrew a beat"
                            : std::memcmp(s.held.data(), s.data.data, s.bytes) != 0 ? " changed a beat"
                                                                                    : nullptr;
        if (fault) throw std::runtime_error(s.data.name + fault + " before it was taken, cycle " + std::to_string(cycle));
    }

    bool edge() {
        bool progress = false;
        for (Stream& s : streams) {
            if (s.input) continue;
            check_held(s);
            const auto* data = static_cast<const std::uint8_t*>(s.data.data);
            s.offered = bit(s.valid) && !bit(s.ready);
            if (s.offered) s.held.assign(data, data + s.bytes);
            if (!bit(s.valid) || !bit(s.ready)) continue;
            s.beats.insert(s.beats.end(), data, data + s.bytes);
            s.lasts.push_back(s.last.data ? bit(s.last) : 0);
            s.moved(cycle), progress = true;
        }
        taken.clear();
        for (Stream& s : streams)
            if (s.input && s.offered && bit(s.ready)) taken.push_back(&s);
        if (memory) memory->observe(cycle), progress |= memory->taken_read || memory->taken_answer;
        bit(clock) = 1;
        design->eval();
        if (memory) memory->after();
        for (Stream* s : taken) {  // only after the edge: the design reads its inputs at the edge
            s->offered = false, bit(s->valid) = 0;
            ++s->head, s->moved(cycle), s->compact();
            scramble(*s);
        }
        ++cycle;
        return progress || !taken.empty();
    }

    bool satisfied(const std::int64_t* until) const {
        for (std::size_t i = 0; i < streams.size(); ++i) {
            if (until[i] < 0) continue;
            const auto queued = static_cast<std::int64_t>(streams[i].queued());
            if (streams[i].input ? queued > until[i] : queued < until[i]) return false;
        }
        return true;
    }

    void restart(int cycles) {
        for (Stream& s : streams) {
            s.beats.clear(), s.lasts.clear(), s.head = 0, s.offered = false;
            s.first = s.latest = -1, s.count = 0;
            if (s.input) bit(s.valid) = 0, scramble(s);
        }
        if (memory) memory->reset();
        bit(reset) = 0;
        for (int i = 0; i < cycles; ++i) {
            for (Stream& s : streams)
                if (!s.input) bit(s.ready) = 0;
            bit(clock) = 0, design->eval();
            bit(clock) = 1, design->eval();
        }
        bit(reset) = 1;
        cycle = 0;
    }

    std::vector<Stream*> taken;
};

// AXI-Lite, one access at a time; the streams go on meanwhile. Returns the data or throws.
std::uint32_t access(Simulation& sim, const std::int32_t* p, bool write, std::uint32_t address, std::uint32_t data) {
    // p: write ? {awaddr, awvalid, awready, wdata, wvalid, wready, wstrb, bvalid, bready, bresp}
    //          : {araddr, arvalid, arready, rdata, rvalid, rready, rresp}
    auto port = [&](int i) -> std::uint8_t& { return bit(sim.signals[p[i]]); };
    const int valid = write ? 7 : 4, ready = write ? 8 : 5, response = write ? 9 : 6;
    const Signal& target = sim.signals[p[0]];
    std::memcpy(target.data, &address, target.bits > 16 ? 4 : target.bits > 8 ? 2 : 1);
    port(1) = 1, port(ready) = 1;
    if (write) std::memcpy(sim.signals[p[3]].data, &data, 4), port(4) = 1, port(6) = 15;
    for (int i = 0; i < 1000; ++i) {
        sim.settle();
        const bool addressed = port(1) && port(2), written = write && port(4) && port(5), done = port(valid);
        const std::uint8_t code = port(response);
        if (!write && done) std::memcpy(&data, sim.signals[p[3]].data, 4);
        sim.edge();
        if (addressed) port(1) = 0;
        if (written) port(4) = 0;
        if (!done) continue;
        port(ready) = 0;
        if (code) throw std::runtime_error("AXI-Lite answered with error " + std::to_string(code));
        return data;
    }
    throw std::runtime_error("AXI-Lite did not answer within 1000 cycles");
}

template <class Body>
std::int64_t guarded(Simulation& sim, Body body) {
    try {
        return body();
    } catch (const std::exception& e) {
        sim.error = e.what();
        return -1;
    }
}

}  // namespace

#define API extern "C" __attribute__((visibility("default")))

// All integers have 64 bits, so that a caller need not know which is which.
API void* sim_new(std::int64_t seed, const char* trace, std::int64_t clock, std::int64_t reset) {
    auto* sim = new Simulation;
    guarded(*sim, [&] {
        sim->design = make_design(seed, trace);
        sim->signals = sim->design->signals();
        sim->clock = sim->signals[clock], sim->reset = sim->signals[reset];
        return 0;
    });
    return sim;
}
API void sim_delete(Simulation* sim) { delete sim; }
API const char* sim_error(Simulation* sim) { return sim->error.c_str(); }
API std::int64_t sim_cycle(Simulation* sim) { return sim->cycle; }

API void sim_add_stream(Simulation* sim, std::int64_t input, std::int64_t data, std::int64_t valid, std::int64_t ready,
                        std::int64_t last) {
    Stream s{};
    s.input = input, s.data = sim->signals[data], s.valid = sim->signals[valid], s.ready = sim->signals[ready];
    if (last >= 0) s.last = sim->signals[last];
    s.bytes = (s.data.bits + 7) / 8;
    sim->streams.push_back(s);
}

API void sim_set_stall(Simulation* sim, std::int64_t stream, std::int64_t pattern, std::int64_t period,
                       std::int64_t seed) {
    Stall& stall = sim->streams[stream].stall;
    stall = Stall{pattern, period, 0, Random{static_cast<std::uint64_t>(seed) * 0x9e3779b97f4a7c15u | 1}, true};
    for (int i = 0; i < 8; ++i) stall.random();
}

API std::int64_t sim_reset(Simulation* sim, std::int64_t cycles) {
    return guarded(*sim, [&] { return sim->restart(cycles), 0; });
}

API void sim_push(Simulation* sim, std::int64_t stream, const std::uint8_t* beats, const std::uint8_t* lasts,
                  std::int64_t n) {
    Stream& s = sim->streams[stream];
    s.beats.insert(s.beats.end(), beats, beats + n * s.bytes);
    s.lasts.insert(s.lasts.end(), lasts, lasts + n);
}

API std::int64_t sim_queued(Simulation* sim, std::int64_t stream) { return sim->streams[stream].queued(); }

API void sim_pull(Simulation* sim, std::int64_t stream, std::uint8_t* beats, std::uint8_t* lasts, std::int64_t n) {
    Stream& s = sim->streams[stream];
    if (n) std::memcpy(beats, &s.beats[s.head * s.bytes], n * s.bytes), std::memcpy(lasts, &s.lasts[s.head], n);
    s.head += n, s.compact();
}

API void sim_span(Simulation* sim, std::int64_t stream, std::int64_t* out) {
    const Stream& s = sim->streams[stream];
    out[0] = s.first, out[1] = s.latest, out[2] = s.count;
}

// Returns the cycles run; -1 an error; -2 no beat moved on any stream for `patience` cycles (0: unlimited).
API std::int64_t sim_run(Simulation* sim, std::int64_t cycles, const std::int64_t* until, std::int64_t patience) {
    return guarded(*sim, [&]() -> std::int64_t {
        std::int64_t idle = 0, run = 0;
        for (; run < cycles && !(until && sim->satisfied(until)); ++run) {
            sim->settle();
            idle = sim->edge() ? 0 : idle + 1;
            if (patience && idle >= patience) return -2;
        }
        return run;
    });
}

API std::int64_t sim_access(Simulation* sim, const std::int32_t* ports, std::int64_t write, std::int64_t address,
                            std::int64_t data) {
    return guarded(*sim, [&]() -> std::int64_t { return access(*sim, ports, write, address, data); });
}

API void sim_poke(Simulation* sim, std::int64_t signal, const std::uint8_t* value) {
    std::memcpy(sim->signals[signal].data, value, (sim->signals[signal].bits + 7) / 8);
}

API std::int64_t sim_peek(Simulation* sim, std::int64_t signal, std::uint8_t* value) {
    return guarded(*sim, [&] {
        sim->design->eval();
        std::memcpy(value, sim->signals[signal].data, (sim->signals[signal].bits + 7) / 8);
        return 0;
    });
}

// ports: in the order of Memory::Port; behaviour: as Memory::Behaviour.
API void sim_add_memory(Simulation* sim, const std::int32_t* ports, const std::int64_t* behaviour) {
    if (!sim->memory) sim->memory.emplace();
    Memory& memory = *sim->memory;
    for (int i = 0; i < Memory::Ports; ++i) memory.port[i] = sim->signals[ports[i]];
    std::memcpy(&memory.how, behaviour, sizeof memory.how);
    memory.start();
}

// Replaces what lay at this base; response: what accesses are answered with; the data stays the caller's.
API void sim_map(Simulation* sim, std::int64_t base, std::int64_t size, std::uint8_t* data, std::int64_t response) {
    auto& regions = sim->memory->regions;
    const auto first = static_cast<std::uint64_t>(base);
    regions.erase(std::remove_if(regions.begin(), regions.end(), [&](const Memory::Region& r) { return r.base == first; }),
                  regions.end());
    if (size) regions.push_back({first, static_cast<std::uint64_t>(size), data, static_cast<std::uint8_t>(response)});
}

// Beats read and written since the reset; whether nothing is under way.
API void sim_memory_state(Simulation* sim, std::int64_t* out) {
    out[0] = sim->memory->moved[0], out[1] = sim->memory->moved[1], out[2] = sim->memory->idle();
}

// Shows the harness a verilated design; `binding.cpp`, written beside it, says its SIGNALS and whether to TRACE.
#pragma once
#include "Vdesign.h"
#include "harness.hpp"
#if TRACE
#include "verilated_vcd_c.h"
#endif

struct Bound final : Design {
    VerilatedContext context;
    Vdesign top;
#if TRACE
    VerilatedVcdC vcd;
    std::uint64_t time = 0;
#endif

    static VerilatedContext* prepare(VerilatedContext* context, int seed) {
        // Registers without a reset start at random, as they may on the board.
        context->randReset(2), context->randSeed(seed), context->traceEverOn(TRACE);
        return context;
    }
    Bound(int seed, [[maybe_unused]] const char* trace) : top{prepare(&context, seed)} {
#if TRACE
        top.trace(&vcd, 99);
        if (trace && *trace) vcd.open(trace);
#endif
    }
    ~Bound() override {
#if TRACE
        vcd.close();
#endif
        top.final();
    }
    std::vector<Signal> signals() override { return {SIGNALS}; }
    void eval() override {
        top.eval();
#if TRACE
        if (vcd.isOpen()) vcd.dump(time++);
#endif
    }
};

std::unique_ptr<Design> make_design(int seed, const char* trace) { return std::make_unique<Bound>(seed, trace); }

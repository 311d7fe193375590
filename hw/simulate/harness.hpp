// What the harness needs to know of a verilated design; `binding.cpp` implements it.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

// A port of the top module: where its value lies (little-endian) and its width.
struct Signal {
    std::string name;
    void* data = nullptr;
    std::uint32_t bits = 0;
};

struct Design {
    virtual ~Design() = default;
    virtual std::vector<Signal> signals() = 0;
    virtual void eval() = 0;
};

std::unique_ptr<Design> make_design(int seed, const char* trace);

// The two functions that libFuzzer knows, for our own driver, and one that it does not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

// A copy that is damaged within the format's structure, where the harness knows how.
std::optional<std::vector<std::uint8_t>> damagedWithinStructure(const std::vector<std::uint8_t>& bytes,
                                                                std::mt19937& random);

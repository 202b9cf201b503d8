// What libFuzzer makes new inputs by: of the harnesses that know their format's structure half are damaged within it,
// as by our own driver. All else is left to libFuzzer.
#include <algorithm>
#include <random>

#include "fuzz/entry.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  std::mt19937 random(seed);
  if (random() % 2 != 0)
    if (const auto damaged = damagedWithinStructure({data, data + size}, random); damaged && damaged->size() <= most)
      return static_cast<std::size_t>(std::copy(damaged->begin(), damaged->end(), data) - data);
  return LLVMFuzzerMutate(data, size, most);
}

// What every kind of damage draws with; a seed says what comes.
#pragma once

#include <cstddef>
#include <random>

namespace relprop::fuzz {

class Dice {
 public:
  explicit Dice(std::mt19937& random) : random_(random) {}
  std::size_t below(std::size_t count) { return random_() % count; }
  template <class Things>
  auto& oneOf(Things&& things) {
    return things[below(things.size())];
  }

 protected:
  std::mt19937& random_;
};

}  // namespace relprop::fuzz

// How long a call takes.
#pragma once

#include <chrono>

namespace relprop {

template <class Call>
double secondsOf(Call call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace relprop

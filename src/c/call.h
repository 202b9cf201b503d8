// The caller's progress function, asked often and called seldom.
#pragma once

#include <chrono>
#include <cstdint>

#include "c/guard.h"

namespace relprop::c {

class Progress {
 public:
  // `call` may be nullptr. Throws InvalidArgument.
  explicit Progress(const relprop_call* call) {
    if (call == nullptr) return;
    requireSize(call->size, sizeof *call, "call");
    call_ = *call;
  }

  // False when the caller wants to stop. Tells of `done` at once.
  bool report(std::int64_t done, std::int64_t total) {
    done_ = done, total_ = total;
    return tell();
  }
  // The same between reports, a few times a second.
  bool again() { return !stopped_ && (Clock::now() - told_ < kPause || tell()); }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kPause{100};

  bool tell() {
    told_ = Clock::now();
    stopped_ = stopped_ || (call_.progress != nullptr && call_.progress(call_.user, done_, total_) != 0);
    return !stopped_;
  }

  relprop_call call_ = {sizeof call_, nullptr, nullptr};
  Clock::time_point told_ = Clock::now();
  std::int64_t done_ = 0, total_ = 0;
  bool stopped_ = false;
};

}  // namespace relprop::c

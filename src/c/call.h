// The caller's progress function, asked often and called seldom.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>

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
    stopped_ = stopped_ || (call_.progress != nullptr && asked() != 0);
    return !stopped_;
  }

  // A host in C++ may have functions that throw; what they throw is none of the library's errors.
  int asked() const {
    try {
      return call_.progress(call_.user, done_, total_);
    } catch (const std::exception& thrown) {
      failThrown(thrown.what());
    } catch (abi::__forced_unwind&) {
      throw;
    } catch (...) {
      failThrown("an exception of no known kind");
    }
  }
  [[noreturn]] static void failThrown(const char* what) {
    throw Error(ErrorCode::InvalidArgument, "progress", std::string("it threw: ") + what, "a function that returns",
                "catch what it calls, and return 1 to stop");
  }

  relprop_call call_ = {sizeof call_, nullptr, nullptr};
  Clock::time_point told_ = Clock::now();
  std::int64_t done_ = 0, total_ = 0;
  bool stopped_ = false;
};

}  // namespace relprop::c

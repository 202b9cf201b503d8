// What a call of the library needs of the thread that it runs in, given back at its end.
#pragma once

#include <fenv.h>
#include <pthread.h>

namespace relprop {

// Rounding to the nearest, no flushing of small numbers to zero, and no traps, whatever the host has set: results have
// the same bits for every host. Threads that are started meanwhile inherit it. Nor is the thread cancelled
// (pthread_cancel) meanwhile: that would unwind through what must not be left half done.
class CallScope {
 public:
  CallScope() {
    fegetenv(&floats_);
    fesetenv(FE_DFL_ENV);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancellable_);
  }
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;
  ~CallScope() {
    pthread_setcancelstate(cancellable_, nullptr);
    fesetenv(&floats_);
  }

 private:
  fenv_t floats_{};
  int cancellable_ = 0;
};

}  // namespace relprop

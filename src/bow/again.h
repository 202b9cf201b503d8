// How work on one picture is stopped.
#pragma once

#include <functional>

#include "relprop/error.h"

namespace relprop::bow {

// Asked between steps, by the thread that has called; false stops. None: nobody stops it.
using Again = std::function<bool()>;

// Throws Cancelled.
inline void goOn(const Again& again) {
  if (again && !again()) throw Error(ErrorCode::Cancelled, "run", "stopped");
}

}  // namespace relprop::bow

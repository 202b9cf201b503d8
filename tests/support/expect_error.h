// A call that has to throw relprop::Error.
#pragma once

#include <functional>

#include "unit/core/failure.h"

namespace relprop::test {

// Runs `call`, which has to throw relprop::Error with this code; returns the error for a closer look.
inline Error expectError(ErrorCode code, const std::function<void()>& call) {
  const Error error = failureOf(call);
  EXPECT_STREQ(errorCodeName(error.code()), errorCodeName(code)) << error.what();
  EXPECT_FALSE(error.where().empty()) << error.what();
  return error;
}

}  // namespace relprop::test

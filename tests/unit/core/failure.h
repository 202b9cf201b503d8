// The relprop::Error that a call throws; not throwing fails the test.
#pragma once

#include <gtest/gtest.h>

#include "relprop/error.h"

namespace relprop::test {

template <class Call>
Error failureOf(Call call) {
  try {
    call();
  } catch (const Error& e) {
    return e;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(ErrorCode::Internal, "", "");
}

template <class Call>
ErrorCode codeOf(Call call) {
  return failureOf(call).code();
}

}  // namespace relprop::test

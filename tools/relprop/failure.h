// The one place that turns exceptions into messages.
#pragma once

#include <exception>
#include <string>

namespace relprop::cli {

std::string failureMessage(const std::exception_ptr& failure);
// The exception being handled; to be called inside a catch block.
inline std::string failureMessage() {
  return failureMessage(std::current_exception());
}

}  // namespace relprop::cli

// The one place that turns exceptions into messages.
#pragma once

#include <exception>
#include <filesystem>
#include <string>

namespace relprop::cli {

std::string failureMessage(const std::exception_ptr& failure);
// The exception being handled; to be called inside a catch block.
inline std::string failureMessage() {
  return failureMessage(std::current_exception());
}
// Of what failed with one input: the message, behind the input's path where it does not name that.
std::string failureOf(const std::filesystem::path& input, const std::string& message);

}  // namespace relprop::cli

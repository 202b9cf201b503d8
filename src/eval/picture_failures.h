// What goes wrong with one picture is recorded and the run goes on; what would hit every picture ends it.
#pragma once

#include <string>

#include "relprop/error.h"

namespace relprop::eval {

// Why a picture was skipped that may have a class the next time.
inline constexpr const char* kUnknownClass = "its true class is not known";

bool concernsOnePicture(const Error& error);

// Does `work`, and tells `failed` why the picture at hand could not be done.
template <class Work, class Failed>
void forOnePicture(Work work, Failed failed) {
  try {
    work();
  } catch (const Error& error) {
    if (!concernsOnePicture(error)) throw;
    failed(std::string(error.what()));
  }
}

}  // namespace relprop::eval

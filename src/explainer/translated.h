// How failures of the inside reach the caller.
#pragma once

#include <exception>
#include <new>

#include "relprop/error.h"

namespace relprop {

// Only relprop::Error leaves the library.
template <class Work>
auto translated(const char* where, Work work) {
  try {
    return work();
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::OutOfMemory, where, "an allocation failed", "enough memory",
                "use a smaller --batch or input size");
  } catch (const std::exception& e) {
    throw Error(ErrorCode::Internal, where, e.what());
  }
}

}  // namespace relprop

// How failures of the inside reach the caller.
#pragma once

#include <exception>
#include <new>

#include "relprop/error.h"

namespace relprop {

// OutOfMemory where a limit of memory is used up or no thread starts, which libraries say in ways of their own; else
// Internal.
[[noreturn]] void failTranslated(const char* where, const std::exception& failure);

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
    failTranslated(where, e);
  }
}

}  // namespace relprop

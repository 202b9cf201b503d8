// What every function of the C interface is wrapped in: no exception leaves it, and the thread keeps what went wrong.
#pragma once

#include <cxxabi.h>

#include <cstdint>
#include <string>

#include "relprop/error.h"
#include "relprop/relprop.h"
#include "system/call_scope.h"

namespace relprop::c {

// Keeps the exception that is being handled for relprop_last_error, as an error of relprop; its code.
std::int32_t rememberCurrent() noexcept;

// A thread that ends within (pthread_exit in a progress function) unwinds by what may be caught but not kept.
template <class Body>
std::int32_t guarded(Body body) {
  const CallScope scope;
  try {
    body();
    return 0;
  } catch (abi::__forced_unwind&) {
    throw;
  } catch (...) {
    return rememberCurrent();
  }
}

// Throws InvalidArgument for a pointer that a function cannot do without.
void requirePointer(const void* pointer, const char* name);

// Throws InvalidArgument for a structure that says it is smaller than this version knows it.
void requireSize(std::size_t got, std::size_t expected, const char* name);

// Text on its way out, for relprop_text_free.
char* handedOut(const std::string& text);

// What relprop_last_error tells.
void copyLastError(relprop_error& out) noexcept;

}  // namespace relprop::c

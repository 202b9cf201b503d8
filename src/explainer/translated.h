// How failures of the inside reach the caller.
#pragma once

#include <exception>
#include <functional>
#include <new>
#include <utility>

#include "relprop/error.h"
#include "system/call_scope.h"

namespace relprop {

// OutOfMemory where a limit of memory is used up or no thread starts, which libraries say in ways of their own; else
// Internal.
[[noreturn]] void failTranslated(const char* where, const std::exception& failure);

// Whether what is being handled came out of a function that `passedOn` made, in this thread.
void rememberCallers();
bool isCallers();

// A function of the caller's whose exceptions leave the library as they are; empty for an empty one.
template <class Result, class... Arguments>
std::function<Result(Arguments...)> passedOn(const std::function<Result(Arguments...)>& callers) {
  if (!callers) return {};
  return [callers](Arguments... arguments) -> Result {
    try {
      return callers(std::forward<Arguments>(arguments)...);
    } catch (...) {
      rememberCallers();
      throw;
    }
  };
}

// Only relprop::Error leaves the library, and what functions of the caller's throw.
template <class Work>
auto translated(const char* where, Work work) {
  const CallScope scope;
  try {
    return work();
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    if (isCallers()) throw;
    throw Error(ErrorCode::OutOfMemory, where, "an allocation failed", "enough memory",
                "use a smaller --batch or input size");
  } catch (const std::exception& e) {
    if (isCallers()) throw;
    failTranslated(where, e);
  }
}

}  // namespace relprop

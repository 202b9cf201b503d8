#include "explainer/translated.h"

#include <system_error>

#include "system/memory_bound.h"

namespace relprop {
namespace {

std::exception_ptr& lastOfCallers() {
  thread_local std::exception_ptr last;
  return last;
}

}  // namespace

void rememberCallers() {
  lastOfCallers() = std::current_exception();
}

bool isCallers() {
  return lastOfCallers() && lastOfCallers() == std::current_exception();
}

void failTranslated(const char* where, const std::exception& failure) {
  const auto* system = dynamic_cast<const std::system_error*>(&failure);
  if (system && system->code() == std::errc::resource_unavailable_try_again)
    throw Error(ErrorCode::OutOfMemory, where, "no thread could be started", "",
                "use fewer --threads, or raise the limits of processes and memory (ulimit -u, ulimit -v)");
  if (!hasRoomFor(kRoomForKernels))
    throw Error(ErrorCode::OutOfMemory, where, failure.what(), "memory within " + memoryBound(),
                "use a smaller --batch or input size, or raise the limit");
  throw Error(ErrorCode::Internal, where, failure.what());
}

}  // namespace relprop

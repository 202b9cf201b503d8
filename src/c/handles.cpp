#include "c/handles.h"

#include <cstring>
#include <utility>

#include "relprop/error.h"

namespace relprop::c {
namespace {

std::uintptr_t numberOf(const void* handle) {
  return reinterpret_cast<std::uintptr_t>(handle);
}

}  // namespace

// Never destroyed: a thread may still free a handle while the process ends.
Handles& Handles::all() {
  static Handles& handles = *new Handles;
  return handles;
}

void Handles::refuse(const char* what, const char* got) {
  throw Error(ErrorCode::InvalidArgument, what, got, "a handle that was made and not freed yet");
}

std::uintptr_t Handles::keep(std::shared_ptr<Object> object) {
  constexpr std::uintptr_t kStep = 16;
  const std::lock_guard lock(mutex_);
  next_ += kStep;
  objects_.emplace(next_, std::move(object));
  return next_;
}

std::shared_ptr<Object> Handles::alive(const void* handle, const char* what) {
  if (handle == nullptr) refuse(what, "NULL");
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(numberOf(handle));
  if (found == objects_.end()) refuse(what, "no handle, or one that was freed");
  return found->second;
}

void Handles::forget(const void* handle, const char* what) {
  std::shared_ptr<Object> last;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(numberOf(handle));
  if (found == objects_.end()) refuse(what, "a handle that was freed meanwhile");
  last = std::move(found->second);
  objects_.erase(found);
}

char* Handles::addText(const char* text, std::size_t length) {
  auto copy = std::make_unique<char[]>(length + 1);
  std::memcpy(copy.get(), text, length);
  char* const result = copy.get();
  const std::lock_guard lock(mutex_);
  texts_.emplace(result, std::move(copy));
  return result;
}

void Handles::freeText(char* text) {
  if (text == nullptr) return;
  const std::lock_guard lock(mutex_);
  if (texts_.erase(text) == 0)
    throw Error(ErrorCode::InvalidArgument, "text", "no text of relprop, or one that was freed", "text that it gave");
}

}  // namespace relprop::c

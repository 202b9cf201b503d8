// Handles are numbers that look like pointers: each is used once, so that one that was freed, or never was one, is told
// from those that are alive without looking behind it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace relprop::c {

// What a handle stands for.
struct Object {
  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;
};

class Handles {
 public:
  static Handles& all();

  template <class Handle>
  Handle* add(std::shared_ptr<Object> object) {
    return reinterpret_cast<Handle*>(keep(std::move(object)));
  }
  // It stays until the pointer goes, even if it is freed meanwhile. Throws InvalidArgument; `what` names the handle.
  template <class Kind>
  std::shared_ptr<Kind> find(const void* handle, const char* what) {
    auto object = std::dynamic_pointer_cast<Kind>(alive(handle, what));
    if (!object) refuse(what, "a handle of another kind");
    return object;
  }
  // Nothing for nullptr. Throws InvalidArgument.
  template <class Kind>
  void free(const void* handle, const char* what) {
    if (handle == nullptr) return;
    find<Kind>(handle, what);
    forget(handle, what);
  }

  char* addText(const char* text, std::size_t length);
  void freeText(char* text);  // throws InvalidArgument

 private:
  std::uintptr_t keep(std::shared_ptr<Object> object);
  std::shared_ptr<Object> alive(const void* handle, const char* what);
  void forget(const void* handle, const char* what);
  [[noreturn]] static void refuse(const char* what, const char* got);

  std::mutex mutex_;
  std::uintptr_t next_ = 0;
  std::unordered_map<std::uintptr_t, std::shared_ptr<Object>> objects_;
  std::unordered_map<const char*, std::unique_ptr<char[]>> texts_;
};

}  // namespace relprop::c

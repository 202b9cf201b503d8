// What stands behind an object that can be moved.
#pragma once

#include <memory>
#include <utility>

#include "relprop/error.h"

namespace relprop {

[[noreturn]] inline void failMovedFrom() {
  throw Error(ErrorCode::InvalidArgument, "object", "one that was moved from", "the one that it was moved to");
}

// An object that was moved from and is used all the same throws InvalidArgument.
template <class T>
class Held {
 public:
  Held(std::unique_ptr<T> object) : object_(std::move(object)) {}
  T& operator*() const {
    if (!object_) failMovedFrom();
    return *object_;
  }
  T* operator->() const { return &**this; }
  bool operator==(const Held&) const = default;

 private:
  std::unique_ptr<T> object_;
};

}  // namespace relprop

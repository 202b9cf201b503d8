// A host without memory: no exception leaves a function, and the code of the error is there if not its words.
#include <cstdlib>
#include <new>

#include "unit/c/support.h"

namespace {

thread_local constinit long allowed = -1;  // allocations until the memory ends; below 0: never

void* orNothing(std::size_t bytes) noexcept {
  if (allowed == 0) return nullptr;
  if (allowed > 0) --allowed;
  return std::malloc(bytes == 0 ? 1 : bytes);
}

void* allocated(std::size_t bytes) {
  if (void* memory = orNothing(bytes)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t bytes) {
  return allocated(bytes);
}
void* operator new[](std::size_t bytes) {
  return allocated(bytes);
}
// Sanitizers have these for themselves, which would not go with what follows.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return orNothing(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return orNothing(bytes);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace relprop::c_test {
namespace {

TEST(CMemory, NoExceptionLeavesAFunctionWhereverItEnds) {
  int short_ = 0;
  std::int32_t code = 0;
  for (long k = 0; k < 2000 && code != static_cast<std::int32_t>(ErrorCode::FileNotFound); ++k) {
    relprop_model* model = nullptr;
    allowed = k;
    code = relprop_model_load("/a/folder/that/is/not/there/and/has/a/long/name.onnx", nullptr, &model);
    allowed = -1;
    EXPECT_EQ(lastError().code, code);
    if (code == static_cast<std::int32_t>(ErrorCode::OutOfMemory)) ++short_;
  }
  EXPECT_EQ(code, static_cast<std::int32_t>(ErrorCode::FileNotFound));
  EXPECT_GT(short_, 3);
}

}  // namespace
}  // namespace relprop::c_test

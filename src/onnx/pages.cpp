#include "onnx/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

#include "core/parallel.h"

namespace relprop {

namespace {

constexpr std::size_t kPart = std::size_t{4} << 20, kMany = 2 * kPart;
#ifdef MADV_POPULATE_WRITE
constexpr int kPopulate = MADV_POPULATE_WRITE;
#else
constexpr int kPopulate = 23;  // since Linux 5.14; headers may be older than the system
#endif

}  // namespace

void handOutPages(void* memory, std::size_t bytes) {
  if (bytes < kMany) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto start = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t first = (start + page - 1) / page * page, last = (start + bytes) / page * page;
  inParallel((last - first + kPart - 1) / kPart, [&](std::size_t i) {
    const std::uintptr_t from = first + i * kPart;
    ::madvise(reinterpret_cast<void*>(from), std::min<std::size_t>(kPart, last - from), kPopulate);
  });
}

}  // namespace relprop

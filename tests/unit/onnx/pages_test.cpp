#include "onnx/pages.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace relprop {
namespace {

constexpr std::size_t kBytes = std::size_t{20} << 20;

struct Mapping {
  void* memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ~Mapping() { ::munmap(memory, kBytes); }
  std::size_t present() const {
    std::vector<unsigned char> pages(kBytes / static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
    EXPECT_EQ(::mincore(memory, kBytes, pages.data()), 0);
    std::size_t count = 0;
    for (const unsigned char page : pages) count += page & 1u;
    return count;
  }
};

// Whether this system knows the call at all.
bool known() {
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool is = ::madvise(page, 4096, 23) == 0;
  ::munmap(page, 4096);
  return is;
}

TEST(Pages, AreThereBeforeTheyAreWritten) {
  if (!known()) GTEST_SKIP() << "this system hands out pages only when they are written";
  const Mapping fresh;
  ASSERT_EQ(fresh.present(), 0u);
  handOutPages(static_cast<char*>(fresh.memory) + 64, kBytes - 128);  // allocators leave a few bytes before and behind
  EXPECT_GE(fresh.present(), (kBytes >> 12) - 2);
}

TEST(Pages, OfLittleMemoryAreLeftToTheSystem) {
  const Mapping fresh;
  handOutPages(fresh.memory, std::size_t{1} << 20);
  EXPECT_EQ(fresh.present(), 0u);
}

TEST(Pages, KeepWhatIsWrittenInThem) {
  std::vector<char> written(kBytes, 'x');
  handOutPages(written.data(), written.size());
  EXPECT_EQ(written, std::vector<char>(kBytes, 'x'));
}

TEST(Pages, OfNoMemoryAreNoFault) {
  errno = 0;
  handOutPages(nullptr, 0);
  handOutPages(reinterpret_cast<void*>(std::size_t{1} << 20), kBytes);  // nobody's
}

}  // namespace
}  // namespace relprop

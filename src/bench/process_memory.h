#pragma once

#include <cstdint>

namespace relprop {

// The most memory that the process has held since an object of this kind was made last; what was freed before is given
// back to the system first, so that it does not count.
class PeakMemory {
 public:
  PeakMemory();
  // 0 where the system does not tell, or does not start to count anew.
  std::int64_t bytes() const;

 private:
  bool restarted_;
};

}  // namespace relprop

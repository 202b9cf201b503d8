// How much a file from elsewhere may cause, where that can be raised; docs/security.md has all limits.
#pragma once

#include <cstdint>

#include "relprop/export.h"

namespace relprop {

// 0: as it is unless somebody says otherwise, which is the number behind each.
struct Budgets {
  std::int64_t picturePixels = 0;  // of a picture in a file of any size; 1,100 more for each of its bytes (2²⁴)
  std::int64_t modelBytes = 0;    // of an ONNX file's messages, without payload; 16 more for each of its bytes (64 MiB)
  std::int64_t archiveBytes = 0;  // of an entry of a .npz or model.bow; 16 more for each byte of the file (1 GiB)
  // Read of what is no regular file and need not end; where it is more than 1 GiB, of a picture, JSON or list as well.
  std::int64_t streamBytes = 0;  // (1 GiB)
};

// For the whole process, from the next file on. Throws InvalidArgument for negative numbers.
RELPROP_API void setBudgets(const Budgets& budgets);
// What holds now, without a 0.
RELPROP_API Budgets budgets();

}  // namespace relprop

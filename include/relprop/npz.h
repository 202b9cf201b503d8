// .npz: named tensors in one zip archive, as numpy.savez writes and numpy.load reads them.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "relprop/export.h"
#include "relprop/tensor.h"

namespace relprop {

// By name, without ".npy". Entries may be stored or deflated and hold what readNpy reads. Throws FileNotFound,
// FileUnreadable, MalformedTensor (naming the entry), OutOfMemory.
RELPROP_API std::map<std::string, Tensor> readNpz(const std::filesystem::path& path);

// Entries are stored and dated 1980, so equal tensors make equal files. Whole or not at all, as writeFile. Throws
// FileWriteFailed.
RELPROP_API void writeNpz(const std::filesystem::path& path, const std::map<std::string, Tensor>& tensors);

}  // namespace relprop

// Going over pictures: several are looked at together, what they give is taken in their order, and kept.
#pragma once

#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bow/features.h"
#include "image/pixels.h"
#include "relprop/bow.h"

namespace relprop::bow {

// A picture as features are taken from it.
struct Looked {
  PreparedImage prepared;
  int height = 0, width = 0;
  LocalFeatures features;
};

// What a picture gave, or why it gave nothing.
struct Gave {
  Bytes bytes;
  std::string failure;
};

struct Pass {
  const BowPictures& pictures;
  const FeatureSettings& features;
  const Preprocess& preprocess;
  int threads = 0;
  std::function<bool(std::int64_t done, std::int64_t total)> progress;  // false: stop
};
using Look = std::function<Bytes(std::size_t picture, const Looked& looked)>;  // in several threads
using Take = std::function<void(std::size_t picture, const Gave& gave)>;       // in the caller's, in order

// The pictures from `first` on. One that cannot be read, or has no features, has failed. Throws Cancelled, OutOfMemory.
void overPictures(const Pass& pass, std::size_t first, const Look& look, const Take& take);
// All pictures; those that the file `kept` has records of are taken from there. Throws what PartFile throws as well.
void overPicturesKept(const Pass& pass, const std::filesystem::path& kept, const std::string& key, const Look& look,
                      const Take& take);

template <class T>
Bytes bytesOf(const std::vector<T>& values) {
  Bytes bytes(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}
template <class T>
std::vector<T> valuesOf(std::span<const std::uint8_t> bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

}  // namespace relprop::bow

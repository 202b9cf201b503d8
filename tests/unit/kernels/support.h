// Seeded data, layouts and comparisons for kernel tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "kernels/backend.h"
#include "relprop/error.h"

namespace relprop::test {

using Floats = std::vector<float>;

inline std::size_t sz(std::int64_t v) {
  return static_cast<std::size_t>(v);
}

inline Floats randomFloats(std::int64_t count, unsigned seed, float low = -1, float high = 1) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(low, high);
  Floats values(sz(count));
  for (float& v : values) v = uniform(engine);
  return values;
}

// Memory as plans give it: 64-byte aligned.
class Buffer {
 public:
  explicit Buffer(std::int64_t floats, float value = 0) : size_(sz(floats)) {
    const std::size_t bytes = (std::max<std::size_t>(size_, 1) * sizeof(float) + 63) / 64 * 64;
    data_.reset(static_cast<float*>(std::aligned_alloc(64, bytes)));
    std::fill_n(data_.get(), size_, value);
  }
  explicit Buffer(const Floats& values) : Buffer(static_cast<std::int64_t>(values.size())) {
    std::copy(values.begin(), values.end(), data_.get());
  }
  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  float& operator[](std::int64_t i) { return data_.get()[i]; }
  float operator[](std::int64_t i) const { return data_.get()[i]; }
  Floats values() const { return {data_.get(), data_.get() + size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<float, void (*)(void*)> data_{nullptr, std::free};
};

// Whatever lies there, as kernels and programs take it.
inline const std::byte* bytes(const void* data) {
  return static_cast<const std::byte*>(data);
}
inline std::byte* bytes(void* data) {
  return static_cast<std::byte*>(data);
}

inline void run(const Kernel& kernel, const std::vector<const void*>& in, const std::vector<void*>& out) {
  Buffer scratch(kernel.scratchBytes() / 4 + 16);
  std::vector<const std::byte*> reads;
  std::vector<std::byte*> writes;
  for (const void* data : in) reads.push_back(bytes(data));
  for (void* data : out) writes.push_back(bytes(data));
  kernel.run(reads.data(), writes.data(), scratch.data());
}

template <class Visit>
void eachElement(const TensorDesc& d, Visit visit) {
  std::int64_t plain = 0;
  for (std::int64_t n = 0; n < d.rows(); ++n)
    for (std::int64_t c = 0; c < d.channels(); ++c)
      for (std::int64_t i = 0; i < d.spatial(); ++i) visit(plain++, physicalIndex(d, n, c, i));
}

// Row-major values laid out as `d` says; lanes beyond the channels are zero.
inline Buffer laidOut(const Floats& plain, const TensorDesc& d) {
  Buffer b(d.floats());
  eachElement(d, [&](std::int64_t from, std::int64_t to) { b[to] = plain[sz(from)]; });
  return b;
}

inline Floats rowMajor(const Buffer& b, const TensorDesc& d) {
  Floats plain(sz(elementCount(d.shape)));
  eachElement(d, [&](std::int64_t to, std::int64_t from) { plain[sz(to)] = b[from]; });
  return plain;
}

// Lanes beyond the last channel hold exact zeros.
inline void expectCleanPadding(const Buffer& b, const TensorDesc& d) {
  std::vector<char> real(sz(d.floats()));
  eachElement(d, [&](std::int64_t, std::int64_t at) { real[sz(at)] = 1; });
  std::int64_t dirty = 0;
  for (std::int64_t i = 0; i < d.floats(); ++i) dirty += !real[sz(i)] && b[i] != 0;
  EXPECT_EQ(dirty, 0) << "padding lanes that are not zero, of " << d.floats() - elementCount(d.shape);
}

// Within `tolerance` of the largest expected magnitude.
inline void expectClose(const Floats& got, const Floats& expected, double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  double scale = 1e-30;
  for (float v : expected) scale = std::max(scale, std::abs(static_cast<double>(v)));
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], expected[i], tolerance * scale) << "element " << i << " of " << got.size();
}

// Does this processor multiply such numbers itself? Tests that need them are skipped elsewhere.
inline bool hasOperand(Element operand) {
  try {
    makeOneDnnBackend(operand);
    return true;
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::NotSupportedByHardware) << e.what();
    return false;
  }
}

inline bool sameBits(const Floats& a, const Floats& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace relprop::test

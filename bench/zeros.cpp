// What skipping zeros would gain: layers of 1×1 windows whose input has a share of zeros, by a kernel that multiplies
// only what is not zero, beside the direct convolution. docs/performance.md says what came out, and why no such kernel
// is in the library.
//
// The kernel is the best of those tried. Of a stretch of pixels and 64 to 512 input channels it lists what is not zero,
// orders pixels by how much that is, so that the number of rounds is foretold by the processor, and adds each listed
// number times a row of weights, which lie in the first-level cache, to up to 16 vectors of sums in registers. Sums of
// a pixel are read and written once for each such group of channels.
#include <benchmark/benchmark.h>
#include <immintrin.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "kernels/backend.h"
#include "kernels/onednn/linear.h"

namespace relprop::bench {
namespace {

#define RELPROP_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,fma")))

constexpr std::int64_t kBlock = 16, kPixels = 112, kRowsInCache = 512;  // rows of one vector

struct Floats {
  explicit Floats(std::int64_t count)
      : values(static_cast<float*>(std::aligned_alloc(64, static_cast<std::size_t>(count + 15) / 16 * 64)), std::free) {
    std::fill_n(values.get(), count, 0.0f);
  }
  float* at(std::int64_t i) const { return values.get() + i; }
  std::unique_ptr<float, void (*)(void*)> values;
};

// Channels in blocks of 16, as the library has them; weights: blocks of outputs × inputs × 16 outputs.
struct Layer {
  std::int64_t ic, oc, pixels;
  Floats x{ic * pixels}, weights{ic * oc}, y{oc * pixels};
};

// What is not zero of a stretch of pixels and a group of channels.
struct Listed {
  std::vector<float> values;
  std::vector<std::uint32_t> rows, start, count, order;
  explicit Listed(std::int64_t most) : values(most), rows(most), start(kPixels), count(kPixels), order(kPixels) {}
};

RELPROP_AVX512 void list(const float* x, std::int64_t plane, std::int64_t blocks, std::int64_t pixels, Listed& to) {
  const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  std::vector<std::uint32_t> first(static_cast<std::size_t>(blocks * kBlock + 2));
  std::uint32_t at = 0;
  for (std::int64_t p = 0; p < pixels; ++p) {
    to.start[p] = at;
    for (std::int64_t b = 0; b < blocks; ++b) {
      const __m512 v = _mm512_load_ps(x + b * plane + p * kBlock);
      const __mmask16 some = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
      _mm512_storeu_ps(&to.values[at], _mm512_maskz_compress_ps(some, v));
      const __m512i row = _mm512_add_epi32(lanes, _mm512_set1_epi32(static_cast<int>(b * kBlock)));
      _mm512_storeu_si512(&to.rows[at], _mm512_maskz_compress_epi32(some, row));
      at += static_cast<std::uint32_t>(__builtin_popcount(some));
    }
    to.count[p] = at - to.start[p];
    ++first[to.count[p] + 1];
  }
  for (std::size_t k = 1; k < first.size(); ++k) first[k] += first[k - 1];
  for (std::int64_t p = 0; p < pixels; ++p) to.order[first[to.count[p]]++] = static_cast<std::uint32_t>(p);
}

// Two rows at a time where one alone has too few sums to hide how long a sum takes.
template <int N>
RELPROP_AVX512 void add(const Listed& listed, const float* weights, float* sums, std::int64_t pixels) {
  constexpr int kAtOnce = N < 8 ? 2 : 1;
  for (std::int64_t q = 0; q < pixels; ++q) {
    const std::uint32_t p = listed.order[q], count = listed.count[p];
    const float* value = &listed.values[listed.start[p]];
    const std::uint32_t* row = &listed.rows[listed.start[p]];
    __m512 sum[kAtOnce][N];
#pragma GCC unroll 16
    for (int j = 0; j < N; ++j) sum[0][j] = _mm512_load_ps(sums + (p * N + j) * kBlock);
    if (kAtOnce == 2)
#pragma GCC unroll 16
      for (int j = 0; j < N; ++j) sum[kAtOnce - 1][j] = _mm512_setzero_ps();
    std::uint32_t k = 0;
    for (; k + kAtOnce <= count; k += kAtOnce)
#pragma GCC unroll 2
      for (int a = 0; a < kAtOnce; ++a)
#pragma GCC unroll 16
        for (int j = 0; j < N; ++j)
          sum[a][j] = _mm512_fmadd_ps(_mm512_load_ps(weights + (row[k + a] * N + j) * kBlock),
                                      _mm512_set1_ps(value[k + a]), sum[a][j]);
    for (; k < count; ++k)
#pragma GCC unroll 16
      for (int j = 0; j < N; ++j)
        sum[0][j] =
            _mm512_fmadd_ps(_mm512_load_ps(weights + (row[k] * N + j) * kBlock), _mm512_set1_ps(value[k]), sum[0][j]);
#pragma GCC unroll 16
    for (int j = 0; j < N; ++j)
      _mm512_store_ps(sums + (p * N + j) * kBlock,
                      kAtOnce == 2 ? _mm512_add_ps(sum[0][j], sum[kAtOnce - 1][j]) : sum[0][j]);
  }
}

using Add = void (*)(const Listed&, const float*, float*, std::int64_t);
constexpr Add kAdd[] = {nullptr, add<1>,  add<2>,  add<3>,  add<4>,  add<5>,  add<6>,  add<7>, add<8>,
                        add<9>,  add<10>, add<11>, add<12>, add<13>, add<14>, add<15>, add<16>};

// A stretch of pixels by some vectors of outputs.
struct Task {
  std::int64_t firstPixel, pixels, firstVector, vectors;
};

void run(const Layer& l, const Task& t, Listed& listed, float* weights, float* sums) {
  const std::int64_t inputs = l.ic / kBlock, most = std::max<std::int64_t>(1, kRowsInCache / (t.vectors * kBlock));
  std::memset(sums, 0, static_cast<std::size_t>(t.pixels * t.vectors * kBlock) * sizeof(float));
  for (std::int64_t b = 0; b < inputs; b += most) {
    const std::int64_t blocks = std::min(most, inputs - b);
    for (std::int64_t row = 0; row < blocks * kBlock; ++row)
      for (std::int64_t j = 0; j < t.vectors; ++j)
        std::memcpy(weights + (row * t.vectors + j) * kBlock,
                    l.weights.at(((t.firstVector + j) * l.ic + b * kBlock + row) * kBlock), kBlock * sizeof(float));
    list(l.x.at((b * l.pixels + t.firstPixel) * kBlock), l.pixels * kBlock, blocks, t.pixels, listed);
    kAdd[t.vectors](listed, weights, sums, t.pixels);
  }
  for (std::int64_t p = 0; p < t.pixels; ++p)
    for (std::int64_t j = 0; j < t.vectors; ++j)
      std::memcpy(l.y.at(((t.firstVector + j) * l.pixels + t.firstPixel + p) * kBlock),
                  sums + (p * t.vectors + j) * kBlock, kBlock * sizeof(float));
}

std::vector<Task> tasksOf(const Layer& l) {
  const std::int64_t vectors = l.oc / kBlock, chunks = (vectors + 15) / 16, each = (vectors + chunks - 1) / chunks;
  std::vector<Task> tasks;
  for (std::int64_t v = 0; v < vectors; v += each)
    for (std::int64_t p = 0; p < l.pixels; p += kPixels)
      tasks.push_back({p, std::min(kPixels, l.pixels - p), v, std::min(each, vectors - v)});
  return tasks;
}

void skipping(const Layer& l) {
  const std::vector<Task> tasks = tasksOf(l);
#pragma omp parallel
  {
    Listed listed(kPixels * std::max(kRowsInCache, kBlock) + 16);
    const Floats weights(kRowsInCache * kBlock), sums(kPixels * 16 * kBlock);
#pragma omp for schedule(dynamic)
    for (std::size_t t = 0; t < tasks.size(); ++t) run(l, tasks[t], listed, weights.at(0), sums.at(0));
  }
}

KernelPtr direct(const Layer& l, onednn::Packed& packed) {
  LinearShape s;
  s.ic = l.ic, s.oc = l.oc, s.ih = s.oh = 1, s.iw = s.ow = l.pixels;
  std::vector<float> weights(static_cast<std::size_t>(l.ic * l.oc));
  for (std::int64_t o = 0; o < l.oc; ++o)
    for (std::int64_t i = 0; i < l.ic; ++i)
      weights[static_cast<std::size_t>(o * l.ic + i)] = *l.weights.at((o / kBlock * l.ic + i) * kBlock + o % kBlock);
  return onednn::linearForward({.shape = s, .srcBlock = kBlock, .dstBlock = kBlock, .weights = std::move(weights)},
                               &packed);
}

// Arguments: input and output channels, side of the map, zeros in per cent.
Layer layerOf(const benchmark::State& state) {
  Layer l{state.range(0), state.range(1), state.range(2) * state.range(2)};
  std::mt19937 random(1);
  std::uniform_real_distribution<float> any(0, 1);
  for (std::int64_t i = 0; i < l.ic * l.oc; ++i) *l.weights.at(i) = any(random) - 0.5f;
  for (std::int64_t i = 0; i < l.ic * l.pixels; ++i)
    *l.x.at(i) = any(random) * 100 < static_cast<float>(state.range(3)) ? 0.0f : any(random);
  return l;
}

// The share of outputs that differ by more than rounding.
double disagreement(const Layer& l, const Kernel& kernel, std::byte* scratch) {
  Floats expected(l.oc * l.pixels);
  const std::byte* in = reinterpret_cast<const std::byte*>(l.x.at(0));
  std::byte* out = reinterpret_cast<std::byte*>(expected.at(0));
  kernel.run(&in, &out, scratch);
  skipping(l);
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < l.oc * l.pixels; ++i) wrong += std::abs(*expected.at(i) - *l.y.at(i)) > 1e-3f;
  return static_cast<double>(wrong) / static_cast<double>(l.oc * l.pixels);
}

void zeros(benchmark::State& state, bool skip) {
  if (!__builtin_cpu_supports("avx512bw")) return state.SkipWithError("no such kernel for this processor");
  const Layer l = layerOf(state);
  onednn::Packed packed;
  const KernelPtr kernel = direct(l, packed);
  const Floats scratch(kernel->scratchBytes() / 4 + 16);
  auto* free = reinterpret_cast<std::byte*>(scratch.at(0));
  if (disagreement(l, *kernel, free) > 0) return state.SkipWithError("the two kernels disagree");
  const std::byte* in = reinterpret_cast<const std::byte*>(l.x.at(0));
  std::byte* out = reinterpret_cast<std::byte*>(l.y.at(0));
  for (auto _ : state) skip ? skipping(l) : kernel->run(&in, &out, free);
}

void layers(benchmark::internal::Benchmark* b) {
  const std::int64_t all[][3] = {{256, 64, 56},   {512, 128, 28}, {512, 256, 28}, {1024, 256, 14},
                                 {1024, 512, 14}, {2048, 512, 7}, {480, 192, 14}, {512, 160, 14}};
  for (const auto& [ic, oc, side] : all)
    for (const std::int64_t share : {40, 60, 78}) b->Args({ic, oc, side, share});
  b->Unit(benchmark::kMillisecond)->UseRealTime();
}

BENCHMARK_CAPTURE(zeros, direct, false)->Apply(layers);
BENCHMARK_CAPTURE(zeros, skipped, true)->Apply(layers);

}  // namespace
}  // namespace relprop::bench

BENCHMARK_MAIN();

// Kernels that one source is compiled for several instruction sets; the best one that the processor has is chosen once.
#pragma once

#include <cstdint>

#include "kernels/backend.h"
#include "kernels/program.h"

namespace relprop::simd {

inline constexpr std::int64_t kTile = 256;  // floats of a register: several registers fit the first-level cache

// One tile of a program. reg[r] is where register r lies: instructions write to reg[dst], which the runner has pointed
// at scratch or straight at the output; loads re-point reg[dst] at memory.
struct Tile {
  const Instruction* code;
  int count;
  float** reg;
  const std::byte* const* inputs;  // by slot, at this tile
  const float* const* channels;    // by slot: lanes of this tile's channels, repeated to the tile's length
  const float* const* images;      // by slot, at this tile
  const double* scalars;           // by slot, of this row
  std::int64_t n;
};

// A dense layer with its weights in place: W is float, or unsigned short for bfloat16.
template <class W>
struct DenseTask {
  std::int64_t rows, ic, oc;
  const W* weights;   // O×I
  const float* bias;  // O values, or nullptr
  int terms, results;
  const DenseTerm* term;
  const std::byte* const* in;
  std::byte* const* out;
};

// One image of a local response normalisation.
struct LrnTask {
  std::int64_t channels, spatial, block, size;
  float alpha, beta, bias;
};
inline constexpr int kLrnPixels = 16;  // at a time

struct Ops {
  const char* name;
  int block;  // floats of a vector register
  void (*runTile)(const Tile&);
  void (*narrow)(const float*, std::uint16_t*, std::int64_t);  // to bfloat16
  double (*sum)(const float*, std::int64_t);
  void (*minMax)(const float*, std::int64_t, double* low, double* high);
  void (*maxPool)(const PoolShape&, const float* x, float* y, std::int64_t plane);  // plane: (image, channel vector)
  void (*maxPoolBackward)(const PoolShape&, const float* x, const float* r, float* dx, std::int64_t plane);
  void (*averagePool)(const PoolShape&, const float* x, float* y, std::int64_t plane);
  void (*averagePoolBackward)(const PoolShape&, const float* s, float* dx, std::int64_t plane);
  // One row of a layer normalisation.
  void (*layerNorm)(const LayerNormSpec&, const float* scale, const float* bias, const float* x, float* y);
  void (*layerNormBackward)(const LayerNormSpec&, const float* scale, const float* x, const float* g, float* dx);
  // One row of a softmax.
  void (*softmax)(std::int64_t extent, const float* x, float* y);
  void (*softmaxBackward)(std::int64_t extent, const float* y, const float* g, float* dx);
  // The pixels from `first` on, kLrnPixels at most. work: 3 floats for each channel and pixel.
  void (*lrnBackward)(const LrnTask&, const float* x, const float* g, float* dx, std::int64_t first, float* work);
  // Outputs (forward) or inputs (backward) begin … end − 1.
  void (*denseForward)(const DenseTask<float>&, std::int64_t begin, std::int64_t end);
  void (*denseBackward)(const DenseTask<float>&, std::int64_t begin, std::int64_t end);
  void (*denseForwardBf16)(const DenseTask<unsigned short>&, std::int64_t begin, std::int64_t end);
  void (*denseBackwardBf16)(const DenseTask<unsigned short>&, std::int64_t begin, std::int64_t end);
};

const Ops& opsAvx512();
const Ops& opsAvx2();
const Ops& opsBaseline();
const Ops& bestOps();

void runProgram(const Program& program, const ProgramArgs& args);
// Pools over layouts blocked by bestOps().block, or with channels last.
KernelPtr maxPool(const PoolShape& shape);
KernelPtr maxPoolBackward(const PoolShape& shape);
KernelPtr averagePool(const PoolShape& shape);
KernelPtr averagePoolBackward(const PoolShape& shape);
// Weights at half their width when `bf16`: rounded once, and shared by all kernels over the same weights.
DenseKernelPtr denseForward(const DenseSpec& spec, bool bf16);
KernelPtr denseBackward(const DenseSpec& spec, bool bf16);
// Not where copies overwrite one another.
bool suitsCopy(const CopySpec& spec);
KernelPtr copy(const CopySpec& spec);
KernelPtr softmax(std::int64_t rows, std::int64_t extent);
KernelPtr softmaxBackward(std::int64_t rows, std::int64_t extent);
KernelPtr layerNorm(const LayerNormSpec& spec);
KernelPtr layerNormBackward(const LayerNormSpec& spec);
KernelPtr lrnBackward(const LrnSpec& spec);

}  // namespace relprop::simd

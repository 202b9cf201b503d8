// Convolutions of 3×3 windows and stride 1 by Winograd's minimal filtering F(m×m, 3×3): of every tile of m×m outputs,
// (m + 2)² products of a number of the tile's input by one of the weights, instead of 9·m².
//
// With the points p_j = 0, ±a, ±b, ∞ (m = 4) or 0, ±1, ∞ (m = 2), a tile of outputs is Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A: Bᵀ and
// Aᵀ evaluate and interpolate, G g Gᵀ is computed when the weights are packed. For each of the (m + 2)² places the sum
// over input channels is one product of matrices, tiles × channels by channels × outputs.
//
// Every output is computed by the same operations in the same order, whatever lies beside it: neither the batch nor
// the number of threads changes a bit.
#pragma once

#include <cstdint>

#include "kernels/packed.h"

namespace relprop::simd {

// The layer as it is computed: on the way back a convolution of what comes back, with its weights turned round.
struct WinogradLayer {
  std::int64_t n, ic, ih, iw, oc, oh, ow, pt, pl;
  int tile;                   // m
  std::int64_t down, across;  // tiles of an image
};

// Weights where the model has them: the value of output channel o, input channel i at o·fromOutput + i·fromInput, 9
// floats, from last to first where they are turned.
struct WinogradWeights {
  const float* values;
  std::int64_t fromOutput, fromInput;
  bool turned;
  WeightSlopes part;
};

// Tiles first … first + count − 1 between the two transforms. By place: inputs are count × channels, sums count ×
// outputs, channels as in the values' layout, with their padding.
struct WinogradChunk {
  std::int64_t first, count;
  float *inputs, *sums;
};

// y (=, or +=) a tile's outputs + bias, by `relu` cut to 0 … most. bias: in whole vectors, or nullptr.
struct WinogradFinish {
  const float* bias;
  bool accumulate, relu;
  float most;
};

struct WinogradOps {
  int block;  // floats of a vector
  int panel;  // vectors of outputs that are computed side by side
  // Each does a piece of work that no other one shares. Weights: of a panel's outputs and the inputs begin … end − 1.
  void (*packWeights)(const WinogradLayer&, const WinogradWeights&, float* packed, std::int64_t panel,
                      std::int64_t begin, std::int64_t end);
  void (*transformInput)(const WinogradLayer&, const WinogradChunk&, const float* x, std::int64_t tile);
  void (*multiply)(const WinogradLayer&, const WinogradChunk&, const float* packed, int place, std::int64_t panel);
  void (*transformOutput)(const WinogradLayer&, const WinogradChunk&, const WinogradFinish&, float* y,
                          std::int64_t tile);
};

const WinogradOps& winogradAvx512();
const WinogradOps& winogradAvx2();
// Those of bestOps(); null where vectors are too short for it to pay.
const WinogradOps* bestWinogradOps();

enum class Direction { Forward, Backward };

bool winogradSuits(const WinogradOps* ops, const LinearKernelSpec& spec);  // can it be computed so at all?
// The tile that is to compute a layer in this direction; 0 where it is better computed directly. It depends on the
// shape for one image and on the length of vectors alone.
int winogradTile(const WinogradOps* ops, const LinearKernelSpec& spec, Direction direction);
std::int64_t winogradWeightBytes(const WinogradOps& ops, const LinearKernelSpec& spec, Direction direction, int tile);
struct WinogradLayout {
  Direction direction;
  int tile;
  std::int64_t ic, oc;
  bool operator==(const WinogradLayout&) const = default;
};
using WinogradPacked = PackedWeights<WinogradLayout, float>;
// (x) → (z), or backward (s) → (Wᵀs). packed: null where weights are packed for every run.
KernelPtr winograd(const WinogradOps& ops, const LinearKernelSpec& spec, Direction direction, int tile,
                   WinogradPacked* packed);

}  // namespace relprop::simd

// What the engine asks of an arithmetic library. Front functions have validated everything: kernels trust and compute.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/algorithms.h"
#include "kernels/layout.h"
#include "kernels/program.h"

namespace relprop {

// A linear map with shared weights: convolution (1-D ones have height 1) or dense layer (n rows, all spatial extents
// 1).
struct LinearShape {
  std::int64_t n = 1, ic = 1, ih = 1, iw = 1, oc = 1, oh = 1, ow = 1;
  std::int64_t kh = 1, kw = 1, sh = 1, sw = 1, dh = 1, dw = 1, pt = 0, pl = 0, pb = 0, pr = 0, groups = 1;
  bool dense = false;

  Shape inputShape() const { return dense ? Shape{n, ic} : Shape{n, ic, ih, iw}; }
  Shape outputShape() const { return dense ? Shape{n, oc} : Shape{n, oc, oh, ow}; }
  std::int64_t weightCount() const { return oc * (ic / groups) * kh * kw; }
  std::int64_t flops() const { return 2 * n * oh * ow * weightCount(); }
};

// Values that a layer and its kernels share; never copied.
class SharedFloats {
 public:
  SharedFloats() : SharedFloats(std::vector<float>()) {}
  SharedFloats(std::initializer_list<float> values) : SharedFloats(std::vector<float>(values)) {}
  SharedFloats(std::vector<float> values) : values_(std::make_shared<const std::vector<float>>(std::move(values))) {}
  SharedFloats(std::shared_ptr<const std::vector<float>> values) : values_(std::move(values)) {}

  const std::vector<float>& operator*() const { return *values_; }
  const float* data() const { return values_->data(); }
  std::size_t size() const { return values_->size(); }
  float operator[](std::size_t i) const { return (*values_)[i]; }

  // Which values they are, for those who do not keep them.
  using Identity = std::weak_ptr<const std::vector<float>>;
  Identity identity() const { return values_; }
  bool isSame(const Identity& other) const { return !values_.owner_before(other) && !other.owner_before(values_); }

 private:
  std::shared_ptr<const std::vector<float>> values_;
};

// A weight counts up·w where w > 0 and down·w where w < 0: w⁺ is {1, 0}, |w| {1, −1}, w + γw⁺ {1 + γ, 1}.
struct WeightSlopes {
  float up = 1, down = 1;
  float of(float w) const { return w * (w > 0 ? up : down); }
  bool isAll() const { return up == 1 && down == 1; }
  bool operator==(const WeightSlopes&) const = default;
};

// weights: O × I/groups × kh × kw. bias: O values or empty. operands: what is multiplied; sums are
// float32. in, out: what lies in the buffers; a layer of narrow operands converts inputs that are not narrow yet.
struct LinearKernelSpec {
  LinearShape shape;
  int srcBlock = 1, dstBlock = 1;
  SharedFloats weights = {};
  std::vector<float> bias = {};
  bool relu = false;        // forward: min(max(0, ·), most) on the result
  bool accumulate = false;  // dst += result
  float most = std::numeric_limits<float>::infinity();
  Element operands = Element::Float32, in = Element::Float32, out = Element::Float32;
  WeightSlopes part = {};  // of the weights, taken while they are packed
};

// When weights are brought into the order that kernels read them in: once, or for every run, which takes longer but
// keeps nothing beside the weights themselves.
enum class Packing { Once, EveryRun };

// A part of the weights times the operand `in`, for the result `out`.
struct DenseTerm {
  WeightSlopes part = {};
  int in = 0, out = 0;
};

// A dense layer at few rows that reads its weights where they lie, in parts that need no copy of them, and once for all
// terms. Forward: y_out = Σ part(W)·x_in over its terms; the bias belongs to y_0. Backward: y_out = Σ part(W)ᵀ·s_in.
struct DenseSpec {
  std::int64_t rows = 1, ic = 1, oc = 1;
  std::shared_ptr<const std::vector<float>> weights;  // O×I
  std::vector<float> bias = {};                       // forward: O values or empty
  std::vector<DenseTerm> terms = {{}};

  int results() const {
    int count = 1;
    for (const DenseTerm& t : terms) count = std::max(count, t.out + 1);
    return count;
  }
  std::int64_t flops() const { return 2 * rows * ic * oc * static_cast<std::int64_t>(terms.size()); }
};

struct PoolShape {
  std::int64_t n = 1, c = 1, ih = 1, iw = 1, oh = 1, ow = 1;
  std::int64_t kh = 1, kw = 1, sh = 1, sw = 1, dh = 1, dw = 1, pt = 0, pl = 0, pb = 0, pr = 0;
  int block = 1;
  bool countPadding =
      false;  // average: divide by the whole window (cut at the padded border) instead of by what lies inside
};

// dst[o + Σ i_d·dstStride_d] (=, or +=) src[o' + Σ i_d·srcStride_d] over a box of extents.
struct CopySpec {
  std::vector<std::int64_t> extents, srcStrides, dstStrides;
  std::int64_t srcOffset = 0, dstOffset = 0;
  bool accumulate = false;
};

// Separable interpolation along each axis: out[i] = Σ_k weight[i][k]·in[index[i][k]].
struct ResizeAxis {
  std::int64_t in = 1, out = 1;
  std::vector<std::int64_t> index;  // out × taps
  std::vector<float> weight;        // out × taps

  std::size_t taps() const { return out == 0 ? 0 : index.size() / static_cast<std::size_t>(out); }
};

struct LrnSpec {
  TensorDesc desc;
  std::int64_t size = 5;
  float alpha = 1e-4f, beta = 0.75f, bias = 1.0f;
};

// Rows of `extent` values, each normalised by its own mean and variance, then scaled and shifted by position.
struct LayerNormSpec {
  std::int64_t rows = 1, extent = 1;
  float epsilon = 1e-5f;
  std::vector<float> scale, bias;  // extent values each
  bool constantDeviation = false;  // backward: only the mean depends on x
};

// c[m, n] = a[m, k] · b[k, n], `batch` times; a transposed operand lies as [k, m] or [n, k].
struct MatmulSpec {
  std::int64_t batch = 1, m = 1, n = 1, k = 1;
  bool transposeA = false, transposeB = false;
  std::int64_t flops() const { return 2 * batch * m * n * k; }
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  // in/out: buffers in the order the factory names them, of float32 unless the spec says otherwise. scratch:
  // scratchBytes() bytes, 64-byte aligned.
  virtual void run(const std::byte* const* in, std::byte* const* out, void* scratch) const = 0;
  virtual std::int64_t scratchBytes() const { return 0; }
  virtual std::int64_t weightBytes() const { return 0; }
  // How it is computed, where there are several ways ("direct", "F(4×4)"); else "".
  virtual const char* algorithm() const { return ""; }
  // What it multiplies and adds for a layer that takes `flops` directly.
  virtual std::int64_t multiplied(std::int64_t flops) const { return flops; }
};
using KernelPtr = std::unique_ptr<Kernel>;

// A dense layer of which more may be asked until it runs: further results change no bit of those before.
class DenseKernel : public Kernel {
 public:
  virtual const DenseSpec& spec() const = 0;
  virtual void add(const std::vector<DenseTerm>& terms) = 0;
};
using DenseKernelPtr = std::unique_ptr<DenseKernel>;

class Backend {
 public:
  virtual ~Backend() = default;
  virtual const char* name() const = 0;
  virtual int block() const = 0;                                // channel block of its fastest kernels, 1: plain
  virtual TensorDesc activation(const Shape& shape) const = 0;  // the layout values of that shape have
  virtual Element operand() const = 0;  // what convolutions and dense layers multiply, and their inputs are stored as
  // Kernels are made for so many threads, and plans and programs run by them, from now on; 0: all cores. The calling
  // thread's own setting is as before when a call returns.
  virtual void setThreads(int threads) = 0;
  virtual int threads() const = 0;

  virtual KernelPtr linearForward(const LinearKernelSpec& spec) = 0;  // (x) → (z); accumulate: z is read too
  virtual KernelPtr linearBackward(const LinearKernelSpec& spec) = 0;  // (s) → (Wᵀs); accumulate: what is there is read
  virtual bool readsDenseInPlace(std::int64_t rows) const = 0;  // is denseForward the right choice for so many rows?
  virtual DenseKernelPtr denseForward(const DenseSpec& spec) = 0;
  virtual KernelPtr denseBackward(const DenseSpec& spec) = 0;
  // (x, g) → Σ over rows and positions of g·x for every weight, plain; the spec's own weights are not looked at.
  virtual KernelPtr linearWeightGradient(const LinearKernelSpec& spec) = 0;
  virtual KernelPtr reorder(const TensorDesc& from, const TensorDesc& to) = 0;  // same shape, other block
  virtual KernelPtr maxPool(const PoolShape& shape) = 0;                        // (x) → (y)
  virtual KernelPtr maxPoolBackward(const PoolShape& shape) = 0;      // (x, R) → (R to the winner; ties to the first)
  virtual KernelPtr averagePool(const PoolShape& shape) = 0;          // (x) → (y)
  virtual KernelPtr averagePoolBackward(const PoolShape& shape) = 0;  // (s) → (transposed)
  virtual KernelPtr lrn(const LrnSpec& spec) = 0;                     // (x) → (y)
  virtual KernelPtr lrnBackward(const LrnSpec& spec) = 0;             // (x, g) → (vector-Jacobian product)
  virtual KernelPtr lrnSecant(const LrnSpec& spec) = 0;               // (x, x′, g) → (m with Σ m·Δx = Σ g·Δy)
  virtual KernelPtr softmax(std::int64_t outer, std::int64_t extent, std::int64_t inner) = 0;          // plain layout
  virtual KernelPtr softmaxBackward(std::int64_t outer, std::int64_t extent, std::int64_t inner) = 0;  // (y, g) → g·J
  virtual KernelPtr layerNorm(const LayerNormSpec& spec) = 0;          // (x) → (y); plain layout
  virtual KernelPtr layerNormBackward(const LayerNormSpec& spec) = 0;  // (x, g) → (vector-Jacobian product)
  virtual KernelPtr matmul(const MatmulSpec& spec) = 0;                // (a, b) → (c); plain layout
  virtual KernelPtr copy(const CopySpec& spec) = 0;                    // plain layout
  virtual KernelPtr fill(std::int64_t floats, float value) = 0;        // () → (constant)
  virtual KernelPtr resize(std::int64_t planes, const ResizeAxis& h, const ResizeAxis& w) = 0;  // plain layout
  virtual KernelPtr resizeBackward(std::int64_t planes, const ResizeAxis& h, const ResizeAxis& w) = 0;
  virtual void runProgram(const Program& program, const ProgramArgs& args) = 0;
};

// Plain loops, plain layout: the oracle.
std::unique_ptr<Backend> makeReferenceBackend(Element operand = Element::Float32);
// oneDNN for layers with weights, vector kernels of our own for the rest. Throws NotSupportedByHardware where the
// processor has no instructions for such operands.
// algorithms: of layers that are in the table; null, and for all others: what the model of costs says.
std::unique_ptr<Backend> makeOneDnnBackend(Element operand = Element::Float32, Packing packing = Packing::Once,
                                           std::shared_ptr<const AlgorithmTable> algorithms = {});
std::string oneDnnVersion();

// Which backend computes, as a plan's maker says it: Processor is the fast one.
enum class BackendKind { Processor, Reference };
struct BackendChoice {
  BackendKind kind = BackendKind::Processor;
  Element operand = Element::Float32;
  Packing packing = Packing::Once;                        // of no meaning to Reference, which packs nothing
  int threads = 0;                                        // 0: all cores
  std::shared_ptr<const AlgorithmTable> algorithms = {};  // of no meaning to Reference, which has one way
};
// Throws what the chosen one's maker throws.
std::unique_ptr<Backend> makeBackend(const BackendChoice& choice = {});
// Of the libraries that backends are built on, by name.
std::map<std::string, std::string> backendLibraries();

}  // namespace relprop

#include "kernels/simd/winograd.h"

#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "kernels/simd/simd.h"
#include "system/memory_bound.h"

namespace relprop::simd {
namespace {

std::int64_t roundedUp(std::int64_t value, std::int64_t step) {
  return (value + step - 1) / step * step;
}

// Backward: R_i = Σ_o Σ_k w_oi(k)·s_o(i + pad − k) is a convolution of s with the weights from last to first, and what
// the padding cut off is padded.
WinogradLayer layerOf(const LinearShape& s, Direction direction, int tile) {
  WinogradLayer l = direction == Direction::Backward
                        ? WinogradLayer{s.n, s.oc, s.oh, s.ow, s.ic, s.ih, s.iw, 2 - s.pt, 2 - s.pl, tile, 0, 0}
                        : WinogradLayer{s.n, s.ic, s.ih, s.iw, s.oc, s.oh, s.ow, s.pt, s.pl, tile, 0, 0};
  l.down = (l.oh + tile - 1) / tile, l.across = (l.ow + tile - 1) / tile;
  return l;
}

WinogradWeights weightsOf(const LinearKernelSpec& spec, Direction direction) {
  const bool backward = direction == Direction::Backward;
  const std::int64_t perOutput = spec.shape.ic * 9;
  return {spec.weights.data(), backward ? 9 : perOutput, backward ? perOutput : 9, backward, spec.part};
}

std::int64_t tilesOf(const WinogradLayer& l) {
  return l.n * l.down * l.across;
}
std::int64_t placesOf(const WinogradLayer& l) {
  return (l.tile + 2) * (l.tile + 2);
}
std::int64_t packedBytesOf(const WinogradLayer& l, const WinogradOps& ops) {
  return roundedUp(placesOf(l) * l.ic * roundedUp(l.oc, ops.block) * 4, 64);
}

bool isSuited(const LinearKernelSpec& spec, int block) {
  const LinearShape& s = spec.shape;
  const bool window = s.kh == 3 && s.kw == 3 && s.sh == 1 && s.sw == 1 && s.dh == 1 && s.dw == 1;
  const bool floats = spec.operands == Element::Float32 && spec.in == Element::Float32 && spec.out == Element::Float32;
  const bool blocked = spec.srcBlock == block && spec.dstBlock == block;
  return !s.dense && s.groups == 1 && window && std::max({s.pt, s.pl, s.pb, s.pr}) <= 2 && floats && blocked;
}

// What a layer costs for one image, in products of a vector (measured on processors with AVX-512 and AVX2): the
// products themselves; the transforms, of every number that goes in or comes out as much as so many products; and the
// reading of every weight.
constexpr double kTransform = 16, kReadWeight = 16, kDirect = 0.75;

double costOf(const WinogradLayer& l) {
  const double in = static_cast<double>(l.ic), out = static_cast<double>(l.oc);
  const double tiles = static_cast<double>(l.down * l.across), places = static_cast<double>(placesOf(l));
  return places * (tiles * (in * out + kTransform * (in + out)) + kReadWeight * in * out);
}

double directCost(const LinearShape& s) {
  return kDirect * static_cast<double>(s.oh * s.ow * s.weightCount());
}

// How tiles are shared out: stretches of them to threads that go through all phases alone, or all threads together
// through one phase after the other: where there are too few tiles for that, or weights so large that they had better
// be read by one thread each.
struct Sharing {
  std::int64_t threads, chunks, perChunk;
  bool together;
};

Sharing sharingOf(std::int64_t tiles, std::int64_t weightBytes, std::int64_t threads) {
  constexpr std::int64_t kFew = 20, kMany = 48, kManyTogether = 192, kLarge = 4 << 20;
  const std::int64_t perThread = (tiles + threads - 1) / threads;
  const bool together = threads > 1 && (perThread < kFew || weightBytes > kLarge);
  const std::int64_t stretches =
      together ? (tiles + kManyTogether - 1) / kManyTogether : threads * ((perThread + kMany - 1) / kMany);
  const std::int64_t perChunk = (tiles + stretches - 1) / stretches;
  return {threads, (tiles + perChunk - 1) / perChunk, perChunk, together};
}

class Winograd : public Kernel {
 public:
  Winograd(const WinogradOps& ops, LinearKernelSpec spec, Direction direction, int tile, WinogradPacked* packed)
      : ops_(ops),
        layer_(layerOf(spec.shape, direction, tile)),
        direction_(direction),
        sharing_(sharingOf(tilesOf(layer_), packedBytesOf(layer_, ops), omp_get_max_threads())),
        spec_(std::move(spec)) {
    if (direction == Direction::Backward)  // which knows of weights alone
      spec_.bias.clear(), spec_.relu = false;
    if (!spec_.bias.empty()) spec_.bias.resize(static_cast<std::size_t>(roundedUp(layer_.oc, ops.block)));
    if (!packed) return;
    auto [weights, isNew] = packed->get(spec_.weights, spec_.part, {direction, tile, spec_.shape.ic, spec_.shape.oc},
                                        [this] { return packedAnew(); });
    packed_ = std::move(weights), isNew_ = isNew;
    spec_.weights = SharedFloats();
  }

  void run(const std::byte* const* in, std::byte* const* out, void* scratch) const override {
    float* free = static_cast<float*>(scratch);
    const float* weights = packed_.get();
    if (!weights) pack(free), weights = free, free += packedBytes() / 4;
    const float* x = reinterpret_cast<const float*>(in[0]);
    float* y = reinterpret_cast<float*>(out[0]);
    sharing_.together ? runTogether(x, weights, free, y) : runApart(x, weights, free, y);
  }

  std::int64_t scratchBytes() const override {
    const std::int64_t copies = sharing_.together ? 1 : std::min(sharing_.threads, sharing_.chunks);
    return (packed_ ? 0 : packedBytes()) + copies * chunkFloats() * 4;
  }
  std::int64_t weightBytes() const override { return packed_ && isNew_ ? packedBytes() : 0; }
  const char* algorithm() const override {
    return nameOf(layer_.tile == 4 ? Algorithm::Winograd4 : Algorithm::Winograd2);
  }
  // Without the transforms, which have no products worth the name.
  std::int64_t multiplied(std::int64_t) const override {
    return 2 * placesOf(layer_) * tilesOf(layer_) * layer_.ic * layer_.oc;
  }

 private:
  std::int64_t packedBytes() const { return packedBytesOf(layer_, ops_); }
  std::int64_t inputFloats() const { return placesOf(layer_) * sharing_.perChunk * roundedUp(layer_.ic, ops_.block); }
  std::int64_t chunkFloats() const {
    return inputFloats() + placesOf(layer_) * sharing_.perChunk * roundedUp(layer_.oc, ops_.block);
  }
  std::int64_t panels() const { return (layer_.oc + ops_.block * ops_.panel - 1) / (ops_.block * ops_.panel); }

  std::shared_ptr<float> packedAnew() const {
    requireMemory(packedBytes(), kPackedWeights);
    std::shared_ptr<float> all(static_cast<float*>(std::aligned_alloc(64, static_cast<std::size_t>(packedBytes()))),
                               std::free);
    if (!all) throw std::bad_alloc();
    pack(all.get());
    return all;
  }

  void pack(float* to) const {
    constexpr std::int64_t kInputs = 64;  // of a task
    const WinogradWeights weights = weightsOf(spec_, direction_);
#pragma omp parallel for collapse(2) schedule(static)
    for (std::int64_t panel = 0; panel < panels(); ++panel)
      for (std::int64_t i = 0; i < layer_.ic; i += kInputs)
        ops_.packWeights(layer_, weights, to, panel, i, std::min(i + kInputs, layer_.ic));
  }

  WinogradChunk chunkOf(std::int64_t k, float* buffer) const {
    const std::int64_t first = k * sharing_.perChunk;
    return {first, std::min(sharing_.perChunk, tilesOf(layer_) - first), buffer, buffer + inputFloats()};
  }
  void multiply(const WinogradChunk& chunk, const float* weights, std::int64_t task) const {
    ops_.multiply(layer_, chunk, weights, static_cast<int>(task / panels()), task % panels());
  }
  void finish(const WinogradChunk& chunk, float* y, std::int64_t tile) const {
    const WinogradFinish finish{spec_.bias.empty() ? nullptr : spec_.bias.data(), spec_.accumulate, spec_.relu,
                                spec_.most};
    ops_.transformOutput(layer_, chunk, finish, y, tile);
  }

  void runApart(const float* x, const float* weights, float* buffers, float* y) const {
    const std::int64_t products = placesOf(layer_) * panels();
#pragma omp parallel for schedule(dynamic) num_threads(static_cast <int>(sharing_.threads))
    for (std::int64_t k = 0; k < sharing_.chunks; ++k) {
      const WinogradChunk chunk = chunkOf(k, buffers + omp_get_thread_num() * chunkFloats());
      for (std::int64_t t = 0; t < chunk.count; ++t) ops_.transformInput(layer_, chunk, x, t);
      for (std::int64_t p = 0; p < products; ++p) multiply(chunk, weights, p);
      for (std::int64_t t = 0; t < chunk.count; ++t) finish(chunk, y, t);
    }
  }

  void runTogether(const float* x, const float* weights, float* buffer, float* y) const {
    const std::int64_t products = placesOf(layer_) * panels();
#pragma omp parallel num_threads(static_cast <int>(sharing_.threads))
    for (std::int64_t k = 0; k < sharing_.chunks; ++k) {
      const WinogradChunk chunk = chunkOf(k, buffer);
#pragma omp for schedule(static)
      for (std::int64_t t = 0; t < chunk.count; ++t) ops_.transformInput(layer_, chunk, x, t);
#pragma omp for schedule(dynamic)
      for (std::int64_t p = 0; p < products; ++p) multiply(chunk, weights, p);
#pragma omp for schedule(static)
      for (std::int64_t t = 0; t < chunk.count; ++t) finish(chunk, y, t);
    }
  }

  const WinogradOps& ops_;
  WinogradLayer layer_;
  Direction direction_;
  Sharing sharing_;
  LinearKernelSpec spec_;  // without its weights once they are packed
  std::shared_ptr<float> packed_;
  bool isNew_ = true;  // nobody else had them before
};

}  // namespace

const WinogradOps* bestWinogradOps() {
#if defined(__x86_64__)
  if (&bestOps() == &opsAvx512()) return &winogradAvx512();
  if (&bestOps() == &opsAvx2() && __builtin_cpu_supports("fma")) return &winogradAvx2();
#endif
  return nullptr;
}

bool winogradSuits(const WinogradOps* ops, const LinearKernelSpec& spec) {
  return ops && isSuited(spec, ops->block);
}

int winogradTile(const WinogradOps* ops, const LinearKernelSpec& spec, Direction direction) {
  if (!winogradSuits(ops, spec)) return 0;
  const double two = costOf(layerOf(spec.shape, direction, 2)), four = costOf(layerOf(spec.shape, direction, 4));
  if (std::min(two, four) >= directCost(spec.shape)) return 0;
  return four < two ? 4 : 2;
}

std::int64_t winogradWeightBytes(const WinogradOps& ops, const LinearKernelSpec& spec, Direction direction, int tile) {
  return packedBytesOf(layerOf(spec.shape, direction, tile), ops);
}

KernelPtr winograd(const WinogradOps& ops, const LinearKernelSpec& spec, Direction direction, int tile,
                   WinogradPacked* packed) {
  return std::make_unique<Winograd>(ops, spec, direction, tile, packed);
}

}  // namespace relprop::simd

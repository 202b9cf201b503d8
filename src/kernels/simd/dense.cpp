// Dense layers at few rows: all threads read the weights once, each a stretch of its own.
#include <algorithm>
#include <map>
#include <mutex>

#include "kernels/simd/simd.h"

namespace relprop::simd {
namespace {

using Weights = std::vector<float>;
using Rounded = std::vector<unsigned short>;

std::shared_ptr<const Rounded> round(const Weights& weights) {
  auto out = std::make_shared<Rounded>(weights.size());
  constexpr std::int64_t kStretch = 1 << 16;
  const auto count = static_cast<std::int64_t>(weights.size());
#pragma omp parallel for schedule(static)
  for (std::int64_t i = 0; i < count; i += kStretch)
    bestOps().narrow(weights.data() + i, out->data() + i, std::min(kStretch, count - i));
  return out;
}

// Kernels over the same weights share one rounded copy, as long as one of them lives. It keeps the weights themselves
// alive, so that their address stays theirs.
struct Shared {
  std::shared_ptr<const Weights> weights;
  std::shared_ptr<const Rounded> rounded;
};

struct Copy {
  std::shared_ptr<const Rounded> values;
  std::int64_t bytes;  // that it took: 0 where another kernel has made it
};

Copy shared(const std::shared_ptr<const Weights>& weights) {
  static std::mutex guard;
  static std::map<const Weights*, std::weak_ptr<const Shared>> known;
  const std::lock_guard lock(guard);
  std::erase_if(known, [](const auto& entry) { return entry.second.expired(); });
  auto& entry = known[weights.get()];
  std::shared_ptr<const Shared> all = entry.lock();
  const bool made = !all;
  if (made) entry = all = std::make_shared<const Shared>(Shared{weights, round(*weights)});
  const auto bytes = static_cast<std::int64_t>(weights->size() * sizeof(unsigned short));
  return {{all, all->rounded.get()}, made ? bytes : 0};
}

// Bounds that depend on the shape alone, at whole vectors.
struct Stretches {
  std::int64_t extent, length;
  std::int64_t count() const { return (extent + length - 1) / length; }
};

// Forward: outputs. Backward: columns, whose sums have to stay in the second-level cache.
Stretches stretchesOf(const DenseSpec& s, bool forward) {
  if (forward) return {s.oc, 16};
  constexpr std::int64_t kSums = 65536;
  const std::int64_t perColumn = s.rows * s.results();
  const std::int64_t half = (s.ic / 2 + 63) / 64 * 64;
  return {s.ic, std::max<std::int64_t>(64, std::min(half, kSums / perColumn / 64 * 64))};
}

template <class W>
class Dense : public DenseKernel {
 public:
  using Range = void (*)(const DenseTask<W>&, std::int64_t, std::int64_t);

  // ownBytes: of the weights, where they are no one else's.
  Dense(DenseSpec spec, std::shared_ptr<const std::vector<W>> weights, std::int64_t ownBytes, bool forward, Range range)
      : spec_(std::move(spec)),
        weights_(std::move(weights)),
        ownBytes_(ownBytes),
        stretches_(stretchesOf(spec_, forward)),
        range_(range) {}

  void run(const std::byte* const* in, std::byte* const* out, void*) const override {
    const DenseTask<W> task{spec_.rows,
                            spec_.ic,
                            spec_.oc,
                            weights_->data(),
                            spec_.bias.empty() ? nullptr : spec_.bias.data(),
                            static_cast<int>(spec_.terms.size()),
                            spec_.results(),
                            spec_.terms.data(),
                            in,
                            out};
    const std::int64_t count = stretches_.count();
#pragma omp parallel for schedule(static)
    for (std::int64_t k = 0; k < count; ++k)
      range_(task, k * stretches_.length, std::min(stretches_.extent, (k + 1) * stretches_.length));
  }

  std::int64_t weightBytes() const override {
    return ownBytes_;
  }
  const DenseSpec& spec() const override {
    return spec_;
  }
  void add(const std::vector<DenseTerm>& terms) override {
    spec_.terms.insert(spec_.terms.end(), terms.begin(), terms.end());
  }

 private:
  DenseSpec spec_;
  std::shared_ptr<const std::vector<W>> weights_;
  std::int64_t ownBytes_;
  Stretches stretches_;
  Range range_;
};

DenseKernelPtr make(const DenseSpec& spec, bool bf16, bool forward) {
  const Ops& ops = bestOps();
  if (bf16) {
    const Copy copy = shared(spec.weights);
    return std::make_unique<Dense<unsigned short>>(spec, copy.values, copy.bytes, forward,
                                                   forward ? ops.denseForwardBf16 : ops.denseBackwardBf16);
  }
  return std::make_unique<Dense<float>>(spec, spec.weights, 0, forward, forward ? ops.denseForward : ops.denseBackward);
}

}  // namespace

DenseKernelPtr denseForward(const DenseSpec& spec, bool bf16) {
  return make(spec, bf16, true);
}
KernelPtr denseBackward(const DenseSpec& spec, bool bf16) {
  return make(spec, bf16, false);
}

}  // namespace relprop::simd

// Runs a program tile by tile. Work is cut into chunks whose bounds depend on the shape alone and whose partial sums
// are added in order, so the result does not depend on the number of threads.
#include <omp.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/simd/simd.h"

namespace relprop::simd {
namespace {

constexpr std::int64_t kTilesPerChunk = 8;

// A row is cut into segments within which channel constants repeat; a segment into tiles.
struct Cut {
  std::int64_t segment, segments, tilesPerSegment, chunks;
};

bool needsSegments(const Program& p) {
  return p.desc.padded() || !p.channelConstants.empty();
}

Cut cutOf(const Program& p) {
  const std::int64_t row = p.desc.rowFloats(), spatial = p.desc.spatial();
  const bool whole = !needsSegments(p) || (p.desc.block == 1 && spatial == 1);
  const std::int64_t segment = whole ? row : spatial * p.desc.block;
  const std::int64_t perSegment = segment == 0 ? 0 : (segment + kTile - 1) / kTile;
  const std::int64_t segments = segment == 0 ? 0 : row / segment;
  return {segment, segments, perSegment, (segments * perSegment + kTilesPerChunk - 1) / kTilesPerChunk};
}

struct Partial {
  double sum = 0, low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
};

// Per-thread storage: registers, channel lanes and the pointer tables of a tile.
class Worker {
 public:
  Worker(const Program& p, const ProgramArgs& args, const Cut& cut)
      : p_(p),
        args_(args),
        cut_(cut),
        storage_((static_cast<std::size_t>(p.registers) + p.channelConstants.size()) * kTile),
        home_(static_cast<std::size_t>(p.registers)),
        reg_(home_.size()),
        inputs_(args.inputs.size()),
        channels_(p.channelConstants.size()),
        images_(p.imageConstants.size()),
        spread_(p.channelConstants.size()),
        scalars_(args.scalars.size()) {}

  void run(std::int64_t row, std::int64_t tile, Partial* partials) {
    const std::int64_t segment = tile / cut_.tilesPerSegment, within = tile % cut_.tilesPerSegment * kTile;
    const std::int64_t offset = segment * cut_.segment + within;
    const std::int64_t n = std::min(kTile, cut_.segment - within);
    point(row, segment, offset, within, n);
    bestOps().runTile({p_.code.data(), static_cast<int>(p_.code.size()), reg_.data(), inputs_.data(), channels_.data(),
                       images_.data(), scalars_.data(), n});
    const bool last = p_.desc.padded() && segment == cut_.segments - 1;
    if (last) clearPadding(n);
    store(row, offset, n);
    for (std::size_t k = 0; k < p_.reductions.size(); ++k) reduce(p_.reductions[k], n, last, partials[k]);
  }

 private:
  void point(std::int64_t row, std::int64_t segment, std::int64_t offset, std::int64_t within, std::int64_t n) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) inputs_[i] = placeOf(args_.inputs[i], row, offset);
    for (std::size_t i = 0; i < images_.size(); ++i) images_[i] = p_.imageConstants[i]->data() + offset;
    for (std::size_t i = 0; i < scalars_.size(); ++i) scalars_[i] = args_.scalars[i].data[row / args_.scalars[i].group];
    for (std::size_t i = 0; i < channels_.size(); ++i) channels_[i] = channelLanes(i, segment, within, n);
    for (std::size_t i = 0; i < reg_.size(); ++i)
      home_[i] = reg_[i] = storage_.data() + static_cast<std::int64_t>(i) * kTile;
    for (const Program::Store& s : p_.stores) {
      const ProgramOutput& out = args_.outputs[static_cast<std::size_t>(s.slot)];
      const auto r = static_cast<std::size_t>(s.reg);
      if (out.element == Element::Float32) home_[r] = reg_[r] = reinterpret_cast<float*>(placeOf(out, row, offset));
    }
  }

  const float* channelLanes(std::size_t i, std::int64_t segment, std::int64_t within, std::int64_t n) {
    const std::vector<float>& values = *p_.channelConstants[i];
    if (cut_.segments == 1 && p_.desc.spatial() == 1 && p_.desc.block == 1) return values.data() + within;
    float* lanes = storage_.data() + (static_cast<std::int64_t>(home_.size() + i)) * kTile;
    const std::int64_t b = p_.desc.block;
    const float* channels = values.data() + segment * b;
    const std::int64_t first = within % b;  // a block may be longer than a tile (channels last)
    if (first + n <= b) return channels + first;
    Spread& there = spread_[i];
    if (there.channels == channels && there.first == first && there.n >= n) return lanes;
    there = {channels, first, n};
    if (b == 1)
      std::fill_n(lanes, n, *channels);
    else
      for (std::int64_t k = 0, at = first; k < n; at = 0) {
        const std::int64_t run = std::min(b - at, n - k);
        std::copy_n(channels + at, run, lanes + k);
        k += run;
      }
    return lanes;
  }

  // A stored register usually lies in the output already; one that is a bare load, or stored twice, is copied.
  void store(std::int64_t row, std::int64_t offset, std::int64_t n) {
    for (const Program::Store& s : p_.stores) {
      const ProgramOutput& out = args_.outputs[static_cast<std::size_t>(s.slot)];
      std::byte* target = placeOf(out, row, offset);
      const float* source = reg_[static_cast<std::size_t>(s.reg)];
      if (out.element == Element::Bfloat16)
        bestOps().narrow(source, reinterpret_cast<std::uint16_t*>(target), n);
      else if (reinterpret_cast<const std::byte*>(source) != target)
        std::memcpy(target, source, static_cast<std::size_t>(n) * sizeof(float));
    }
  }

  void clearLanes(int r, std::int64_t n) {
    const auto index = static_cast<std::size_t>(r);
    if (reg_[index] != home_[index]) return;  // a bare load: its source keeps the invariant
    const std::int64_t b = p_.desc.block, used = p_.desc.channels() % b;
    for (std::int64_t i = 0; i < n; i += b)
      for (std::int64_t k = used; k < b; ++k) reg_[index][i + k] = 0.0f;
  }

  void clearPadding(std::int64_t n) {
    for (const Program::Store& s : p_.stores) clearLanes(s.reg, n);
    for (const Program::Reduce& r : p_.reductions)
      if (r.kind == Reduction::Sum) clearLanes(r.reg, n);
  }

  static void extremes(const float* x, std::int64_t n, Partial& into) {
    double low, high;
    bestOps().minMax(x, n, &low, &high);
    into.low = std::min(into.low, low);
    into.high = std::max(into.high, high);
  }

  // last: the tile has padding lanes, which are no values.
  void reduce(const Program::Reduce& r, std::int64_t n, bool last, Partial& into) {
    const float* x = reg_[static_cast<std::size_t>(r.reg)];
    if (r.kind == Reduction::Sum) {
      into.sum += bestOps().sum(x, n);
      return;
    }
    const std::int64_t b = p_.desc.block, used = last ? p_.desc.channels() % b : b;
    for (std::int64_t i = 0; used < b && i < n; i += b) extremes(x + i, used, into);
    if (used == b) extremes(x, n, into);
  }

  // What the lanes of a channel constant hold: most tiles need what the one before them needed.
  struct Spread {
    const float* channels = nullptr;
    std::int64_t first = 0, n = 0;
  };

  const Program& p_;
  const ProgramArgs& args_;
  const Cut cut_;
  std::vector<float> storage_;
  std::vector<float*> home_, reg_;
  std::vector<const std::byte*> inputs_;
  std::vector<const float*> channels_, images_;
  std::vector<Spread> spread_;
  std::vector<double> scalars_;
};

void combine(const Program& p, const ProgramArgs& args, const Cut& cut, const std::vector<Partial>& partials) {
  const std::size_t kinds = p.reductions.size();
  for (std::size_t k = 0; k < kinds; ++k)
    for (std::int64_t row = 0; row < p.desc.rows(); ++row) {
      Partial all;
      for (std::int64_t c = 0; c < cut.chunks; ++c) {
        const Partial& part = partials[static_cast<std::size_t>(row * cut.chunks + c) * kinds + k];
        all = {all.sum + part.sum, std::min(all.low, part.low), std::max(all.high, part.high)};
      }
      const Program::Reduce& r = p.reductions[k];
      args.reductions[static_cast<std::size_t>(r.slot)][row] = r.kind == Reduction::Sum   ? all.sum
                                                               : r.kind == Reduction::Min ? all.low
                                                                                          : all.high;
    }
}

// Rows in turn that share what they read: their chunks are run side by side, while it is still in the cache.
std::int64_t sharingRows(const ProgramArgs& args) {
  std::int64_t rows = 1;
  for (const ProgramInput& in : args.inputs) rows = std::max(rows, in.group);
  return rows;
}

// One for each thread, made before they begin: no exception may leave a region of OpenMP, so nothing is allocated
// there.
std::vector<Worker> workersFor(const Program& p, const ProgramArgs& args, const Cut& cut) {
  const auto threads = static_cast<std::size_t>(omp_get_max_threads());
  std::vector<Worker> workers;
  workers.reserve(threads);
  while (workers.size() < threads) workers.emplace_back(p, args, cut);
  return workers;
}

}  // namespace

void runProgram(const Program& p, const ProgramArgs& args) {
  const Cut cut = cutOf(p);
  const std::int64_t group = sharingRows(args), together = cut.chunks * group;
  const std::size_t kinds = p.reductions.size();
  const std::int64_t units = p.desc.rows() * cut.chunks, tiles = cut.segments * cut.tilesPerSegment;
  std::vector<Partial> partials(static_cast<std::size_t>(units) * kinds);
  std::vector<Worker> workers = workersFor(p, args, cut);
#pragma omp parallel
  {
    Worker& worker = workers[static_cast<std::size_t>(omp_get_thread_num())];
#pragma omp for schedule(static)
    for (std::int64_t unit = 0; unit < units; ++unit) {
      const std::int64_t row = unit / together * group + unit % group, chunk = unit % together / group;
      const std::int64_t first = chunk * kTilesPerChunk;
      Partial* partial = partials.data() + static_cast<std::size_t>(row * cut.chunks + chunk) * kinds;
      for (std::int64_t t = first; t < std::min(first + kTilesPerChunk, tiles); ++t) worker.run(row, t, partial);
    }
  }
  combine(p, args, cut, partials);
}

}  // namespace relprop::simd

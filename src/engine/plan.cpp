#include "engine/plan.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "relprop/error.h"

namespace relprop {
namespace {

constexpr std::int64_t kAlign = 16;  // floats: one cache line

std::int64_t aligned(std::int64_t floats) {
  return (floats + kAlign - 1) / kAlign * kAlign;
}

std::int64_t bytesOf(const std::vector<BufferView>& views) {
  return std::accumulate(views.begin(), views.end(), std::int64_t{0},
                         [](std::int64_t sum, const BufferView& v) { return sum + v.desc.floats() * 4; });
}

void* allocateBytes(std::int64_t bytes, const char* what) {
  const std::int64_t machine = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  void* memory = bytes < machine ? std::aligned_alloc(
                                       64, static_cast<std::size_t>(std::max<std::int64_t>(bytes, 64) + 63) / 64 * 64)
                                 : nullptr;
  if (!memory)
    throw Error(ErrorCode::OutOfMemory, what, fmt::format("{:.1f} MB needed", static_cast<double>(bytes) / 1e6),
                fmt::format("at most the machine's {:.1f} MB", static_cast<double>(machine) / 1e6),
                "use a smaller --batch or input size");
  return memory;
}

}  // namespace

const char* kindName(StepKind kind) {
  static const char* const names[] = {"linear", "kernel", "program", "scalar"};
  return names[static_cast<int>(kind)];
}

BufferId Plan::addStorage(std::int64_t floats, const std::string& name) {
  buffers_.push_back({.name = name, .floats = floats});
  return static_cast<BufferId>(buffers_.size()) - 1;
}

BufferId Plan::addBuffer(const TensorDesc& desc, const std::string& name) {
  return addStorage(desc.floats(), name);
}

ScalarId Plan::addScalar() {
  scalars_.resize(scalars_.size() + static_cast<std::size_t>(rows_ * columns_));
  scalarRows_.push_back(rows_ * columns_);
  return static_cast<ScalarId>(scalarRows_.size()) - 1;
}

void Plan::touch(const BufferView& view) {
  Buffer& b = buffers_[static_cast<std::size_t>(view.buffer)];
  const int now = static_cast<int>(steps_.size());
  if (b.first < 0) b.first = now;
  b.last = now;
}

void Plan::addStep(const std::string& name, StepKind kind, const std::vector<BufferView>& in,
                   const std::vector<BufferView>& out, std::int64_t flops, Step step) {
  for (const BufferView& v : in) touch(v);
  for (const BufferView& v : out) touch(v);
  const Shape shape = !out.empty() ? out[0].desc.shape : in.empty() ? Shape{} : in[0].desc.shape;
  infos_.push_back({name, kind, phase_, shape, bytesOf(in) + bytesOf(out), flops});
  steps_.push_back(std::move(step));
}

void Plan::addKernel(const std::string& name, KernelPtr kernel, const std::vector<BufferView>& in,
                     const std::vector<BufferView>& out, std::int64_t flops) {
  scratchBytes_ = std::max(scratchBytes_, kernel->scratchBytes());
  weightBytes_ += kernel->weightBytes();
  std::shared_ptr<Kernel> shared = std::move(kernel);
  addStep(name, flops > 0 ? StepKind::Linear : StepKind::Kernel, in, out, flops, [this, shared, in, out] {
    std::vector<const float*> from;
    std::vector<float*> to;
    for (const BufferView& v : in) from.push_back(data(v.buffer) + v.offset);
    for (const BufferView& v : out) to.push_back(data(v.buffer) + v.offset);
    shared->run(from.data(), to.data(), scratch_.get());
  });
}

void Plan::addProgram(const std::string& name, const ProgramRequest& request) {
  if (request.empty()) return;
  auto compiled = std::make_shared<CompiledProgram>(compileProgram(request));
  const std::int64_t rows = compiled->program.desc.rows();
  for (ScalarId s : compiled->reductions) scalarRows_[static_cast<std::size_t>(s)] = rows;
  addStep(name, StepKind::Program, compiled->inputs, compiled->outputs, 0, [this, compiled, rows] {
    ProgramArgs args;
    for (const BufferView& v : compiled->inputs)
      args.inputs.push_back({data(v.buffer) + v.offset, v.stride(), rows / v.desc.rows()});
    for (const BufferView& v : compiled->outputs) args.outputs.push_back({data(v.buffer) + v.offset, v.stride()});
    for (ScalarId s : compiled->scalars) args.scalars.push_back({scalar(s), rows / scalarRows(s)});
    for (ScalarId s : compiled->reductions) args.reductions.push_back(scalar(s));
    backend_.runProgram(compiled->program, args);
  });
}

void Plan::addScalarStep(std::vector<ScalarId> in, ScalarId out, std::function<double(const double*)> formula) {
  std::int64_t& rows = scalarRows_[static_cast<std::size_t>(out)] = 1;
  for (ScalarId id : in) rows = std::max(rows, scalarRows(id));
  addStep("scalar", StepKind::Scalar, {}, {}, 0, [this, in, out, formula, rows] {
    std::vector<double> values(in.size());
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::size_t k = 0; k < in.size(); ++k) values[k] = scalar(in[k])[row * scalarRows(in[k]) / rows];
      scalar(out)[row] = formula(values.data());
    }
  });
}

// Greedy by size: each buffer goes to the lowest place where nothing alive at the same time lies.
void Plan::layOut() {
  std::vector<Buffer*> order;
  for (Buffer& b : buffers_) {
    if (b.pinned) b.first = 0, b.last = static_cast<int>(steps_.size());
    if (b.first >= 0) order.push_back(&b);
  }
  std::stable_sort(order.begin(), order.end(), [](const Buffer* a, const Buffer* b) { return a->floats > b->floats; });
  std::vector<const Buffer*> placed;  // by offset
  for (Buffer* b : order) {
    b->offset = 0;
    for (const Buffer* p : placed) {
      if (p->last < b->first || b->last < p->first) continue;
      if (b->offset + aligned(b->floats) <= p->offset) break;
      b->offset = std::max(b->offset, p->offset + aligned(p->floats));
    }
    placed.insert(std::upper_bound(placed.begin(), placed.end(), b,
                                   [](const Buffer* x, const Buffer* y) { return x->offset < y->offset; }),
                  b);
    arenaFloats_ = std::max(arenaFloats_, b->offset + aligned(b->floats));
  }
}

void Plan::allocate() {
  arena_.reset(static_cast<float*>(allocateBytes(arenaFloats_ * 4, "plan")));
  scratch_.reset(allocateBytes(scratchBytes_, "scratch"));
}

void Plan::compile() {
  layOut();
  allocate();
}

void Plan::run(Phase phase) {
  using Clock = std::chrono::steady_clock;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (infos_[i].phase != phase) continue;
    const auto start = Clock::now();
    steps_[i]();
    infos_[i].seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
}

}  // namespace relprop

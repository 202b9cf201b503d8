#include "engine/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "kernels/threads.h"
#include "relprop/error.h"
#include "system/memory_bound.h"

namespace relprop {
namespace {

std::int64_t bytesOf(const std::vector<BufferView>& views) {
  return std::accumulate(views.begin(), views.end(), std::int64_t{0},
                         [](std::int64_t sum, const BufferView& v) { return sum + v.desc.bytes(); });
}

double megabytes(std::int64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

std::string limitText(std::int64_t bytes) {
  return bytes < 1 << 20 ? fmt::format("{} B", bytes) : fmt::format("{:.0f} MiB", megabytes(bytes));
}

void* allocateBytes(std::int64_t bytes, const char* what) {
  constexpr const char* hint = "use a smaller --batch or input size, or less with --memory";
  requireMemory(bytes, what, hint);
  void* memory = std::aligned_alloc(64, static_cast<std::size_t>(std::max<std::int64_t>(bytes, 64) + 63) / 64 * 64);
  if (!memory) failMemory(what, bytes, hint);
  claimPages(memory, bytes);
  return memory;
}

constexpr const char* kMoreForThePlan = "allow more with --memory, or use a smaller --batch or input size";

// Whether a row of both has the same elements in the same places.
bool hasRowsLike(const TensorDesc& a, const TensorDesc& b) {
  return b.shape.empty() || (a.block == b.block && !a.shape.empty() &&
                             std::equal(a.shape.begin() + 1, a.shape.end(), b.shape.begin() + 1, b.shape.end()));
}

// How long a step takes, in bytes moved: a product costs about a tenth of a byte.
double costOf(const StepInfo& info) {
  return static_cast<double>(info.bytes) + static_cast<double>(info.flops) / 10;
}

std::vector<BufferId> idsOf(const std::vector<BufferView>& views) {
  std::vector<BufferId> ids;
  for (const BufferView& v : views) ids.push_back(v.buffer);
  return ids;
}

std::vector<BufferView> onBuffers(std::vector<BufferView> views, const std::vector<BufferId>& ids) {
  for (std::size_t k = 0; k < views.size(); ++k) views[k].buffer = ids[k];
  return views;
}

std::int64_t constantBytes(const Program& program) {
  std::int64_t floats = 0;
  for (const auto* constants : {&program.channelConstants, &program.imageConstants})
    for (const auto& c : *constants) floats += static_cast<std::int64_t>(c->size());
  return floats * 4;
}

// What a program does with one of its inputs.
struct InputUse {
  int lastRead = -1;  // the instruction
  bool kept = false;  // a sum or an output is the input itself
};

std::vector<InputUse> usesOfInputs(const CompiledProgram& c) {
  std::vector<InputUse> uses(c.inputs.size());
  std::vector<int> slotOf(static_cast<std::size_t>(c.program.registers), -1);  // registers that are an input itself
  const auto use = [&](int reg) -> InputUse* {
    const int slot = reg < 0 ? -1 : slotOf[static_cast<std::size_t>(reg)];
    return slot < 0 ? nullptr : &uses[static_cast<std::size_t>(slot)];
  };
  for (std::size_t at = 0; at < c.program.code.size(); ++at) {
    const Instruction& i = c.program.code[at];
    for (const int reg : {i.a, i.b})
      if (InputUse* read = use(reg)) read->lastRead = static_cast<int>(at);
    if (i.op == Elt::Load) slotOf[static_cast<std::size_t>(i.dst)] = i.slot;
  }
  for (const auto& s : c.program.stores)
    if (InputUse* stored = use(s.reg)) stored->kept = true;
  for (const auto& r : c.program.reductions)
    if (InputUse* summed = use(r.reg)) summed->kept = true;
  return uses;
}

// The instruction that computes an output, which has a register of its own.
int computedAt(const CompiledProgram& c, std::size_t output) {
  const int reg = c.program.stores[output].reg;
  const auto& code = c.program.code;
  const auto found = std::find_if(code.begin(), code.end(), [reg](const Instruction& i) { return i.dst == reg; });
  return found == code.end() ? -1 : static_cast<int>(found - code.begin());
}

bool sameShape(const CompiledProgram& c, const BufferView& in, const BufferView& out) {
  return in.desc == out.desc && in.desc == c.program.desc && in.offset == 0 && out.offset == 0 && in.rowStride == 0 &&
         out.rowStride == 0;
}

// A stored register lies in the output from the instruction on that computes it. The output may take an input's place
// when that input is not looked at from there on: by no later instruction, no sum and no other output. (Nor by a unary
// instruction itself: those may not write what they read.)
std::vector<std::pair<int, int>> inPlaceOf(const CompiledProgram& c) {
  const std::vector<InputUse> uses = usesOfInputs(c);
  std::map<BufferId, int> views;
  for (const BufferView& in : c.inputs) ++views[in.buffer];
  std::vector<std::pair<int, int>> pairs;
  for (std::size_t o = 0; o < c.outputs.size(); ++o) {
    const int at = computedAt(c, o);
    if (at < 0) continue;
    const bool unary = c.program.code[static_cast<std::size_t>(at)].b < 0;
    for (std::size_t i = 0; i < c.inputs.size(); ++i) {
      const bool past = unary ? uses[i].lastRead < at : uses[i].lastRead <= at;
      if (past && !uses[i].kept && views[c.inputs[i].buffer] == 1 && sameShape(c, c.inputs[i], c.outputs[o]))
        pairs.push_back({static_cast<int>(o), static_cast<int>(i)});
    }
  }
  return pairs;
}

}  // namespace

const char* kindName(StepKind kind) {
  static const char* const names[] = {"linear", "kernel", "program", "scalar"};
  return names[static_cast<int>(kind)];
}

void Plan::requirePart(std::int64_t bytes, const std::string& what) const {
  requireMemoryWithin(memory_, bytes, what, kMoreForThePlan);
}

BufferId Plan::addStorage(std::int64_t floats, const std::string& name) {
  buffers_.push_back({name, {floats}});
  return static_cast<BufferId>(buffers_.size()) - 1;
}

BufferId Plan::addBuffer(const TensorDesc& desc, const std::string& name) {
  return addStorage((desc.bytes() + 3) / 4, name);
}

ScalarId Plan::addScalar() {
  scalars_.resize(scalars_.size() + static_cast<std::size_t>(rows_ * targets_));
  scalarRows_.push_back(rows_ * targets_);
  return static_cast<ScalarId>(scalarRows_.size()) - 1;
}

std::byte* Plan::at(const BufferView& view) {
  return reinterpret_cast<std::byte*>(data(view.buffer)) + view.offset * bytesOf(view.desc.element);
}

void Plan::addStep(const std::string& name, StepKind kind, Step step, std::int64_t flops) {
  const Shape shape = !step.out.empty() ? step.out[0].desc.shape : step.in.empty() ? Shape{} : step.in[0].desc.shape;
  const std::set<int> walks = phase_ == Phase::Forward ? std::set<int>{} : std::set<int>{walk_};
  infos_.push_back({name, node_, kind, phase_, walks, shape, bytesOf(step.in) + bytesOf(step.out), flops});
  steps_.push_back(std::move(step));
}

Plan::Run Plan::running(std::shared_ptr<Kernel> kernel) {
  scratchBytes_ = std::max(scratchBytes_, kernel->scratchBytes());
  weightBytes_ += kernel->weightBytes();
  return [this, kernel](const std::vector<BufferView>& reads, const std::vector<BufferView>& writes) {
    std::vector<const std::byte*> from;
    std::vector<std::byte*> to;
    for (const BufferView& v : reads) from.push_back(at(v));
    for (const BufferView& v : writes) to.push_back(at(v));
    kernel->run(from.data(), to.data(), scratch_.get());
  };
}

void Plan::addKernel(const std::string& name, KernelPtr kernel, const std::vector<BufferView>& in,
                     const std::vector<BufferView>& out, std::int64_t flops) {
  const std::shared_ptr<Kernel> shared = std::move(kernel);
  addStep(name, flops > 0 ? StepKind::Linear : StepKind::Kernel, {in, out, running(shared), true, {}}, flops);
  infos_.back().algorithm = shared->algorithm(), infos_.back().multiplied = shared->multiplied(flops);
}

void Plan::addDense(const std::string& name, DenseKernelPtr kernel, const std::vector<BufferView>& in,
                    const BufferView& out) {
  const std::shared_ptr<DenseKernel> shared = std::move(kernel);
  const std::int64_t flops = shared->spec().flops();
  addStep(name, StepKind::Linear, {in, {out}, running(shared), true, {}, shared}, flops);
  infos_.back().multiplied = flops;
}

bool Plan::joinDense(const DenseSpec& wanted, const BufferView& x, const BufferView& out) {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    Step& step = steps_[i];
    const bool same = step.dense && step.dense->spec().weights == wanted.weights && step.in.size() == 1;
    if (!same || !(step.in[0] == x) || !infos_[i].serves(walk_)) continue;
    std::vector<DenseTerm> terms = wanted.terms;
    for (DenseTerm& t : terms) t.in = 0, t.out = static_cast<int>(step.out.size());
    step.dense->add(terms);
    step.out.push_back(out);
    infos_[i].bytes += out.desc.bytes();
    infos_[i].flops = infos_[i].multiplied = step.dense->spec().flops();
    return true;
  }
  return false;
}

// A program runs over the elements of one shape. Sums over others are programs of their own, such as those that were
// still to be taken at the output of an Add when its operand is a number a picture.
void Plan::addProgram(const std::string& name, const ProgramRequest& request) {
  if (request.empty()) return;
  const TensorDesc desc = request.desc();
  const auto fits = [&](const ProgramRequest::Reduce& r) { return hasRowsLike(desc, r.expr->desc); };
  if (std::all_of(request.reductions.begin(), request.reductions.end(), fits)) return addFusedProgram(name, request);
  ProgramRequest fitting{request.outputs, {}}, others;
  for (const ProgramRequest::Reduce& r : request.reductions) (fits(r) ? fitting : others).reductions.push_back(r);
  addProgram(name + " sums", others);
  addFusedProgram(name, fitting);
}

void Plan::addFusedProgram(const std::string& name, const ProgramRequest& request) {
  auto compiled = std::make_shared<CompiledProgram>(compileProgram(request));
  weightBytes_ += constantBytes(compiled->program);
  const std::int64_t rows = compiled->program.desc.rows();
  for (ScalarId s : compiled->reductions) scalarRows_[static_cast<std::size_t>(s)] = rows;
  const Run run = [this, compiled, rows](const std::vector<BufferView>& reads, const std::vector<BufferView>& writes) {
    ProgramArgs args;
    for (const BufferView& v : reads) args.inputs.push_back({at(v), v.stride(), rows / v.desc.rows(), v.desc.element});
    for (const BufferView& v : writes) args.outputs.push_back({at(v), v.stride(), v.desc.element});
    for (ScalarId s : compiled->scalars) args.scalars.push_back({scalar(s), rows / scalarRows(s)});
    for (ScalarId s : compiled->reductions) args.reductions.push_back(scalar(s));
    backend_.runProgram(compiled->program, args);
  };
  // Scalars have one place each, so what reads or writes them runs once.
  const bool repeatable = compiled->scalars.empty() && compiled->reductions.empty();
  std::vector<std::pair<int, int>> inPlace = inPlaceOf(*compiled);
  addStep(name, StepKind::Program,
          {std::move(compiled->inputs), std::move(compiled->outputs), run, repeatable, std::move(inPlace)}, 0);
}

void Plan::addScalarStep(std::vector<ScalarId> in, ScalarId out, std::function<double(const double*)> formula) {
  std::int64_t& rows = scalarRows_[static_cast<std::size_t>(out)] = 1;
  for (ScalarId id : in) rows = std::max(rows, scalarRows(id));
  const Run run = [this, in, out, formula, rows](const auto&, const auto&) {
    std::vector<double> values(in.size());
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::size_t k = 0; k < in.size(); ++k) values[k] = scalar(in[k])[row * scalarRows(in[k]) / rows];
      scalar(out)[row] = formula(values.data());
    }
  };
  addStep("scalar", StepKind::Scalar, {{}, {}, run, false, {}}, 0);
}

void Plan::share(BufferId id) {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const std::vector<BufferId> written = idsOf(steps_[i].out);
    if (infos_[i].serves(walk_) || std::find(written.begin(), written.end(), id) == written.end()) continue;
    infos_[i].phase = Phase::Forward;
    infos_[i].walks.insert(walk_);
    for (BufferId from : idsOf(steps_[i].in)) share(from);
  }
}

int Plan::stageOf(std::size_t step) const {
  const StepInfo& info = infos_[step];
  if (info.walks.empty()) return 0;
  return info.phase == Phase::Forward ? 1 : 2 + *info.walks.begin();
}

void Plan::sortByStage() {
  std::vector<std::size_t> order(steps_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return stageOf(a) < stageOf(b); });
  std::vector<Step> steps;
  std::vector<StepInfo> infos;
  for (std::size_t i : order) steps.push_back(std::move(steps_[i])), infos.push_back(std::move(infos_[i]));
  steps_ = std::move(steps), infos_ = std::move(infos);
}

StepList Plan::stepList() const {
  StepList list;
  list.walks = walks();
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Step& s = steps_[i];
    list.steps.push_back({idsOf(s.in), idsOf(s.out), infos_[i].phase == Phase::Forward, s.repeatable,
                          infos_[i].kind != StepKind::Linear, costOf(infos_[i]), stageOf(i), s.inPlace});
  }
  for (const Buffer& b : buffers_) list.buffers.push_back(b.storage);
  return list;
}

Arrangement Plan::arrangement(const MemoryLimit& limit) const {
  if (limit.bytes <= 0 || walks() > 1) return arrangedOnce(stepList());
  const std::int64_t rest = limit.bytes - limit.taken - weightBytes_ - scratchBytes_;
  return arrangedWithin(stepList(), std::max<std::int64_t>(rest, 0) / 4);
}

std::int64_t Plan::bytesWith(const Arrangement& a) const {
  return weightBytes_ + scratchBytes_ + a.floats * 4;
}

// Copies of buffers become buffers like any others; steps that run again are steps of the backward phase.
void Plan::arrange(const Arrangement& arrangement) {
  arenaFloats_ = arrangement.floats;
  for (std::size_t id = buffers_.size(); id < arrangement.placeOf.size(); ++id) buffers_.push_back({});
  for (std::size_t id = 0; id < buffers_.size(); ++id)
    buffers_[id].offset = arrangement.offset(static_cast<BufferId>(id));
  std::vector<Step> steps;
  std::vector<StepInfo> infos;
  for (const ScheduledStep& s : arrangement.steps) {
    const Step& from = steps_[static_cast<std::size_t>(s.step)];
    steps.push_back({onBuffers(from.in, s.reads), onBuffers(from.out, s.writes), from.run, from.repeatable,
                     from.inPlace, from.dense});
    infos.push_back(infos_[static_cast<std::size_t>(s.step)]);
    if (s.again) infos.back().name += " (again)", infos.back().phase = Phase::Backward;
  }
  steps_ = std::move(steps), infos_ = std::move(infos);
  done_.assign(steps_.size(), false);
}

void Plan::allocate() {
  arena_.reset(static_cast<float*>(allocateBytes(arenaFloats_ * 4, "plan")));
  scratch_.reset(allocateBytes(scratchBytes_, "scratch"));
}

bool Plan::isWithin(const MemoryLimit& limit, const Arrangement& a) const {
  return limit.bytes <= 0 || limit.taken + bytesWith(a) <= limit.bytes;
}

bool Plan::fitsInto(const MemoryLimit& limit) {
  sortByStage();
  return isWithin(limit, arrangement(limit));
}

bool Plan::compileWithin(const MemoryLimit& limit) {
  sortByStage();
  const Arrangement a = arrangement(limit);
  if (!isWithin(limit, a)) return false;
  arrange(a);
  allocate();
  return true;
}

void Plan::compile(const MemoryLimit& limit) {
  if (compileWithin(limit)) return;
  const std::int64_t needed = limit.taken + bytesWith(arrangement(limit));
  throw Error(ErrorCode::OutOfMemory, "plan",
              fmt::format("{:.0f} MiB needed at least, {:.0f} of them for weights", std::ceil(megabytes(needed)),
                          megabytes(limit.taken + weightBytes_)),
              "at most " + limitText(limit.bytes), kMoreForThePlan);
}

void Plan::run(Phase phase, int walk, const Again& again) {
  using Clock = std::chrono::steady_clock;
  requireThreads(backend_.threads());
  const ThreadScope threads(backend_.threads());
  const bool remembers = phase == Phase::Forward && walks() > 1;
  if (phase == Phase::Forward) sparedSeconds_ = 0;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    StepInfo& info = infos_[i];
    if (info.phase != phase || !info.serves(walk)) continue;
    if (remembers && done_[i]) {
      sparedSeconds_ += info.seconds;
      continue;
    }
    if (again && !again()) {
      forget();  // of a forward phase that is half done nothing is worth keeping
      throw Error(ErrorCode::Cancelled, "run", "stopped");
    }
    const auto start = Clock::now();
    steps_[i].run(steps_[i].in, steps_[i].out);
    info.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    done_[i] = remembers;
  }
}

}  // namespace relprop

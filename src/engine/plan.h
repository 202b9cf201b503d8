// A plan: the list of steps that computes one (network, method, batch), and one arena in which all buffers lie.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/expr_compile.h"
#include "engine/recompute.h"
#include "kernels/backend.h"

namespace relprop {

enum class Phase { Forward, Backward };

// Linear: convolutions, dense layers, products of matrices. Program: elementwise.
enum class StepKind { Linear, Kernel, Program, Scalar };
const char* kindName(StepKind kind);

struct StepInfo {
  std::string name, node;  // node: of the graph, that the step was added for; empty for none (NodeScope)
  StepKind kind = StepKind::Kernel;
  Phase phase = Phase::Forward;
  std::set<int> walks = {};  // that need it; empty: all
  Shape shape;
  std::int64_t bytes = 0, flops = 0;  // bytes: read and written; flops: of the direct computation
  std::string algorithm = {};         // Kernel::algorithm
  std::int64_t multiplied = 0;        // flops that are carried out
  double seconds = 0;                 // of the last run

  bool serves(int walk) const { return walks.empty() || walks.count(walk) != 0; }
};

// What a plan may take. bytes: in all, 0 for no limit; taken: what others hold of that already.
struct MemoryLimit {
  std::int64_t bytes = 0, taken = 0;
};

// Asked between steps; false stops.
using Again = std::function<bool()>;

class Plan {
 public:
  // rows: images. targets: of each image; relevance has rows·targets rows, those of an image side by side. memory:
  // bytes that it may take, 0 for no limit, of which `compile` has the exact account: no one part may be larger.
  Plan(Backend& backend, std::int64_t rows, std::int64_t targets = 1, std::int64_t memory = 0)
      : backend_(backend), rows_(rows), targets_(targets), memory_(memory) {}

  Backend& backend() { return backend_; }
  std::int64_t rows() const { return rows_; }
  std::int64_t targets() const { return targets_; }

  // Before something of so many bytes is made for it: throws OutOfMemory where that cannot be part of any plan.
  void requirePart(std::int64_t bytes, const std::string& what) const;
  BufferId addBuffer(const TensorDesc& desc, const std::string& name);
  BufferId addStorage(std::int64_t floats, const std::string& name);
  ScalarId addScalar();
  void pin(BufferId id) { buffers_[static_cast<std::size_t>(id)].storage.pinned = true; }  // lives as long as the plan

  void addKernel(const std::string& name, KernelPtr kernel, const std::vector<BufferView>& in,
                 const std::vector<BufferView>& out, std::int64_t flops = 0);
  // A dense layer forwards, which later ones may be computed along with.
  void addDense(const std::string& name, DenseKernelPtr kernel, const std::vector<BufferView>& in,
                const BufferView& out);
  // Has a step that already reads these weights and x, for this walk, make `out` along with what it makes: the terms
  // (of x alone, for one result) are added to it. False where there is none.
  bool joinDense(const DenseSpec& wanted, const BufferView& x, const BufferView& out);
  void addProgram(const std::string& name, const ProgramRequest& request);
  // out[row] = formula(in[0][row], in[1][row], …)
  void addScalarStep(std::vector<ScalarId> in, ScalarId out, std::function<double(const double*)> formula);
  // Steps are those of a walk from here on; of another one when it is called again.
  void beginBackward() { phase_ = Phase::Backward, ++walk_; }
  int walks() const { return walk_ + 1; }
  // For the walk being added: what made this buffer in an earlier walk becomes part of the forward phase, with all that
  // it was made of. No relevance may have been among that.
  void share(BufferId id);

  // Lays the arena out by lifetime and allocates it. Where that is more than the limit, parts of the forward phase run
  // again in the backward phase, with the same results. Throws OutOfMemory.
  void compile(const MemoryLimit& limit = {});
  // The same; false, and nothing laid out, where the limit is too low.
  bool compileWithin(const MemoryLimit& limit);
  bool fitsInto(const MemoryLimit& limit);
  // Of several walks each may run any number of times behind one forward phase, of which those steps run that this walk
  // needs and that have not run since the last call of `forget`.
  // Throws Cancelled where `again` says so, between two steps.
  void run(Phase phase, int walk = 0, const Again& again = {});
  void forget() { std::fill(done_.begin(), done_.end(), false); }
  double sparedSeconds() const { return sparedSeconds_; }  // of the steps that the last forward phase did not run again

  // Between runs only pinned buffers hold what was written.
  float* data(BufferId id) { return arena_.get() + buffers_[static_cast<std::size_t>(id)].offset; }
  double* scalar(ScalarId id) { return scalars_.data() + static_cast<std::int64_t>(id) * rows_ * targets_; }
  const std::vector<StepInfo>& steps() const { return infos_; }
  std::int64_t arenaBytes() const { return arenaFloats_ * 4 + scratchBytes_; }
  std::int64_t weightBytes() const { return weightBytes_; }  // what kernels and programs hold

 private:
  void addFusedProgram(const std::string& name, const ProgramRequest& request);
  friend class NodeScope;
  struct Buffer {
    std::string name;
    Storage storage;
    std::int64_t offset = 0;  // floats, in the arena
  };
  // A step knows its buffers by their views alone, so that it can run again on others.
  using Run = std::function<void(const std::vector<BufferView>& in, const std::vector<BufferView>& out)>;
  struct Step {
    std::vector<BufferView> in, out;
    Run run;
    bool repeatable = true;
    std::vector<std::pair<int, int>> inPlace;
    std::shared_ptr<DenseKernel> dense = {};  // that it runs
  };

  void addStep(const std::string& name, StepKind kind, Step step, std::int64_t flops);
  Run running(std::shared_ptr<Kernel> kernel);
  std::int64_t scalarRows(ScalarId id) const { return scalarRows_[static_cast<std::size_t>(id)]; }
  std::byte* at(const BufferView& view);
  int stageOf(std::size_t step) const;
  void sortByStage();
  StepList stepList() const;
  Arrangement arrangement(const MemoryLimit& limit) const;
  std::int64_t bytesWith(const Arrangement& arrangement) const;
  bool isWithin(const MemoryLimit& limit, const Arrangement& arrangement) const;
  void arrange(const Arrangement& arrangement);
  void allocate();

  Backend& backend_;
  std::int64_t rows_, targets_, memory_;
  Phase phase_ = Phase::Forward;
  int walk_ = -1;
  std::string node_;  // that steps are added for
  std::vector<Buffer> buffers_;
  std::vector<Step> steps_;
  std::vector<StepInfo> infos_;
  std::vector<bool> done_;  // by step, of the forward phase that several walks share
  double sparedSeconds_ = 0;
  std::vector<double> scalars_;
  std::vector<std::int64_t> scalarRows_;  // of the program that computes it
  std::unique_ptr<float, void (*)(void*)> arena_{nullptr, std::free};
  std::unique_ptr<void, void (*)(void*)> scratch_{nullptr, std::free};
  std::int64_t arenaFloats_ = 0, scratchBytes_ = 0, weightBytes_ = 0;
};

// Steps added while it lives are the node's, also where a value is stored only because the node reads it.
class NodeScope {
 public:
  NodeScope(Plan& plan, const std::string& node) : plan_(plan), outer_(std::exchange(plan.node_, node)) {}
  ~NodeScope() { plan_.node_ = std::move(outer_); }
  NodeScope(const NodeScope&) = delete;
  NodeScope& operator=(const NodeScope&) = delete;

 private:
  Plan& plan_;
  std::string outer_;
};

}  // namespace relprop

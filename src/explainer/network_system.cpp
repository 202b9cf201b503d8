#include <cstdlib>  // __GLIBC__

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <optional>

#include "explainer/compilation.h"
#include "explainer/plan_report.h"
#include "explainer/system.h"
#include "relprop/error.h"

namespace relprop {
namespace {

// Compiling copies weights; what it freed would stay with the process otherwise.
void returnFreedMemory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

class NetworkSystem : public System {
 public:
  // Weights that are packed for every run are the last thing to go when memory is short.
  NetworkSystem(const Model& model, const ExplainOptions& options, Method method) {
    std::optional<Compilation> compilation(std::in_place, model, options, std::move(method));
    const bool packed = compilation->fitsPacked();
    if (packed && build(*compilation, options, Packing::Once)) return;
    if (packed) compilation.emplace(model, options);  // it only just did not fit, and its graph is spent
    build(*compilation, options, Packing::EveryRun);
  }

  Runnable& runnable() override { return *compiled_; }
  Runnable& probe() override { return *probe_; }
  Layout layout() const override { return layout_; }
  std::vector<LedgerEntry> ledger(std::int64_t row) override { return ledgerOf(*compiled_, row); }
  Facts facts(std::int64_t) const override { return {}; }
  PlanReport report() override { return std::move(report_); }
  std::vector<StepReport> steps() const override { return stepsOf(compiled_->plan()); }

 private:
  // False where weights that stay packed are too much after all; without them OutOfMemory is thrown.
  bool build(Compilation& compilation, const ExplainOptions& options, Packing packing) {
    probe_.reset();
    backend_ = compilation.backend(packing);
    layout_ = compilation.layout();
    if (!compilation.method().procedure->walksOnce()) probe_ = compilation.classifier(*backend_, 1);
    compiled_ = packing == Packing::Once ? compilation.within(*backend_, probeBytes())
                                         : compilation.compile(*backend_, probeBytes());
    if (!compiled_) return false;
    report_ = reportOf(*compiled_, probe_.get());
    if (options.from.empty()) report_.head = describe(compilation.head());
    report_.passes = compilation.passes();
    report_.warnings.insert(report_.warnings.begin(), compilation.warnings().begin(), compilation.warnings().end());
    returnFreedMemory();
    return true;
  }

  std::int64_t probeBytes() const { return probe_ ? probe_->plan().arenaBytes() + probe_->plan().weightBytes() : 0; }

  Layout layout_ = Layout::ChannelsFirst;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<CompiledMethod> compiled_, probe_;
  PlanReport report_;
};

}  // namespace

std::unique_ptr<System> makeNetworkSystem(const Model& model, const ExplainOptions& options, Method method) {
  return std::make_unique<NetworkSystem>(model, options, std::move(method));
}

}  // namespace relprop

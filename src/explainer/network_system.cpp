#include <algorithm>
#include <optional>
#ifdef __GLIBC__  // which a header of the standard library has to say first
#include <malloc.h>
#endif

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
  // One of several methods over the graph of `compilation`.
  NetworkSystem(const Compilation& compilation, const ExplainOptions& options, std::shared_ptr<Backend> backend,
                std::unique_ptr<CompiledMethod> compiled)
      : layout_(compilation.layout()), backend_(std::move(backend)), compiled_(std::move(compiled)) {
    describe(compilation, options);
  }
  // Weights that are packed for every run are the last thing to go when memory is short.
  NetworkSystem(const Model& model, const ExplainOptions& options, Method method) {
    std::optional<Compilation> compilation(std::in_place, model, options, std::move(method));
    const bool packed = compilation->fitsPacked();
    if (packed && build(*compilation, options, Packing::Once)) return;
    if (packed) compilation.emplace(model, options);  // it only just did not fit, and its graph is spent
    build(*compilation, options, Packing::EveryRun);
  }

  Runnable& runnable() override { return *compiled_; }
  Runnable& probe() override { return probe_ ? *probe_ : *compiled_; }
  Layout layout() const override { return layout_; }
  std::vector<LedgerEntry> ledger(std::int64_t row) override { return ledgerOf(*compiled_, row); }
  Facts facts(std::int64_t) const override { return {}; }
  PlanReport report() override { return std::move(report_); }
  std::vector<StepReport> steps() const override { return stepsOf(*compiled_); }

 private:
  // False where weights that stay packed are too much after all; without them OutOfMemory is thrown.
  bool build(Compilation& compilation, const ExplainOptions& options, Packing packing) {
    probe_.reset();
    backend_ = compilation.backend(packing);
    layout_ = compilation.layout();
    if (compilation.method().procedure->probes()) probe_ = compilation.classifier(*backend_, 1);
    compiled_ = packing == Packing::Once ? compilation.within(*backend_, probeBytes())
                                         : compilation.compile(*backend_, probeBytes());
    if (!compiled_) return false;
    describe(compilation, options);
    returnFreedMemory();
    return true;
  }

  void describe(const Compilation& compilation, const ExplainOptions& options) {
    report_ = reportOf(*compiled_, probe_.get());
    if (options.from.empty()) report_.head = relprop::describe(compilation.head());
    report_.passes = compilation.passes();
    const std::vector<std::string> warnings = compilation.warnings(compiled_->method());
    report_.warnings.insert(report_.warnings.begin(), warnings.begin(), warnings.end());
  }

  std::int64_t probeBytes() const { return probe_ ? probe_->plan().arenaBytes() + probe_->plan().weightBytes() : 0; }

  Layout layout_ = Layout::ChannelsFirst;
  std::shared_ptr<Backend> backend_;
  std::unique_ptr<CompiledMethod> compiled_, probe_;
  PlanReport report_;
};

// Is what both need of the forward phase the same?
bool shareForward(const ExplainOptions& a, const Method& first, const ExplainOptions& b, const Method& second) {
  return CompiledMethod::goesTogether(first) && CompiledMethod::goesTogether(second) &&
         first.foldBatchNorm == second.foldBatchNorm && a.inputShape == b.inputShape && a.layout == b.layout &&
         a.batch == b.batch && a.targets.size() == b.targets.size() && a.from == b.from && a.threads == b.threads &&
         a.precision == b.precision && a.memory == b.memory && a.reference == b.reference && a.tuning == b.tuning;
}

// Those that can be walked together with the first, and compiled at all; the first half of them where all are too much.
class Group {
 public:
  using Methods = std::vector<std::optional<Method>>;

  Group(const Model& model, const std::vector<ExplainOptions>& options, const Methods& methods, std::int64_t bytes)
      : options_(options), compilation_(model, options.at(0), methods.at(0).value()) {
    for (std::size_t k = 0; k < options.size(); ++k) {
      if (!methods[k] || !shareForward(options[0], *methods[0], options[k], *methods[k])) continue;
      CompiledMethod::Asked asked = compilation_.asked(options[k], *methods[k], bytes);
      if (!compiles(asked)) continue;
      asked_.push_back(std::move(asked)), which_.push_back(k);
    }
  }

  std::vector<std::unique_ptr<System>> systems() {
    std::vector<std::unique_ptr<System>> all(options_.size());
    while (asked_.size() > 1 && !compilation_.fitTogether(asked_)) asked_.resize(asked_.size() / 2);
    if (asked_.size() < 2) return all;
    const std::shared_ptr<Backend> backend = compilation_.backend();
    CompiledMethod::Together compiled = compilation_.together(*backend, asked_);
    for (std::size_t k = 0; k < compiled.size(); ++k)
      all[which_[k]] =
          std::make_unique<NetworkSystem>(compilation_, options_[which_[k]], backend, std::move(compiled[k]));
    returnFreedMemory();
    return all;
  }

 private:
  // Who asks for such a method alone is told what is wrong.
  bool compiles(CompiledMethod::Asked asked) const try {
    asked.options.memory = {};
    (void)compilation_.fitTogether({asked});
    return true;
  } catch (const Error&) {
    return false;
  }

  const std::vector<ExplainOptions>& options_;
  Compilation compilation_;
  std::vector<CompiledMethod::Asked> asked_;
  std::vector<std::size_t> which_;  // of the options each is
};

}  // namespace

std::vector<std::unique_ptr<System>> makeNetworkSystems(const Model& model, const std::vector<ExplainOptions>& options,
                                                        const std::vector<std::optional<Method>>& methods,
                                                        std::int64_t bytes) {
  const std::int64_t limit = options.at(0).memory,
                     most = limit > 0 && bytes > 0 ? std::min(limit, bytes) : limit + bytes;
  if (!methods.at(0) || !CompiledMethod::goesTogether(*methods[0]))
    return std::vector<std::unique_ptr<System>>(options.size());
  return Group(model, options, methods, most).systems();
}

std::unique_ptr<System> makeNetworkSystem(const Model& model, const ExplainOptions& options, Method method) {
  return std::make_unique<NetworkSystem>(model, options, std::move(method));
}

}  // namespace relprop

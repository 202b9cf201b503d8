#include <fmt/format.h>

#include <algorithm>

#include "explainer/bag_run.h"
#include "explainer/plan_report.h"
#include "explainer/system.h"

namespace relprop {
namespace {

std::int64_t bytesOf(const bow::Bag& bag) {
  std::size_t bytes = bag.vocabulary.centres.size() * sizeof(bag.vocabulary.centres[0]) +
                      bag.machine.histograms.size() * sizeof(bag.machine.histograms[0]);
  for (const auto& c : bag.machine.coefficients) bytes += c.size() * sizeof(c[0]);
  return static_cast<std::int64_t>(bytes);
}

bool isExact(const bow::Machine& machine) {
  return std::all_of(machine.kernels.begin(), machine.kernels.end(),
                     [](const bow::KernelTerm& k) { return bow::isSumOverDimensions(k.kind); });
}

std::string kernelText(const bow::Machine& machine) {
  std::string text;
  for (const bow::KernelTerm& k : machine.kernels)
    text += fmt::format("{}{:g}·{}", text.empty() ? "" : " + ", k.beta, bow::kernelName(k.kind));
  return text;
}

class BagSystem : public System {
 public:
  explicit BagSystem(std::unique_ptr<BagRun> run) : run_(std::move(run)) {}

  Runnable& runnable() override { return *run_; }
  Runnable& probe() override { return *run_; }
  Layout layout() const override { return Layout::ChannelsFirst; }
  std::vector<StepReport> steps() const override { return {}; }

  // From the score down: what the Taylor expansion leaves out, and what each layer hands on.
  std::vector<LedgerEntry> ledger(std::int64_t row) override {
    const BagSums& s = run_->sums(row);
    std::vector<LedgerEntry> all;
    LedgerEntry machine{"score", "KernelMachine", rule(), s.seed, s.seed - s.taylor - s.noScore};
    machine.zeroDenominator = s.noScore;
    all.push_back(machine);
    all.push_back({"words", "Pooling", "pass: one norm for all", machine.out, s.words});
    all.push_back({"features", "VisualWords", poolingRule(), s.words, s.features});
    all.push_back({"pixels", "LocalFeatures",
                   fmt::format("evenly over each support ({:.1f} % of the picture in none)", 100 * s.uncovered),
                   s.features, s.pixels});
    return all;
  }

  Facts facts(std::int64_t row) const override {
    const BagSums& s = run_->sums(row);
    Facts facts = {{"uncovered area", s.uncovered}};
    if (!run_->method().bag->derivative && !isExact(run_->bag().machine)) facts.emplace_back("Taylor gap", s.taylor);
    return facts;
  }

  PlanReport report() override {
    const bow::Bag& bag = run_->bag();
    PlanReport r;
    r.method = run_->method().text;
    r.head = "sigmoid of each score (Platt)";
    r.nodes = nodes();
    r.arenaBytes = run_->bytes();
    r.modelBytes = bytesOf(bag);
    r.memory = kProgramBytes + r.modelBytes + r.arenaBytes;
    return r;
  }

 private:
  std::string rule() const {
    if (run_->method().bag->derivative) return "derivative";
    if (isExact(run_->bag().machine)) return "sum over dimensions, bias in equal parts";
    return "taylor:root=" + run_->method().bag->root;
  }

  std::string poolingRule() const {
    const double p = run_->bag().pooling.power;
    return p == bow::kMaximum ? "winner" : p == 1 ? "share" : fmt::format("share of m^{:g}", p);
  }

  std::vector<NodeReport> nodes() const {
    const bow::Bag& bag = run_->bag();
    const std::int64_t words = bag.vocabulary.words();
    return {
        {"pixels", "LocalFeatures", fmt::format("features×{}", bag.vocabulary.length), "evenly over each support", {}},
        {"features",
         "VisualWords",
         fmt::format("features×{} of {} words", bag.mapping.nearest, words),
         poolingRule(),
         {}},
        {"words", "Pooling", fmt::format("{}", bag.machine.dimensions), "pass: one norm for all", {}},
        {"score",
         fmt::format("KernelMachine ({}; {} pictures)", kernelText(bag.machine), bag.machine.supports()),
         fmt::format("{}", bag.machine.classes()),
         rule(),
         {}},
    };
  }

  std::unique_ptr<BagRun> run_;
};

}  // namespace

std::unique_ptr<System> makeBagSystem(const Model& model, const ExplainOptions& options, Method method) {
  return std::make_unique<BagSystem>(makeBagRun(model, options, std::move(method)));
}

}  // namespace relprop

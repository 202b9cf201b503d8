#include "evaluate_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <thread>

#include "commands.h"
#include "console.h"
#include "failure.h"
#include "interrupt.h"
#include "paths.h"
#include "patterns_option.h"
#include "ranks.h"
#include "relprop/error.h"
#include "relprop/evaluate.h"

namespace relprop::cli {
namespace {

using Clock = std::chrono::steady_clock;

class EvaluateRun {
 public:
  EvaluateRun(const EvaluateArguments& arguments, Ranks* ranks)
      : arguments_(arguments), network_(arguments.network), ranks_(ranks), console_(quiet()) {}
  int execute();

 private:
  bool quiet() const { return arguments_.quiet || (ranks_ && !ranks_->owner()); }
  EvaluateOptions options(const Model& model);
  Preprocess preprocessOf(const Model& model);
  int threads() const;
  std::vector<std::size_t> chosenUnits(const Evaluation& evaluation) const;
  void measureAlone(Evaluation& evaluation, Store& store, const std::vector<std::size_t>& units);
  void measureTogether(Evaluation& evaluation, Store& store, const std::vector<std::size_t>& units);
  void count(const ResultBatch& batch);
  void show(const EvaluateProgress& progress, const ResultBatch& batch);
  bool failed(std::size_t before);
  int close(std::size_t asked);

  const EvaluateArguments& arguments_;
  NetworkOptions network_;
  Ranks* ranks_;  // null when alone
  Console console_;
  EvaluateProgress progress_;
  std::size_t unreadable_ = 0, scored_ = 0, withoutScore_ = 0;  // pictures; results of this run
  std::string firstReason_;                                     // of a result without a score
  Served served_;
  Clock::time_point start_ = Clock::now();
};

Preprocess EvaluateRun::preprocessOf(const Model& model) {
  const auto note = [this](const std::string& text) {
    if (!ranks_ || ranks_->owner()) console_.note(text);
  };
  if (std::optional<Preprocess> found = chosenPreprocess(model, network_, note)) return *found;
  throw Error(ErrorCode::InvalidArgument, model.path(), "no preprocessing is known", "",
              "give --preprocess NAME or FILE, or put it beside the model as MODEL.preprocess.json");
}

// Ranks of one machine share its cores.
int EvaluateRun::threads() const {
  if (network_.threads > 0 || !ranks_) return network_.threads;
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return std::max(1, cores / ranks_->onThisMachine());
}

EvaluateOptions EvaluateRun::options(const Model& model) {
  EvaluateOptions o;
  std::vector<std::string> notes;
  o.methods.clear();
  const std::vector<MethodChoice> choices = chosenMethods(model, network_, notes);
  if (!model.isBagOfWords()) requireUseOfPatterns(network_, choices);
  for (const MethodChoice& choice : choices) {
    o.methods.push_back(choice.text);
    if (choice.optional) o.optional.push_back(choice.text);
  }
  for (const std::string& note : notes) console_.note(note);
  if (!arguments_.metrics.empty()) o.metrics = arguments_.metrics;
  o.rules = network_.rules;
  o.target = arguments_.target;
  o.onlyCorrect = arguments_.onlyCorrect;
  o.preprocess = preprocessOf(model);
  o.labels = chosenLabels(model, arguments_.labels);
  o.inputShape = chooseShape(model, network_, o.preprocess);
  o.layout = network_.layout;
  o.patterns = network_.patterns;
  if (network_.tuning && network_.tuning->batch > 0) o.batch = network_.tuning->batch;
  if (network_.batchGiven > 0) o.batch = network_.batchGiven;
  if (const int fixed = fixedBatch(model); fixed > 0) o.batch = fixed;
  o.threads = threads();
  o.memory = o.methodMemory = network_.memory;
  o.precision = network_.precision;
  o.tuning = network_.tuning;
  o.metricPrecision = arguments_.metricPrecision;
  o.seed = arguments_.seed;
  o.keep = arguments_.keep;
  o.retry = arguments_.retry;
  o.command = arguments_.command;
  o.warn = [this](const std::string& text) { console_.warning(text); };
  o.again = [] { return !interrupted(); };
  return o;
}

std::vector<std::size_t> EvaluateRun::chosenUnits(const Evaluation& evaluation) const {
  std::vector<std::size_t> units;
  const std::vector<EvaluationUnit>& all = evaluation.units();
  for (std::size_t u = 0; u < all.size(); ++u) {
    const bool within = arguments_.limit == 0 || all[u].picture < arguments_.limit;
    if (within && all[u].picture % arguments_.shard.count == arguments_.shard.index) units.push_back(u);
  }
  return units;
}

void EvaluateRun::count(const ResultBatch& batch) {
  for (const PictureFacts& picture : batch.pictures) {
    if (!picture.unreadable()) continue;
    ++unreadable_;
    console_.error(fmt::format("{}: {}", picture.picture, picture.skipped));
  }
  for (const Result& result : batch.results) {
    ++(result.skipped.empty() ? scored_ : withoutScore_);
    if (firstReason_.empty() && !result.skipped.empty())
      firstReason_ =
          fmt::format("{} of {} on {}: {}", result.key.protocol, result.key.method, result.key.picture, result.skipped);
  }
}

void EvaluateRun::show(const EvaluateProgress& progress, const ResultBatch& batch) {
  progress_ = progress;
  count(batch);
  const std::chrono::duration<double> seconds = Clock::now() - start_;
  const std::size_t left = progress.total - std::min(progress.total, progress.done);
  std::string text = fmt::format("{}/{}", progress.done, progress.total);
  if (progress.done > 0)
    text += fmt::format(", {:.0f} s left",
                        seconds.count() / static_cast<double>(progress.done) * static_cast<double>(left));
  console_.progress(
      progress.total == 0 ? 1.0 : static_cast<double>(progress.done) / static_cast<double>(progress.total), text);
}

void EvaluateRun::measureAlone(Evaluation& evaluation, Store& store, const std::vector<std::size_t>& units) {
  evaluate(evaluation, store, units,
           [this](const EvaluateProgress& progress, const ResultBatch& batch) { show(progress, batch); });
}

void EvaluateRun::measureTogether(Evaluation& evaluation, Store& store, const std::vector<std::size_t>& units) {
  store.beginRun(evaluation.provenance());
  store.put(evaluation.modelFacts());
  Portions portions(evaluation, store, units);
  EvaluateProgress progress{0, portions.total(), 0};
  show(progress, {});
  served_ = ranks_->own(
      evaluation, store, portions, [] { return !interrupted(); },
      [&](const ResultBatch& batch) {
        progress.done += batch.pictures.size();
        for (const PictureFacts& picture : batch.pictures) progress.skipped += !picture.skipped.empty();
        show(progress, batch);
      });
}

// `before`: units that were in the store, which may have scores where the few that are left have none.
bool EvaluateRun::failed(std::size_t before) {
  const bool none = before == 0 && scored_ == 0 && withoutScore_ > 0;
  if (none) console_.error(fmt::format("none of {} results has a score; the first, {}", withoutScore_, firstReason_));
  return none || unreadable_ > 0;
}

int EvaluateRun::close(std::size_t asked) {
  const std::size_t before = asked - std::min(asked, progress_.total);
  std::string text = fmt::format("{}: {} measured, {} skipped", arguments_.store.string(),
                                 progress_.done - progress_.skipped, progress_.skipped);
  if (before > 0) text += fmt::format(", {} were there before", before);
  if (withoutScore_ > 0) text += fmt::format(", {} results without a score", withoutScore_);
  if (interrupted()) {
    console_.note(fmt::format("interrupted; {}, {} not done. The same command goes on from there", text,
                              progress_.total - progress_.done));
    return kExitInterrupted;
  }
  if (served_.units > 0)
    console_.note(fmt::format("rank 0 served {} pictures of the other ranks in {:.2f} s, {:.2f} ms each", served_.units,
                              served_.seconds, 1e3 * served_.seconds / static_cast<double>(served_.units)));
  console_.result(text);
  flushStandardOutput();
  return failed(before) ? kExitFailure : kExitOk;
}

int EvaluateRun::execute() {
  requireModelName(network_.model);
  const Model model = loadModel(network_, console_);
  const Dataset dataset = Dataset::open(arguments_.data);
  const bool owner = !ranks_ || ranks_->owner();
  // A store that is there is looked at before methods are compiled; a new one is made when nothing can be wrong any
  // more.
  std::optional<Store> store;
  const auto openStore = [&] { store.emplace(Store::open(arguments_.store, Store::Access::Write)); };
  std::error_code ignored;
  if (owner && std::filesystem::exists(arguments_.store, ignored)) openStore();
  Evaluation evaluation(model, dataset, options(model));
  for (const std::string& note : evaluation.notes()) console_.note(note);
  if (!owner) {
    ranks_->work(evaluation, [] { return !interrupted(); });
    return interrupted() ? kExitInterrupted : kExitOk;
  }
  if (!store) openStore();
  if (arguments_.keep && store->resultCount() > 0)
    console_.note("--keep: rows that are in the store already stay without heatmaps; keeping those needs a new store");
  const std::vector<std::size_t> units = chosenUnits(evaluation);
  try {
    ranks_ ? measureTogether(evaluation, *store, units) : measureAlone(evaluation, *store, units);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::Cancelled || !interrupted()) throw;
  }
  return close(units.size());
}

}  // namespace

int runEvaluate(const EvaluateArguments& arguments) {
  watchInterrupts();
  const std::unique_ptr<Ranks> ranks = Ranks::join();
  try {
    return EvaluateRun(arguments, ranks.get()).execute();
  } catch (...) {
    if (!ranks) throw;
    Console(false).error(failureMessage());
    ranks->abort(kExitFailure);  // the others would wait for this one
    return kExitFailure;
  }
}

}  // namespace relprop::cli

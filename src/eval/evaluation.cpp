#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <thread>

#include "eval/measuring.h"
#include "eval/picture_failures.h"
#include "explainer/translated.h"
#include "relprop/error.h"
#include "relprop/evaluate.h"
#include "relprop/tuning.h"

namespace relprop {
namespace {

std::string hostName() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

std::unique_ptr<Classifier> narrowClassifier(const Model& model, const EvaluateOptions& o) {
  return std::make_unique<Classifier>(model, o.inputShape, o.layout, o.batch, o.threads, Precision::Bfloat16);
}

EvaluateOptions withFunctionsPassedOn(EvaluateOptions options) {
  options.warn = passedOn(options.warn);
  options.again = passedOn(options.again);
  return options;
}

}  // namespace

struct Evaluation::Impl {
  // In this order things are checked, and messages come.
  Impl(const Model& m, const Dataset& d, const EvaluateOptions& o)
      : model(m),
        dataset(d),
        options(withFunctionsPassedOn(o)),
        protocols(o.metrics, d, o.metricPrecision),
        classifier(m, o.inputShape, o.layout, o.batch, o.threads, Precision::Float32, o.tuning),
        narrow(protocols.ask(Precision::Bfloat16) ? narrowClassifier(m, o) : nullptr),
        methods(model, options, protocols.readLayers()),
        subjects(model, dataset, options, classifier),
        measuring(model, options, subjects, protocols, methods, classifier, narrow.get()) {
    notes = dataset.notes();
    notes.insert(notes.end(), subjects.notes().begin(), subjects.notes().end());
    if (!classifier.hasProbabilities()) protocols.requireNoProbabilities();
    for (std::size_t p = 0; p < protocols.count(); ++p)
      if (!protocols.lack(p).empty())
        notes.push_back(fmt::format("{} falls away: {}", protocols.texts()[p], protocols.lack(p)));
  }

  bool isSettled(const Store& store, std::size_t unit, const PictureFacts& key) const;
  std::vector<bool> wantedOf(const Store& store, const PictureFacts& key) const;
  PictureFacts keyOf(std::size_t unit) const;
  void require(const MissingScores& missing) const;

  Model model;
  Dataset dataset;
  EvaluateOptions options;
  eval::EvaluatedProtocols protocols;
  Classifier classifier;
  std::unique_ptr<Classifier> narrow;  // null where no protocol asks for it
  eval::EvaluatedMethods methods;
  eval::Subjects subjects;
  eval::Measuring measuring;
  std::vector<std::string> notes;
};

// Skipped as a whole, for a reason that still holds.
bool Evaluation::Impl::isSettled(const Store& store, std::size_t unit, const PictureFacts& key) const {
  if (options.retry || !store.isSkipped(key.model, key.dataset, key.picture, key.target)) return false;
  const bool nowKnown = subjects.units()[unit].dataClass.has_value();
  return !nowKnown || store.picture(key).skipped != eval::kUnknownClass;
}

// Method by method, protocol by protocol.
std::vector<bool> Evaluation::Impl::wantedOf(const Store& store, const PictureFacts& key) const {
  const auto done = store.done(key.model, key.dataset, key.picture, key.target, !options.retry);
  std::vector<bool> wanted;
  for (const std::string& method : methods.names()) {
    const auto found = done.find(method);
    for (const std::string& protocol : protocols.texts())
      wanted.push_back(found == done.end() ||
                       std::find(found->second.begin(), found->second.end(), protocol) == found->second.end());
  }
  return wanted;
}

PictureFacts Evaluation::Impl::keyOf(std::size_t unit) const {
  const std::size_t count = subjects.units().size();
  if (unit >= count)
    throw Error(ErrorCode::InvalidArgument, "unit", std::to_string(unit), fmt::format("less than {}", count));
  return subjects.keyOf(unit);
}

void Evaluation::Impl::require(const MissingScores& missing) const {
  (void)keyOf(missing.unit);
  const std::size_t count = methods.names().size() * protocols.count();
  if (missing.wanted.size() != count)
    throw Error(ErrorCode::InvalidArgument, "wanted", fmt::format("{} values", missing.wanted.size()),
                fmt::format("{}: {} methods by {} protocols", count, methods.names().size(), protocols.count()));
}

Evaluation::Evaluation(const Model& model, const Dataset& dataset, const EvaluateOptions& options)
    : impl_(translated("evaluate", [&] { return std::make_unique<Impl>(model, dataset, options); })) {}
Evaluation::~Evaluation() = default;

const std::vector<std::string>& Evaluation::methods() const {
  return impl_->methods.names();
}
const std::vector<std::string>& Evaluation::protocols() const {
  return impl_->protocols.texts();
}
const std::vector<EvaluationUnit>& Evaluation::units() const {
  return impl_->subjects.units();
}
const std::vector<std::string>& Evaluation::notes() const {
  return impl_->notes;
}
const ModelFacts& Evaluation::modelFacts() const {
  return impl_->subjects.modelFacts();
}

std::size_t Evaluation::portion() const {
  constexpr std::size_t kCompilingAnew = 8;
  return impl_->protocols.needRandomised() || !impl_->methods.fitTogether() ? kCompilingAnew : 1;
}

Provenance Evaluation::provenance() const {
  Provenance p;
  p.version = version();
  p.libraries = versions();
  p.host = hostName();
  p.command = impl_->options.command;
  if (impl_->options.precision == Precision::Bfloat16) p.precision = "bfloat16";
  if (impl_->options.tuning) p.libraries["tuning"] = nameOf(*impl_->options.tuning);
  p.seed = impl_->options.seed;
  const int asked = impl_->options.threads;
  p.threads = asked > 0 ? asked : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return p;
}

void Evaluation::requireOneSeed(const Store& store) const {
  const std::uint64_t seed = impl_->options.seed;
  const std::vector<Provenance> runs = store.runs();
  if (std::all_of(runs.begin(), runs.end(), [seed](const Provenance& run) { return run.seed == seed; })) return;
  const auto seeds = store.seeds();
  const auto found = seeds.find({modelFacts().key, impl_->dataset.name()});
  if (found == seeds.end() || found->second.count(seed) != 0)
    return;  // a store of both was merged, and has been told of
  const std::set<std::uint64_t>& there = found->second;
  throw Error(
      ErrorCode::InvalidArgument, store.name(),
      fmt::format("scores of {} that were measured with seed {}", impl_->dataset.name(), fmt::join(there, " and ")),
      fmt::format("seed {}, as is asked for now", seed),
      there.size() == 1 ? fmt::format("use --seed {}, or another store", *there.begin()) : "use another store");
}

void Evaluation::requireSamePictures(const Store& store) const {
  impl_->subjects.requireSamePictures(store);
}

std::vector<MissingScores> Evaluation::missing(const Store& store, const std::vector<std::size_t>& units) const {
  std::vector<MissingScores> all;
  for (const std::size_t unit : units) {
    const PictureFacts key = impl_->keyOf(unit);
    if (impl_->isSettled(store, unit, key)) continue;
    MissingScores missing{unit, impl_->wantedOf(store, key)};
    if (std::find(missing.wanted.begin(), missing.wanted.end(), true) != missing.wanted.end())
      all.push_back(std::move(missing));
  }
  return all;
}

bool Evaluation::claim(Store& store, std::size_t unit) const {
  const PictureFacts key = impl_->keyOf(unit);
  return store.claim(key.model, key.dataset, key.picture, key.target);
}

ResultBatch Evaluation::measure(const std::vector<MissingScores>& missing) {
  for (const MissingScores& one : missing) impl_->require(one);
  return translated("evaluate", [&] { return impl_->measuring.measure(missing); });
}

}  // namespace relprop

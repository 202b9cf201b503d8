#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "eval/measuring.h"
#include "explainer/translated.h"
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

}  // namespace

struct Evaluation::Impl {
  // In this order things are checked, and messages come.
  Impl(const Model& m, const Dataset& d, const EvaluateOptions& o)
      : model(m),
        dataset(d),
        options(o),
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

  std::vector<bool> wantedOf(const Store& store, const PictureFacts& key) const;

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

std::vector<MissingScores> Evaluation::missing(const Store& store, const std::vector<std::size_t>& units) const {
  std::vector<MissingScores> all;
  for (const std::size_t unit : units) {
    const PictureFacts key = impl_->subjects.keyOf(unit);
    if (store.isSkipped(key.model, key.dataset, key.picture, key.target)) continue;
    MissingScores missing{unit, impl_->wantedOf(store, key)};
    if (std::find(missing.wanted.begin(), missing.wanted.end(), true) != missing.wanted.end())
      all.push_back(std::move(missing));
  }
  return all;
}

bool Evaluation::claim(Store& store, std::size_t unit) const {
  const PictureFacts key = impl_->subjects.keyOf(unit);
  return store.claim(key.model, key.dataset, key.picture, key.target);
}

ResultBatch Evaluation::measure(const std::vector<MissingScores>& missing) {
  return translated("evaluate", [&] { return impl_->measuring.measure(missing); });
}

}  // namespace relprop

#include "explainer/classifier.h"

#include <algorithm>
#include <cmath>

#include "explain/methods/method_list.h"
#include "explain/session.h"
#include "explainer/bag_run.h"
#include "explainer/compilation.h"
#include "explainer/redraw.h"
#include "explainer/translated.h"
#include "relprop/error.h"

namespace relprop {

struct Classifier::Impl {
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Runnable> runnable;
  std::int64_t bytes = 0;
  std::unique_ptr<Session> session;
  std::vector<std::string> layers;
  std::function<bool()> again;

  void compile(const Model& model, const ExplainOptions& options) {
    model.isBagOfWords() ? compileBag(model, options) : compileNetwork(model, options);
    session = std::make_unique<Session>(*runnable, BaselineFacts{}, hooks());
  }

  void compileBag(const Model& model, const ExplainOptions& options) {
    runnable = makeBagRun(model, options, parseMethod(options.method));
  }

  void compileNetwork(const Model& model, const ExplainOptions& options) {
    const Compilation compilation(model, options);
    layers = layersFromTheTop(compilation.graph());
    backend = compilation.backend();
    std::unique_ptr<CompiledMethod> compiled = compilation.classifier(*backend, options.batch);
    bytes = compiled->plan().arenaBytes() + compiled->plan().weightBytes();
    runnable = std::move(compiled);
  }

  Session::Hooks hooks() {
    return {[this](Phase phase) { runnable->run(phase); },
            [this](std::int64_t, std::int64_t) {
              if (again && !again()) throw Error(ErrorCode::Cancelled, "forward", "stopped");
            },
            {}};
  }
};

Classifier::Classifier(const Model& model, const Shape& inputShape, std::optional<Layout> layout, int batch,
                       int threads, Precision precision, std::shared_ptr<const Tuning> tuning) {
  translated("compile", [&] {
    impl_ = std::make_unique<Impl>();
    impl_->compile(model, {.method = "gradient",
                           .inputShape = inputShape,
                           .layout = layout,
                           .batch = batch,
                           .threads = threads,
                           .precision = precision,
                           .tuning = std::move(tuning),
                           .pixelRange = {}});
  });
}
Classifier::~Classifier() = default;

const Shape& Classifier::imageShape() const {
  return impl_->runnable->imageShape();
}
int Classifier::classes() const {
  return static_cast<int>(impl_->runnable->scoreShape().classes);
}
bool Classifier::hasProbabilities() const {
  return impl_->runnable->scoreShape().hasProbabilities();
}

Classifier::Answer Classifier::answer(const Target& target, const float* scores) const {
  const ScoreShape& shape = impl_->runnable->scoreShape();
  const auto k = static_cast<std::size_t>(target.index());
  const std::vector<double> logits = classScores(shape, scores);
  // Beside a NaN nothing is the highest, wherever it stands.
  if (std::any_of(logits.begin(), logits.end(), [](double v) { return std::isnan(v); }))
    return {std::nan(""), std::nan(""), false};
  Answer a{logits.at(k), probabilities(shape, scores).at(k), false};
  const bool highest = std::max_element(logits.begin(), logits.end()) - logits.begin() == target.index();
  a.chosen = shape.classes == 1 ? a.probability >= 0.5 : highest;
  if (target.kind() == Target::Kind::Not) a = {-a.logit, 1 - a.probability, !a.chosen};
  return a;
}

int Classifier::highest(const float* scores) const {
  const std::vector<double> logits = classScores(impl_->runnable->scoreShape(), scores);
  return static_cast<int>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

const std::vector<std::string>& Classifier::layers() const {
  return impl_->layers;
}

std::int64_t Classifier::bytes() const {
  return impl_->bytes;
}

void Classifier::forward(std::int64_t count, const std::function<void(std::int64_t, float*)>& fill,
                         const std::function<void(std::int64_t, const float*)>& read,
                         const std::function<bool()>& again) {
  impl_->again = passedOn(again);
  translated("forward", [&] {
    impl_->session->forward(count, fill, [&](std::int64_t k, const Session::Row& row) { read(k, row.scores()); });
  });
}

}  // namespace relprop

// Plans, and what they compute.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "c/arrays.h"
#include "c/call.h"
#include "c/model.h"
#include "c/options.h"
#include "c/result.h"
#include "explainer/prepare.h"
#include "relprop/choices.h"
#include "relprop/describe.h"

namespace relprop::c {
namespace {

using Json = nlohmann::ordered_json;

// What it was asked, apart from images.
struct Subject {
  Model model;
  Options options;
  FoundPreprocess pixels;
  std::vector<std::string> labels;
  std::string method;
};

class ExplainerObject : public Object {
 public:
  ExplainerObject(Model model, const Options& options);

  std::string description();
  std::shared_ptr<Result> explain(const relprop_array* input, const char* question, const relprop_call* call);
  std::shared_ptr<Result> forward(const relprop_array* input, const relprop_call* call);
  void cancel() { cancelled_ = true; }

 private:
  // One thread at a time. The progress function of a call runs within it and would wait for itself.
  class Alone {
   public:
    explicit Alone(ExplainerObject& owner) : owner_(owner) {
      if (owner.holder_ == std::this_thread::get_id())
        throw Error(ErrorCode::InvalidArgument, "explainer", "a call from the progress function of another",
                    "one after it, or another explainer");
      owner.turn_.lock();
      owner.holder_ = std::this_thread::get_id();
    }
    ~Alone() {
      owner_.holder_ = std::thread::id();
      owner_.turn_.unlock();
    }
    Alone(const Alone&) = delete;
    Alone& operator=(const Alone&) = delete;

   private:
    ExplainerObject& owner_;
  };
  // A call that can be stopped.
  class Turn {
   public:
    Turn(ExplainerObject& owner, const relprop_call* call) : alone_(owner), owner_(owner), progress_(call) {
      owner_.cancelled_ = false;
      owner_.progress_ = &progress_;
    }
    ~Turn() { owner_.progress_ = nullptr; }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    Progress& progress() { return progress_; }

   private:
    Alone alone_;
    ExplainerObject& owner_;
    Progress progress_;
  };

  ExplainOptions explainOptions();
  bool again() { return !cancelled_ && (progress_ == nullptr || progress_->again()); }
  bool within(std::int64_t done, std::int64_t total);
  std::int64_t portion() const { return manyInputs_ ? 1 : batch_; }
  TensorView checkedInput(const relprop_array* input) const;
  template <class Work>
  void portions(const TensorView& input, Turn& turn, Work work);

  Subject subject_;
  TargetChoice choice_;
  bool manyInputs_;
  int batch_;
  std::unique_ptr<Explainer> explainer_;
  std::mutex turn_;
  std::atomic<std::thread::id> holder_ = std::thread::id();
  std::atomic<bool> cancelled_ = false;
  Progress* progress_ = nullptr;         // of the call that runs
  std::int64_t behind_ = 0, count_ = 0;  // images done, and all, of the call that runs
};

TensorView rows(const TensorView& all, std::int64_t first, std::int64_t count) {
  Shape shape = all.shape;
  const std::int64_t size = elementCount(shape) / std::max<std::int64_t>(1, shape.front());
  shape.front() = count;
  return {all.data + first * size, shape};
}

Subject subjectOf(Model model, const Options& options) {
  std::vector<std::string> optional;
  const std::vector<std::string> methods = methodsOf(model, options, optional);
  if (methods.size() != 1 || !optional.empty())
    throw Error(ErrorCode::InvalidArgument, "method", "several", "one method", "make an explainer for each");
  FoundPreprocess pixels = preprocessOf(model, options);
  std::vector<std::string> labels = labelsOf(model, options).names;
  return {std::move(model), options, std::move(pixels), std::move(labels), methods.front()};
}

ExplainerObject::ExplainerObject(Model model, const Options& options)
    : subject_(subjectOf(std::move(model), options)),
      choice_(choiceOf(options.target, options, subject_.labels, subject_.model)),
      manyInputs_(runsManyInputs(subject_.method)),
      batch_(chosenBatch(subject_.model, subject_.method, options.batch, 1)),
      explainer_(std::make_unique<Explainer>(subject_.model, explainOptions())) {}

ExplainOptions ExplainerObject::explainOptions() {
  const Options& given = subject_.options;
  ExplainOptions result;
  result.method = subject_.method;
  result.rules = given.rules;
  result.inputShape = chosenInputShape(subject_.model, given.shape, subject_.pixels.preprocess);
  result.layout = given.layout;
  result.batch = batch_;
  result.targets = targetsOf(choice_);
  result.from = choice_.from;
  result.at = given.target.at;
  result.patterns = given.patterns;
  result.threads = given.threads;
  result.precision = given.precision;
  result.tuning = given.tuning;
  result.memory = given.memory;
  result.preprocess = subject_.pixels.preprocess;
  if (subject_.pixels.preprocess)
    result.pixelRange =
        pixelRange(*subject_.pixels.preprocess, subject_.model.channels(result.inputShape, given.layout));
  result.reference = given.reference;
  result.ledger = given.ledger;
  result.requireConservation = given.requireConservation;
  result.progress = [this](std::int64_t done, std::int64_t total) { return within(done, total); };
  result.again = [this] { return again(); };
  return result;
}

// Of one image that is computed many times.
bool ExplainerObject::within(std::int64_t done, std::int64_t total) {
  return !cancelled_ && (progress_ == nullptr || progress_->report(behind_ * total + done, count_ * total));
}

std::string ExplainerObject::description() {
  const Alone alone(*this);
  const Model& model = subject_.model;
  Json json = Json::parse(factsJson({model.path(), model.hash(), explainer_->methodString(), subject_.options.rules,
                                     choice_, subject_.pixels.preprocess, subject_.options.precision,
                                     subject_.options.tuning ? nameOf(*subject_.options.tuning) : std::string()}));
  json.update(Json::parse(planJson(model, *explainer_)));
  json["batch"] = batch_;
  json["targets"] = Json::array();
  for (const NamedTarget& target : choice_.targets) json["targets"].push_back(target.name);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

TensorView ExplainerObject::checkedInput(const relprop_array* input) const {
  const TensorView view = floats(input, "input");
  checkImages(view, explainer_->inputShape());
  return view;
}

// A few images at a time, so that a stop is heard between them.
template <class Work>
void ExplainerObject::portions(const TensorView& input, Turn& turn, Work work) {
  const std::int64_t size = portion();
  count_ = input.shape.front();
  for (behind_ = 0; behind_ < count_; behind_ += size) {
    const std::int64_t used = std::min(size, count_ - behind_);
    work(behind_, rows(input, behind_, used));
    if (!manyInputs_ && (cancelled_ || !turn.progress().report(behind_ + used, count_)))
      throw Error(ErrorCode::Cancelled, "explain", fmt::format("stopped after {} of {}", behind_ + used, count_));
  }
}

// What is asked of each image in turn: the same of all, or of each its own.
struct Asked {
  std::vector<NamedTarget> targets;
  std::size_t each = 0;  // of an image
  bool own = false;
  TargetChoice choice;

  std::vector<Target> of(std::int64_t first, std::int64_t images) const {
    const std::size_t from = own ? static_cast<std::size_t>(first) * each : 0;
    const std::size_t count = own ? static_cast<std::size_t>(images) * each : each;
    std::vector<Target> result;
    for (std::size_t i = from; i < from + count; ++i) result.push_back(targets[i].target);
    return result;
  }
  const NamedTarget& nameOf(std::size_t map) const { return targets[own ? map : map % each]; }
};

void requireCount(std::size_t got, std::size_t expected, const char* what) {
  if (got != expected)
    throw Error(ErrorCode::InvalidArgument, "target", fmt::format("{} {}", got, what),
                fmt::format("{}, as the explainer was made for", expected), "make an explainer for so many");
}

Asked askedOf(const char* question, const TargetChoice& made, const Subject& subject, std::int64_t images) {
  Asked asked{made.targets, made.targets.size(), false, made};
  if (question == nullptr) return asked;
  Options unsaid;  // what the question is silent about is as the explainer was made
  unsaid.target = {subject.options.target.targets, subject.options.target.contrast, {}, {}};
  unsaid.relevance = subject.options.relevance;
  const Options options = readOptions(question, Function::Question, std::move(unsaid));
  const auto chosen = [&](std::vector<std::string> words) {
    TargetText text{std::move(words), options.target.contrast, made.from, {}};
    return choiceOf(text, options, subject.labels, subject.model).targets;
  };
  if (options.targetsOfImages.empty()) {
    asked.targets = chosen(options.target.targets);
    requireCount(asked.targets.size(), asked.each, "targets");
    return asked;
  }
  if (static_cast<std::int64_t>(options.targetsOfImages.size()) != images)
    throw Error(ErrorCode::InvalidArgument, "target", fmt::format("{} lists", options.targetsOfImages.size()),
                fmt::format("{}, one for each image", images));
  asked.own = true;
  asked.targets.clear();
  for (const std::vector<std::string>& words : options.targetsOfImages) {
    requireCount(words.size(), asked.each, "targets of an image");
    for (const std::string& word : words)
      for (const NamedTarget& one : chosen({word})) asked.targets.push_back(one);
  }
  requireCount(asked.targets.size(), asked.each * options.targetsOfImages.size(), "targets in all");
  return asked;
}

std::string mapText(const Explanation& explanation, const Asked& asked, std::size_t map) {
  Json json = Json::parse(mapJson(explanation, asked.nameOf(map), asked.choice));
  json["ledger"] = Json::parse(ledgerJson(explanation));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::shared_ptr<Result> ExplainerObject::explain(const relprop_array* input, const char* question,
                                                 const relprop_call* call) {
  Turn turn(*this, call);
  const TensorView images = checkedInput(input);
  const auto asked = std::make_shared<const Asked>(askedOf(question, choice_, subject_, images.shape.front()));
  std::vector<Explanation> all;
  portions(images, turn, [&](std::int64_t first, const TensorView& part) {
    std::vector<Explanation> some = explainer_->explain(part, asked->of(first, part.shape.front()));
    std::move(some.begin(), some.end(), std::back_inserter(all));
  });
  std::shared_ptr<Result> result = resultOf(std::move(all), explainer_->layout());
  const Result* const inside = result.get();
  result->json = [inside, asked](std::size_t map) { return mapText(inside->explanations[map], *asked, map); };
  return result;
}

std::shared_ptr<Result> ExplainerObject::forward(const relprop_array* input, const relprop_call* call) {
  Turn turn(*this, call);
  const TensorView images = checkedInput(input);
  Tensor scores;
  portions(images, turn, [&](std::int64_t, const TensorView& part) {
    const Tensor some = explainer_->forward(part);
    if (scores.shape.empty()) scores.shape = {0, some.shape.at(1)};
    scores.shape[0] += some.shape[0];
    scores.data.insert(scores.data.end(), some.data.begin(), some.data.end());
  });
  auto result = std::make_shared<Result>();
  result->maps.resize(1);
  result->add(0, "scores", std::move(scores));
  return result;
}

std::shared_ptr<ExplainerObject> called(relprop_explainer* handle) {
  return Handles::all().find<ExplainerObject>(handle, "explainer");
}

}  // namespace
}  // namespace relprop::c

using namespace relprop::c;

int32_t relprop_explainer_create(relprop_model* model, const char* options, relprop_explainer** explainer) {
  return guarded([&] {
    requirePointer(explainer, "explainer");
    const auto made = std::make_shared<ExplainerObject>(modelCalled(model), readOptions(options, Function::Explainer));
    *explainer = Handles::all().add<relprop_explainer>(made);
  });
}

int32_t relprop_explainer_describe(relprop_explainer* explainer, char** json) {
  return guarded([&] {
    requirePointer(json, "json");
    *json = handedOut(called(explainer)->description());
  });
}

int32_t relprop_explain(relprop_explainer* explainer, const relprop_array* input, const char* question,
                        const relprop_call* call, relprop_result** result) {
  return guarded([&] {
    requirePointer(result, "result");
    *result = Handles::all().add<relprop_result>(called(explainer)->explain(input, question, call));
  });
}

int32_t relprop_forward(relprop_explainer* explainer, const relprop_array* input, const relprop_call* call,
                        relprop_result** result) {
  return guarded([&] {
    requirePointer(result, "result");
    *result = Handles::all().add<relprop_result>(called(explainer)->forward(input, call));
  });
}

int32_t relprop_cancel(relprop_explainer* explainer) {
  return guarded([&] { called(explainer)->cancel(); });
}

int32_t relprop_explainer_free(relprop_explainer* explainer) {
  return guarded([&] { Handles::all().free<ExplainerObject>(explainer, "explainer"); });
}

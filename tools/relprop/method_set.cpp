#include "method_set.h"

#include <algorithm>
#include <utility>

#include "pictures.h"
#include "relprop/error.h"

namespace relprop::cli {

MethodSet::MethodSet(std::vector<MethodChoice> choices, Network network, Say note, Say warn)
    : network_(std::move(network)),
      note_(std::move(note)),
      warn_(std::move(warn)),
      pool_(network_.model, choices.size(), [this](std::size_t place) { return optionsOf(methods_[place]); }) {
  const Model& model = network_.model;
  for (MethodChoice& choice : choices) {
    RunFacts facts{model.path(),
                   model.hash(),
                   "",
                   network_.options.rules,
                   network_.question,
                   network_.preprocess,
                   network_.options.precision,
                   tuningName(network_.options)};
    methods_.push_back({choice, fileNamePart(choice.text), std::move(facts)});
  }
}

ExplainOptions MethodSet::optionsOf(const Method& method) const {
  ExplainOptions options =
      explainOptions(network_.model, network_.options, method.choice.text, network_.shape, network_.preprocess);
  if (runsManyInputs(method.choice.text))
    options.batch = chosenBatch(network_.model, method.choice.text, network_.options.batchGiven, 1);
  options.targets = targetsOf(network_.question);
  options.from = network_.question.from;
  options.requireConservation = network_.requireConservation;
  options.progress = network_.progress;
  options.at = network_.at;
  if (options.at.empty() && network_.layers) options.at = nodesToKeep(options);
  return options;
}

// The nodes are known once a plan was made, and depend on the method: some fold more into a convolution than others.
std::vector<std::string> MethodSet::nodesToKeep(ExplainOptions options) const {
  if (network_.model.isBagOfWords())
    throw Error(ErrorCode::InvalidArgument, "layers", "asked of a bag of visual words",
                "a network: a bag of visual words has no layers", "leave it out");
  options.batch = 1;
  options.ledger = false;
  if (const int fixed = fixedBatch(network_.model); fixed > 0) options.batch = fixed;
  return representativeNodes(Explainer(network_.model, options).report().nodes);
}

void MethodSet::compile(Method& method) {
  method.explainer.emplace(pool_.borrow(placeOf(method)));
  if (std::exchange(method.compiledOnce, true)) return;
  const Explainer& explainer = **method.explainer;
  inputShape_ = explainer.inputShape();
  method.facts.method = explainer.methodString();
  for (const std::string& warning : explainer.warnings())  // about the network: the same for several methods
    if (warned_.insert(warning).second) warn_(method.choice.text + ": " + warning);
}

void MethodSet::leaveOut(Method& method, const std::string& why) {
  note_(method.choice.text + " is left out: " + why);
  method.leftOut = true;
  close(method, true);
  if (std::all_of(methods_.begin(), methods_.end(), [](const Method& one) { return one.leftOut; }))
    throw Error(ErrorCode::NotSupportedByMethod, network_.model.path(), "no method can be applied");
}

Explainer* MethodSet::open(Method& method) {
  if (!method.explainer && !method.leftOut) try {
      compile(method);
    } catch (const Error& error) {
      if (!method.choice.optional || error.code() != ErrorCode::NotSupportedByMethod) throw;
      leaveOut(method, error.what());
    }
  return method.explainer ? &**method.explainer : nullptr;
}

void MethodSet::close(Method& method, bool forGood) {
  method.explainer.reset();
  if (forGood) pool_.retire(placeOf(method));
}

void MethodSet::check() {
  for (Method& method : methods_) {
    if (method.choice.optional && !inputShape_.empty()) continue;
    open(method);
    close(method);
  }
  fitTogether_ = pool_.fitTogether();
}

}  // namespace relprop::cli

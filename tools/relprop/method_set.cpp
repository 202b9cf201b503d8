#include "method_set.h"

#include <algorithm>

#include "pictures.h"
#include "relprop/error.h"

namespace relprop::cli {

MethodSet::MethodSet(std::vector<MethodChoice> choices, Network network, Say note, Say warn)
    : network_(std::move(network)), note_(std::move(note)), warn_(std::move(warn)) {
  const Model& model = network_.model;
  for (MethodChoice& choice : choices) {
    RunFacts facts{model.path(),
                   model.hash(),
                   "",
                   network_.options.rules,
                   network_.question,
                   network_.preprocess,
                   network_.options.precision};
    methods_.push_back({choice, fileNamePart(choice.text), std::move(facts)});
  }
}

ExplainOptions MethodSet::optionsOf(const Method& method) const {
  constexpr int kRows = 4;  // of a method that computes many inputs an image; more costs memory and gains little
  ExplainOptions options =
      explainOptions(network_.model, network_.options, method.choice.text, network_.shape, network_.preprocess);
  if (runsManyInputs(method.choice.text) && fixedBatch(network_.model) == 0)
    options.batch = network_.options.batchGiven ? network_.options.batchGiven : kRows;
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
  options.batch = 1;
  options.ledger = false;
  if (const int fixed = fixedBatch(network_.model); fixed > 0) options.batch = fixed;
  return representativeNodes(Explainer(network_.model, options).report().nodes);
}

void MethodSet::compile(Method& method) {
  Explainer explainer(network_.model, optionsOf(method));
  inputShape_ = explainer.inputShape();
  method.facts.method = explainer.methodString();
  if (!method.compiledOnce)
    for (const std::string& warning : explainer.warnings()) warn_(method.choice.text + ": " + warning);
  method.compiledOnce = true;
  method.explainer.emplace(std::move(explainer));
}

void MethodSet::leaveOut(Method& method, const std::string& why) {
  note_(method.choice.text + " is left out: " + why);
  method.leftOut = true;
  method.explainer.reset();
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
  return method.explainer ? &*method.explainer : nullptr;
}

void MethodSet::close(Method& method) {
  if (!fitTogether()) method.explainer.reset();
}

void MethodSet::check() {
  for (Method& method : methods_) {
    if (method.choice.optional && !inputShape_.empty()) continue;
    open(method);
    close(method);
  }
}

}  // namespace relprop::cli

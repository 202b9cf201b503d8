#include "eval/evaluation_methods.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>

#include "relprop/error.h"

namespace relprop {
namespace {

std::int64_t halfOfTheMachine() {
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE) / 2;
}

bool contains(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

MethodPool::MethodPool(const Model& model, const EvaluateOptions& options, bool ledger)
    : model_(model), options_(options), ledger_(ledger) {
  budget_ = options.memory > 0 ? options.memory : halfOfTheMachine();
  for (const std::string& text : options.methods) add(text, contains(options.optional, text));
  if (texts_.empty())
    throw Error(options.methods.empty() ? ErrorCode::InvalidArgument : ErrorCode::NotSupportedByMethod, "methods",
                "none that can be applied to " + model.path(), "at least one");
}

// A batch of 1 for methods of one walk: their seconds are what one picture costs.
ExplainOptions MethodPool::optionsOf(const std::string& text) const {
  ExplainOptions o;
  o.method = text;
  o.rules = options_.rules;
  o.inputShape = options_.inputShape;
  o.batch = runsManyInputs(text) ? options_.batch : 1;
  o.patterns = options_.patterns;
  o.threads = options_.threads;
  o.pixelRange = pixelRange(options_.preprocess);
  o.ledger = ledger_;
  if (options_.again) o.progress = [again = options_.again](std::int64_t, std::int64_t) { return again(); };
  return o;
}

std::unique_ptr<Explainer> MethodPool::compileFor(const Model& model, std::size_t method) const {
  return std::make_unique<Explainer>(model, optionsOf(texts_[method]));
}

void MethodPool::add(const std::string& text, bool optional) try {
  auto explainer = std::make_unique<Explainer>(model_, optionsOf(text));
  std::string name = explainer->methodString();
  if (!options_.rules.empty()) name += fmt::format(" | {}", fmt::join(options_.rules, " | "));
  if (contains(names_, name)) return;
  if (options_.warn)
    for (const std::string& warning : explainer->warnings()) options_.warn(text + ": " + warning);
  const std::int64_t bytes = explainer->report().arenaBytes + explainer->report().weightBytes;
  const bool fits = held_ + bytes <= budget_;
  fitTogether_ = fitTogether_ && fits;
  if (fits) held_ += bytes;
  texts_.push_back(text), names_.push_back(std::move(name)), stays_.push_back(fits);
  explainers_.push_back(fits ? std::move(explainer) : nullptr);
} catch (const Error& error) {
  if (!optional || error.code() != ErrorCode::NotSupportedByMethod) throw;
  if (options_.warn) options_.warn(text + " is left out: " + error.what());
}

MethodPool::Loan MethodPool::borrow(std::size_t method) {
  if (!explainers_[method]) explainers_[method] = compileFor(model_, method);
  return {*this, method};
}

void MethodPool::giveBack(std::size_t method) {
  if (!stays_[method]) explainers_[method].reset();
}

}  // namespace relprop

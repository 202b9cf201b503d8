#include "eval/evaluation_methods.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/digest.h"
#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop::eval {
namespace {

bool contains(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

EvaluatedMethods::EvaluatedMethods(const Model& model, const EvaluateOptions& options, bool ledger)
    : options_(options),
      channels_(model.channels(options.inputShape, options.layout)),
      ledger_(ledger),
      pool_(
          model, options.methods.size(), [this](std::size_t asked) { return optionsOf(asked); }, options.memory) {
  for (std::size_t asked = 0; asked < options.methods.size(); ++asked) add(asked);
  if (names_.empty())
    throw Error(options.methods.empty() ? ErrorCode::InvalidArgument : ErrorCode::NotSupportedByMethod, "methods",
                "none that can be applied to " + model.path(), "at least one");
}

// A batch of 1 for methods of one walk: their seconds are what one picture costs.
ExplainOptions EvaluatedMethods::optionsOf(std::size_t asked) const {
  ExplainOptions o;
  o.method = options_.methods[asked];
  o.rules = options_.rules;
  o.inputShape = options_.inputShape, o.layout = options_.layout;
  o.channelsFirst = true;  // metrics change pictures C×H×W, whatever the network's layout
  o.batch = runsManyInputs(o.method) ? options_.batch : 1;
  o.patterns = options_.patterns;
  o.threads = options_.threads;
  o.precision = options_.precision;
  o.tuning = options_.tuning;
  o.memory = options_.methodMemory;
  o.preprocess = options_.preprocess;
  o.pixelRange = pixelRange(options_.preprocess, channels_);
  o.ledger = ledger_;
  o.again = options_.again;
  if (options_.again) o.progress = [again = options_.again](std::int64_t, std::int64_t) { return again(); };
  return o;
}

std::unique_ptr<Explainer> EvaluatedMethods::compileFor(const Model& model, std::size_t method) const {
  return std::make_unique<Explainer>(model, optionsOf(asked_[method]));
}

void EvaluatedMethods::add(std::size_t asked) try { take(asked); } catch (const Error& error) {
  const std::string& text = options_.methods[asked];
  if (!contains(options_.optional, text) || error.code() != ErrorCode::NotSupportedByMethod) throw;
  if (options_.warn) options_.warn(text + " is left out: " + error.what());
  pool_.retire(asked);
}

// Which patterns they are is in no method's name.
const std::string& EvaluatedMethods::patternsDigest() {
  constexpr std::size_t kDigits = 8;
  if (patternsDigest_.empty())
    patternsDigest_ = fmt::format("{:016x}", fnv1a(readFile(options_.patterns))).substr(0, kDigits);
  return patternsDigest_;
}

// The same method in other words is measured once.
void EvaluatedMethods::take(std::size_t asked) {
  const ExplainerPool::Loan explainer = pool_.borrow(asked);
  std::string name = explainer->methodString();
  if (!options_.rules.empty()) name += fmt::format(" | {}", fmt::join(options_.rules, " | "));
  if (options_.precision == Precision::Bfloat16) name += " | precision=bf16";
  if (usesPatterns(options_.methods[asked], options_.rules)) name += " | patterns=" + patternsDigest();
  if (contains(names_, name)) return pool_.retire(asked);
  if (options_.warn)
    for (const std::string& warning : explainer->warnings())  // about the network: the same for several methods
      if (warned_.insert(warning).second) options_.warn(options_.methods[asked] + ": " + warning);
  asked_.push_back(asked), names_.push_back(std::move(name));
}

}  // namespace relprop::eval

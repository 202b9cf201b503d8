// Measuring in process, and stores.
#include "relprop/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "c/call.h"
#include "c/model.h"
#include "c/options.h"
#include "relprop/choices.h"
#include "relprop/report.h"

namespace relprop::c {
namespace {

using Json = nlohmann::ordered_json;

// The option is for some methods and rules, as a key of the method string is: where none of them is chosen it is a
// slip. A bag of visual words refuses it itself.
void requireUseOfPatterns(const Options& options, const std::vector<std::string>& methods) {
  const auto uses = [&](const std::string& method) { return usesPatterns(method, options.rules); };
  if (!options.patterns.empty() && std::none_of(methods.begin(), methods.end(), uses))
    throw Error(ErrorCode::InvalidArgument, "patterns", options.patterns + ", which none of the methods uses",
                "pattern-net or pattern-attribution among them",
                "name one of those, as a method or in a --rule, or leave it out");
}

EvaluateOptions evaluateOptions(const Model& model, const Options& options) {
  EvaluateOptions result;
  result.methods = methodsOf(model, options, result.optional);
  if (!model.isBagOfWords()) requireUseOfPatterns(options, result.methods);
  if (!options.metrics.empty()) result.metrics = options.metrics;
  result.rules = options.rules;
  result.target = options.targetKind;
  result.onlyCorrect = options.onlyCorrect;
  result.preprocess = requiredPreprocess(model, options);
  result.labels = labelsOf(model, options).names;
  result.inputShape = chosenInputShape(model, options.shape, result.preprocess);
  result.layout = options.layout;
  result.patterns = options.patterns;
  if (options.tuning && options.tuning->batch > 0) result.batch = options.tuning->batch;
  if (options.batch > 0) result.batch = options.batch;
  if (const int fixed = fixedBatch(model); fixed > 0) result.batch = fixed;
  result.threads = options.threads;
  result.seed = static_cast<std::uint64_t>(options.seed);
  result.memory = options.memory;
  result.precision = options.precision;
  result.tuning = options.tuning;
  result.metricPrecision = options.metricPrecision;
  result.keep = options.keep;
  result.command = options.command;
  return result;
}

std::vector<std::size_t> chosenUnits(const Evaluation& evaluation, std::int64_t limit) {
  std::vector<std::size_t> units;
  const std::vector<EvaluationUnit>& all = evaluation.units();
  for (std::size_t unit = 0; unit < all.size(); ++unit)
    if (limit == 0 || all[unit].picture < static_cast<std::size_t>(limit)) units.push_back(unit);
  return units;
}

Store storeAt(const std::string& path) {
  return path.empty() ? Store::inMemory() : Store::open(path, Store::Access::Write);
}

Json resultsJson(const Store& store) {
  std::string text;
  exportStore(store, "json", [&](const std::string& part) { text += part; });
  return Json::parse(text);
}

std::string measured(const Model& model, const Options& options, const relprop_call* call) {
  if (options.data.empty())
    throw Error(ErrorCode::InvalidArgument, "data", "", "a data set, KIND:PATH", "e.g. imagenet:ILSVRC");
  Progress progress(call);
  std::vector<std::string> warnings;
  EvaluateOptions wanted = evaluateOptions(model, options);
  wanted.warn = [&](const std::string& text) { warnings.push_back(text); };
  wanted.again = [&] { return progress.again(); };
  const Dataset dataset = Dataset::open(options.data);
  Evaluation evaluation(model, dataset, wanted);
  Store store = storeAt(options.store);
  const EvaluateProgress done = evaluate(
      evaluation, store, chosenUnits(evaluation, options.limit), [&](const EvaluateProgress& so, const ResultBatch&) {
        progress.report(static_cast<std::int64_t>(so.done), static_cast<std::int64_t>(so.total));
      });
  Json json = {{"done", done.done}, {"skipped", done.skipped}, {"notes", evaluation.notes()}, {"warnings", warnings}};
  json["tables"] = Json::parse(tablesJson(store));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string storeText(const char* path, const Options& options) {
  const Store store = Store::open(path, Store::Access::Read);
  Json json = {{"tables", Json::parse(tablesJson(store))}};
  if (options.results) json["results"] = resultsJson(store);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace
}  // namespace relprop::c

using namespace relprop::c;

int32_t relprop_evaluate(relprop_model* model, const char* options, const relprop_call* call, char** json) {
  return guarded([&] {
    requirePointer(json, "json");
    *json = handedOut(measured(modelCalled(model), readOptions(options, Function::Evaluate), call));
  });
}

int32_t relprop_store_read(const char* path, const char* options, char** json) {
  return guarded([&] {
    requirePointer(path, "path");
    requirePointer(json, "json");
    *json = handedOut(storeText(path, readOptions(options, Function::StoreRead)));
  });
}

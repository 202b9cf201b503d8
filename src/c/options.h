// The options of the C interface's functions: one table says what each is called, means and may be.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "relprop/budgets.h"
#include "relprop/describe.h"
#include "relprop/explain.h"
#include "relprop/image.h"
#include "relprop/question.h"
#include "relprop/tuning.h"

namespace relprop::c {

// All that any of them says.
struct Options {
  ModelOptions model;
  std::string name, folder;  // of bytes, and what messages call them

  std::string preprocess, preprocessJson;  // a name or a file, or the description itself
  std::string labels;                      // a name or a file
  std::vector<std::string> labelNames;     // or the names
  Shape shape;
  std::optional<Layout> layout;

  std::vector<std::string> methods;
  std::vector<std::pair<std::string, std::string>> parameters;  // of every method
  std::vector<std::string> rules;
  std::string patterns;
  int batch = 0, threads = 0;
  std::shared_ptr<const Tuning> tuning = {};
  Precision precision = Precision::Float32, metricPrecision = Precision::Float32;
  std::int64_t memory = 0;
  bool reference = false, ledger = true;
  double requireConservation = 0;
  TargetText target;
  // Targets of each image, where they differ; and targets given as one relevance a score, which TargetText has no
  // words for. A word of `target` that is kRelevance stands for the next of them.
  std::vector<std::vector<std::string>> targetsOfImages;
  std::vector<std::vector<float>> relevance;

  HeatmapOptions heatmap;

  std::string data, store, targetKind = "true", command;  // store: empty for none
  std::vector<std::string> metrics;
  bool onlyCorrect = false, keep = false, results = false;
  std::int64_t limit = 0, seed = 0;

  Budgets budgets;
};

inline const std::string kRelevance("\0relevance:", 11);  // no text of the caller's has a zero byte

enum class Function { Load, FromBytes, Describe, Prepare, Explainer, Question, Render, Evaluate, StoreRead, Budgets };

// A JSON object, or nullptr for none. Throws InvalidArgument with the option as its place.
Options readOptions(const char* json, Function function, Options unsaid = {});
// {"load": {"output": "…"}, …}
std::string optionsJson();

// What options say of a model's pixels and classes, or else what lies beside it.
FoundPreprocess preprocessOf(const Model& model, const Options& options);
// Throws InvalidArgument where none is known.
Preprocess requiredPreprocess(const Model& model, const Options& options);
FoundLabels labelsOf(const Model& model, const Options& options);
// Those of `options`, complete with their parameters; "all" is every one that can be applied, and `optional` says
// which.
std::vector<std::string> methodsOf(const Model& model, const Options& options, std::vector<std::string>& optional);
TargetChoice choiceOf(const TargetText& text, const Options& options, const std::vector<std::string>& labels,
                      const Model& model);

}  // namespace relprop::c

// Options that explain and inspect share: the model, the method and how the input is shaped.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "console.h"
#include "method_choice.h"
#include "relprop/choices.h"
#include "relprop/explain.h"
#include "relprop/tuning.h"

namespace relprop::cli {

struct NetworkOptions {
  std::string model;
  std::string output;                        // of the network's; empty: chosen by the library
  std::map<std::string, std::string> feeds;  // input and file
  std::vector<std::string> methods;          // none: the model's default
  std::vector<Shortcut> shortcuts;
  std::vector<std::string> rules;
  std::string patterns;
  std::string preprocess;
  Shape shape;
  std::optional<Layout> layout;
  int batch = 0;       // rows computed together; 0: not chosen yet
  int batchGiven = 0;  // by the user, 0: none
  int threads = 0;
  bool reference = false;
  Precision precision = Precision::Float32;
  std::shared_ptr<const Tuning> tuning;  // null: none
  std::string tuningFile;
  std::int64_t memory = 0;  // bytes; 0: no limit
};

// The network with the output and the inputs that were asked for; says what was assumed.
Model loadModel(const NetworkOptions& options, Console& console);
ModelOptions modelOptions(const NetworkOptions& options);
// What the options have read, and the model; what may be read beside it, and what the methods name.
std::vector<std::filesystem::path> filesOf(const NetworkOptions& options, const Model& model,
                                           const std::vector<MethodChoice>& methods = {});

void addNetworkOptions(CLI::App& app, NetworkOptions& options);
// How the model is run and what goes into it.
void addRunOptions(CLI::App& app, NetworkOptions& options);
void addLabelsOption(CLI::App& app, std::string& labels);
void addPrecisionOption(CLI::App& app, const std::string& name, Precision& precision, const std::string& text);
// Takes away options that a command has from those above and does without.
void removeOptions(CLI::App& app, const std::vector<std::string>& names);
// The model and how it is run, without what is about methods.
void addModelOptions(CLI::App& app, NetworkOptions& options);

// See chooseMethods; where none is named, rap for a network, bow-lrp for a bag of visual words.
std::vector<MethodChoice> chosenMethods(const Model& model, const NetworkOptions& options,
                                        std::vector<std::string>& notes);

// As relprop::findPreprocess and findLabels with what --preprocess and --labels give. `note` is told what was assumed.
using Note = std::function<void(const std::string&)>;
std::optional<Preprocess> chosenPreprocess(const Model& model, const NetworkOptions& options, const Note& note = {});
std::vector<std::string> chosenLabels(const Model& model, const std::string& labels, const Note& note = {});

// For ExplainOptions::inputShape: --shape, else, where the model leaves its size open, `tensor` (C×H×W of an .npy
// input) or what the preprocessing makes.
Shape chooseShape(const Model& model, const NetworkOptions& options, const std::optional<Preprocess>& preprocess,
                  const Shape& tensor = {});

// Of --tuning, as results name it; empty: none.
std::string tuningName(const NetworkOptions& options);

ExplainOptions explainOptions(const Model& model, const NetworkOptions& options, const std::string& method,
                              const Shape& shape, const std::optional<Preprocess>& preprocess);

}  // namespace relprop::cli

// Options that explain and inspect share: the model, the method and how the input is shaped.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "relprop/explain.h"

namespace relprop::cli {

struct NetworkOptions {
  std::string model;
  std::vector<std::string> methods = {"rap"};
  std::vector<std::string> rules;
  std::string residual, identitySkip, batchnorm;  // shortcuts for keys of the method string
  std::string preprocess;
  Shape shape;
  int batch = 0;  // 0: chosen by the program
  int threads = 0;
  bool reference = false;
};

void addNetworkOptions(CLI::App& app, NetworkOptions& options);

// The method strings with the shortcuts appended, each once.
std::vector<std::string> methodStrings(const NetworkOptions& options);
// A method string as part of a file name: every character that is special there or to the shell becomes '-'.
std::string fileNamePart(const std::string& method);

// --preprocess, else the file beside the model, else the model's metadata, else nothing.
std::optional<Preprocess> findPreprocess(const Model& model, const NetworkOptions& options);
// --labels, else the file beside the model, else the model's metadata, else nothing.
std::vector<std::string> findLabels(const Model& model, const std::string& labels);

// For ExplainOptions::inputShape: --shape, else, where the model leaves its size open, `tensor` (C×H×W of an .npy
// input) or what the preprocessing makes.
Shape chooseShape(const Model& model, const NetworkOptions& options, const std::optional<Preprocess>& preprocess,
                  const Shape& tensor = {});

// The batch that the model insists on, or 0.
int fixedBatch(const Model& model);

ExplainOptions explainOptions(const Model& model, const NetworkOptions& options, const std::string& method,
                              const Shape& shape, const std::optional<Preprocess>& preprocess);

}  // namespace relprop::cli

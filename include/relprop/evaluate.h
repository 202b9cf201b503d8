// Measuring explanations: every picture of a data set is decoded once, classified once, explained by every method and
// measured by every metric; results go to a store.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relprop/dataset.h"
#include "relprop/explain.h"
#include "relprop/metrics.h"
#include "relprop/store.h"

namespace relprop {

struct EvaluateOptions {
  std::vector<std::string> methods = {"rap"};
  std::vector<std::string> metrics = {"outside-inside"};  // protocols, see completeProtocol
  std::vector<std::string> rules = {};                    // rows in front of every preset's table
  std::string target = "true";  // or "predicted"
  bool onlyCorrect = false;     // leave out pictures whose highest class is not the true one
  Preprocess preprocess = {};
  std::vector<std::string> labels = {};  // names of the model's classes, to find the data set's classes among them
  Shape inputShape = {};
  std::filesystem::path patterns = {};
  int batch = 16;  // perturbed versions computed together
  int threads = 0;
  std::uint64_t seed = 0;
  bool keep = false;                         // heatmaps and pictures go to the store too
  std::vector<std::size_t> pictures = {};    // indices into the data set; empty: all
  std::string command = {};                  // for provenance
  std::function<void(const std::string&)> warn = {};
};

// What is missing of one picture: methods × protocols still to be computed.
struct Work {
  std::size_t picture = 0;
  std::vector<bool> wanted;  // method by method, protocol by protocol
};

class Evaluation {
 public:
  // Checks everything that can be wrong before the first picture. Throws what Explainer's constructor throws,
  // UnknownMetric, InvalidMetricParameter, UnknownTarget (the data set's classes are not the model's).
  Evaluation(const Model& model, const Dataset& dataset, const EvaluateOptions& options);
  ~Evaluation();

  const std::vector<std::string>& methods() const;    // complete
  const std::vector<std::string>& protocols() const;  // complete
  // Metrics that this data set cannot serve, with the reason; they are recorded as skipped.
  const std::vector<std::string>& notes() const;
  const ModelFacts& modelFacts() const;
  Provenance provenance() const;
  std::size_t portion() const;  // pictures that are best measured together

  // What of a picture is not in the store yet; nothing to do when `wanted` is empty.
  std::vector<Work> missing(const Store& store, const std::vector<std::size_t>& pictures) const;
  // A broken picture is a result too (skipped, with the reason). Throws Cancelled when `stop` is set, and errors that
  // would hit every picture (OutOfMemory, Internal).
  Batch measure(const std::vector<Work>& work, const std::atomic<bool>* stop = nullptr);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct Progress {
  std::size_t done = 0, total = 0, skipped = 0;
  double seconds = 0;
};
// Runs what the store lacks, picture by picture, and writes each as soon as it is known.
// `progress` returns false to stop after the current picture.
Progress evaluate(Evaluation& evaluation, Store& store, const std::vector<std::size_t>& pictures,
                  const std::function<bool(const Progress&)>& progress = {}, const std::atomic<bool>* stop = nullptr);

}  // namespace relprop

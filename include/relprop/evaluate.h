// Measuring explanations: every picture of a data set is decoded once, classified once, explained by every method and
// measured by every metric; results go to a store.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relprop/dataset.h"
#include "relprop/explain.h"
#include "relprop/export.h"
#include "relprop/metrics.h"
#include "relprop/store.h"

namespace relprop {

struct EvaluateOptions {
  std::vector<std::string> methods = {"rap"};
  std::vector<std::string> optional = {};  // of these, left out with a warning where they cannot be applied
  std::vector<std::string> metrics = {"outside-inside"};  // protocols, see completeProtocol
  std::vector<std::string> rules = {};                    // rows in front of every preset's table
  std::string target = "true";                            // or "predicted"
  bool onlyCorrect = false;                               // leave out pictures whose highest class is not a true one
  Preprocess preprocess = {};
  std::vector<std::string> labels = {};  // names of the model's classes, to find the data set's classes among them
  Shape inputShape = {};
  std::optional<Layout> layout = {};  // see Model::layout
  std::filesystem::path patterns = {};
  int batch = 16;  // perturbed versions computed together
  // Of the maps. Other than float32 it is a part of the methods' names: their scores are other ones.
  Precision precision = Precision::Float32;
  // Of what metrics ask the network beside that, which is most of the time of insertion and deletion; a protocol's own
  // precision=… comes first. Classes and predictions stay float32.
  Precision metricPrecision = Precision::Float32;
  std::shared_ptr<const Tuning> tuning = {};  // see ExplainOptions::tuning
  int threads = 0;
  std::uint64_t seed = 0;
  std::int64_t memory = 0;        // bytes that compiled methods may take together; 0: half of the machine's
  std::int64_t methodMemory = 0;  // and each of them, see ExplainOptions::memory; 0: no limit
  bool retry = false;             // what was skipped before is measured again; unreadable pictures always are
  bool keep = false;              // heatmaps and pictures go to the store too
  std::string command = {};       // for provenance
  std::function<void(const std::string&)> warn = {};
  std::function<bool()> again = {};  // asked now and then; false stops with Cancelled
};

// One picture and the class asked about: what is measured together.
struct EvaluationUnit {
  std::size_t picture = 0;
  std::optional<int> dataClass = {};  // of the data set; none: the class the network predicts
  std::string target;                 // ResultKey::target
};

// What a store lacks of a unit.
struct MissingScores {
  std::size_t unit = 0;
  std::vector<bool> wanted;  // method by method, protocol by protocol
};

class RELPROP_API Evaluation {
 public:
  // Checks everything that can be wrong before the first picture. Throws what Explainer's constructor throws,
  // UnknownMetric, InvalidMetricParameter, UnknownTarget (the data set's classes are not the model's).
  Evaluation(const Model& model, const Dataset& dataset, const EvaluateOptions& options);
  ~Evaluation();

  const std::vector<std::string>& methods() const;    // complete, as in ResultKey
  const std::vector<std::string>& protocols() const;  // complete
  const std::vector<EvaluationUnit>& units() const;
  // Sentences for the user: what the data set lacks, and which metrics fall away with it.
  const std::vector<std::string>& notes() const;
  const ModelFacts& modelFacts() const;
  Provenance provenance() const;
  // Units that are best measured together: more than one when networks have to be compiled anew for each portion.
  std::size_t portion() const;

  // Throws InvalidArgument where all results that the store has of this model and data set were measured with another
  // seed.
  void requireOneSeed(const Store& store) const;
  // Throws InvalidArgument where the store has results of a photo of this name whose file had another size, or of
  // another class of the network: another data set whose path ends the same, photos that were exchanged, other labels.
  void requireSamePictures(const Store& store) const;
  // Those of `units` that the store lacks something of. This and the next two throw InvalidArgument for a unit that is
  // none.
  std::vector<MissingScores> missing(const Store& store, const std::vector<std::size_t>& units) const;
  // Whether this process may measure the unit now, see Store::claim.
  bool claim(Store& store, std::size_t unit) const;
  // Something wrong with one picture is a result too (skipped, with the reason). Throws Cancelled, OutOfMemory,
  // Internal.
  ResultBatch measure(const std::vector<MissingScores>& missing);

 private:
  struct RELPROP_LOCAL Impl;
  std::unique_ptr<Impl> impl_;
};

// Hands out what a store lacks, every unit once: first what no other process is at, then whatever is still missing.
class RELPROP_API Portions {
 public:
  // Throws what Evaluation::requireOneSeed and requireSamePictures throw.
  Portions(const Evaluation& evaluation, Store& store, std::vector<std::size_t> units);
  std::size_t total() const { return total_; }                // units that lacked something at the start
  std::size_t left() const { return units_.size() - next_; }  // units that were not looked at since
  // At most so many (0: Evaluation::portion() of them), claimed in one transaction; empty: nothing is left.
  std::vector<MissingScores> next(std::size_t most = 0);

 private:
  bool take(std::size_t unit, bool claiming, std::vector<MissingScores>& portion);
  void fill(std::size_t most, std::vector<MissingScores>& portion);

  const Evaluation& evaluation_;
  Store& store_;
  std::vector<std::size_t> units_, left_;
  std::size_t next_ = 0, nextLeft_ = 0, total_ = 0;
};

struct EvaluateProgress {
  std::size_t done = 0, total = 0;  // units; those that were in the store before are not counted
  std::size_t skipped = 0;          // of done, pictures that no method was measured on
};

using WhenWritten = std::function<void(const EvaluateProgress&, const ResultBatch&)>;
// Measures what the store lacks, a portion at a time, and writes each as soon as it is known; `written` is told of it,
// and once before the first. Throws what Portions, measure and Store::write throw; what was written stays.
RELPROP_API EvaluateProgress evaluate(Evaluation& evaluation, Store& store, const std::vector<std::size_t>& units,
                                      const WhenWritten& written = {});

}  // namespace relprop

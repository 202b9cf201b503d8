// What explaining costs: time beside the arithmetic that a method cannot do without, memory, work counted without a
// clock, and how far two settings agree about the same pictures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "relprop/explain.h"
#include "relprop/export.h"

namespace relprop {

// Executions of the linear layers of one kind, convolutions or dense layers. Several numerators that go back through a
// layer together count as so many executions. `passes`: how often the typical (median) layer is executed in either
// direction, among those that are executed at all.
struct LayerWork {
  int layers = 0;
  int forward = 0, backward = 0;
  int forwardPasses = 0, backwardPasses = 0;
  std::int64_t forwardFlops = 0, backwardFlops = 0;
  bool operator==(const LayerWork&) const = default;
};

// The work of one run of a plan. Bytes: what is read and written, in channels padded to blocks.
struct WorkCount {
  LayerWork convolutions, dense;
  int products = 0;  // of two computed matrices
  std::int64_t productFlops = 0;
  int programs = 0;  // elementwise
  std::int64_t programBytes = 0;
  int kernels = 0;  // all others: pools, layout changes, copies
  std::int64_t kernelBytes = 0;
  int scalars = 0;
  int block = 1;  // channels in a block, which the processor decides
  bool operator==(const WorkCount&) const = default;
};

// Counts without computing. options.memory is left out of account. Throws what Explainer's constructor throws;
// InvalidArgument for options.from.
RELPROP_API WorkCount countWork(const Model& model, const ExplainOptions& options);

// Median and quartiles.
struct Spread {
  double median = 0, low = 0, high = 0;
};

// Seconds of the bare layers, each as a primitive on its own in layouts of oneDNN's choice.
struct Floor {
  Spread forward, backward;  // of one pass over all layers of the kind
  double seconds = 0;        // of the method's floor that is theirs
};

struct BenchRun {
  std::string asked, method;  // as in the options, and complete with all parameters
  int batch = 1, threads = 1;
  double compile = 0;               // seconds
  Spread forward, backward, total;  // seconds; total: of the whole call of explain
  Floor convolutions, dense;
  WorkCount work;
  // Seconds that the method's passes take as bare layers; 0 for methods that compute many inputs for one image. No
  // layer counts more often than the typical one of its kind, so that executing it more often cannot raise the floor.
  double floor = 0;
  double planned = 0;  // likewise, with every execution that the plan makes
  double ratio() const { return floor > 0 ? total.median / floor : 0; }
  std::int64_t peakBytes = 0;       // of the process while it compiled and ran this alone; 0 where Linux does not tell
  std::int64_t estimatedBytes = 0;  // likewise, as the plan foretells (PlanReport::memory)
  std::vector<StepReport> steps;    // as they ran, with median seconds
};

struct BenchReport {
  std::string model, hash;
  Shape input;                        // C×H×W
  Spread load;                        // seconds
  bool neutralRange = false;          // nobody said which values pixels have: −1 to 1 was taken
  std::vector<std::string> warnings;  // of the network, where it holds for other batches than were asked for
  std::vector<BenchRun> runs;
};

struct BenchOptions {
  ModelOptions model = {};
  std::vector<std::string> methods = {"gradient", "lrp-zplus", "rap"};
  std::vector<int> batches = {1}, threads = {0};  // every method runs with each of both
  int rounds = 9;
  Precision floorPrecision = Precision::Float32;
  ExplainOptions explain = {};  // all but method, batch and threads
  Tensor input = {};            // N×C×H×W, its rows repeated; empty: noise within the range of pixels
  // Called before each round and each compilation with what comes next; false stops with Cancelled.
  std::function<bool(const std::string& what)> progress = {};
};

// Loads the model anew; then runs method and bare layers in turn, round by round. Throws what Model::load, Explainer
// and explain throw, and InvalidArgument.
RELPROP_API BenchReport measureModel(const std::filesystem::path& model, const BenchOptions& options);

// How one picture fares under two settings.
struct Agreement {
  double spearman = 0;              // rank correlation of the heatmaps' pixels
  bool sameTop = true;              // is the class with the highest score the same?
  bool conserves = false;           // do both settings keep a ledger? Without one there is nothing to conserve
  double conservation[2] = {0, 0};  // |sum − seed| / |seed|
  double logits = 0;                // largest difference, over the largest magnitude of the first setting's
};

// How a number of pictures fare.
struct AgreementSummary {
  std::size_t pictures = 0;
  double spearman = 0, lowestSpearman = 0;  // the median, and of the picture that fares worst
  std::size_t topChanged = 0;               // pictures without sameTop
  bool conserves = false;
  double conservation[2] = {0, 0}, logits = 0;  // medians
};

// Two explanations of one picture, of its class or of another one that both explain. Throws ShapeMismatch where maps or
// scores are not as many.
RELPROP_API Agreement agreementOf(const Explanation& first, const Explanation& second);
RELPROP_API AgreementSummary summarise(const std::vector<Agreement>& all);

// Explains pictures with both settings, each for the class that the first predicts.
class RELPROP_API MapComparison {
 public:
  // Throws what Explainer's constructor throws, and InvalidArgument when a setting asks for several targets.
  MapComparison(const Model& model, const ExplainOptions& first, const ExplainOptions& second);
  Shape inputShape() const { return first_.inputShape(); }
  std::string methodString() const { return first_.methodString(); }  // of the first
  // input: N×C×H×W. Throws what explain throws.
  std::vector<Agreement> compare(const Tensor& input);
  AgreementSummary summary() const;  // of all pictures that were compared

 private:
  Explainer first_, second_;
  std::vector<Agreement> compared_;
};

}  // namespace relprop

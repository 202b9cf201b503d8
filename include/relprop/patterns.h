// Patterns for PatternNet and PatternAttribution: estimated from many images in one streaming pass.
//
//   relprop::PatternEstimator estimator(model, {.batch = 8});
//   for (const relprop::Tensor& batch : data) estimator.add(batch);   // N×C×H×W, normalised
//   estimator.finish().save("patterns.npz");
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "relprop/explain.h"
#include "relprop/export.h"
#include "relprop/held.h"
#include "relprop/tensor.h"

namespace relprop {

struct PatternOptions {
  Shape inputShape = {};              // C×H×W or H×W where the model leaves them open; empty: as in the model
  std::optional<Layout> layout = {};  // see Model::layout; images are added in the model's own
  int batch = 8;                      // rows computed together (the model's own if it fixes it)
  int threads = 0;                    // 0: as many as the machine has cores
  bool foldBatchNorm = true;          // as the methods' batchnorm=fold; patterns belong to the folded weights
  bool reference = false;             // plain loops instead of the fast kernels: slow, for checking
};

struct RELPROP_API Patterns {
  std::map<std::string, Tensor> nodes;  // by Conv or Dense node: the pattern of every weight, in the weights' shape
  std::string model;                    // Model::hash()
  bool foldBatchNorm = true;
  std::int64_t images = 0;
  std::int64_t silent = 0;      // outputs of all nodes that were never positive: their pattern is 0
  std::int64_t degenerate = 0;  // outputs that did not vary where they were positive: their pattern is 0

  // An .npz archive: an entry for each node, and the rest under names that begin with "relprop.". save throws
  // FileWriteFailed, InvalidArgument for a node's name that is no entry's; load FileNotFound, FileUnreadable,
  // MalformedTensor.
  void save(const std::filesystem::path& path) const;
  static Patterns load(const std::filesystem::path& path);
};

// Memory is bounded by the network and the batch, however many images are added. Serves one thread at a time.
class RELPROP_API PatternEstimator {
 public:
  // Throws ShapeMismatch, UnsupportedModel (also for a node whose name no file of patterns can hold), InvalidArgument,
  // OutOfMemory.
  PatternEstimator(const Model& model, const PatternOptions& options);
  ~PatternEstimator();
  PatternEstimator(PatternEstimator&&) noexcept;
  PatternEstimator& operator=(PatternEstimator&&) noexcept;

  Shape inputShape() const;                          // C×H×W that add expects behind N
  const std::vector<std::string>& warnings() const;  // of the network, as Explainer::warnings
  // N×C×H×W, any N. Throws ShapeMismatch, NonFiniteInput; NumericFailure when the network overflows: the sums
  // are lost then, and only loadState or another estimator helps.
  void add(const TensorView& images);
  std::int64_t images() const;
  // What was added so far as patterns; more may be added afterwards. Throws InvalidArgument when there were no images.
  Patterns finish() const;

  // The sums with every bit, in an .npz archive. `note` is the caller's, to tell which images are in them. An estimator
  // that loads them goes on as the one that saved them would have: the same images then make the same patterns.
  void saveState(const std::filesystem::path& path, const std::string& note) const;
  // Returns the note. Throws FileNotFound, FileUnreadable, MalformedTensor; InvalidArgument when the sums belong to
  // another model, input shape or treatment of batch normalisation. After a failure no images are counted.
  std::string loadState(const std::filesystem::path& path);
  std::int64_t stateBytes() const;    // about what saveState writes
  std::int64_t patternBytes() const;  // about what Patterns::save writes

 private:
  struct RELPROP_LOCAL Impl;
  Held<Impl> impl_;
};

}  // namespace relprop

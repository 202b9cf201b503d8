// Methods: a name with parameters becomes a rule table, a seed, a procedure around the walk, and what is done with the
// result.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "explain/walk/walk.h"
#include "rules/table.h"

namespace relprop {

enum class Seed { Logit, One, Probability };

// The picture that stands for "nothing there".
struct Baseline {
  enum class Kind { Zero, Black, Mean, File } kind = Kind::Zero;  // Mean: the image's own mean colour
  std::string file;                                               // C×H×W or N×C×H×W .npy
};

// Pictures that stand for "something else", of which a method takes many: a folder, or an .npy file C×H×W or N×C×H×W.
struct BaselineSet {
  std::string path;  // empty: none
  int most = 0;      // that are read; which, where there are more, the seed says
  unsigned seed = 0;
};

// What is done with a finished map, in order.
struct Finish {
  enum class Kind { SumChannels, Quantise, Square, Absolute, Positive, Negative, Normalise } kind;
  int levels = 0;  // Quantise
};

// What the way back through a bag of visual words does (bow/machine.h).
struct BagWay {
  bool derivative = false;      // of the score by the histogram, in place of the decomposition of the score
  std::string root = "search";  // where differentiable kernels are expanded
};

// What is read of a transformer's attention. The walk ends there.
enum class ReadAttention { None, Weights, WithGradient };

class Procedure;
std::shared_ptr<const Procedure> singleWalk();

struct Method {
  std::string text;  // complete: every parameter with its value
  RuleTable table;
  Seed seed = Seed::Logit;
  bool foldBatchNorm = true;
  bool needsBatchNorm = false;  // the definition speaks of BatchNormalization nodes that are still there
  Multiply times = Multiply::None;
  bool conserves = true;              // relevance is a share of the seed, so sums mean something
  bool comparesWithBaseline = false;  // the walk also sees the network at the baseline
  bool backward = true;               // false: forward passes are enough
  bool readsLayer = false;            // activation, and relevance if there is a walk, of `layer`; the walk ends there
  bool resumesAtLayer = false;        // forward passes from `layer` on, with activations that the procedure puts in
  std::string layer;                  // a node; empty: the last feature map with spatial extent
  std::optional<RuleTable> toLayer;   // rules of a walk of its own to `layer`; that by `table` goes on to the input
  bool readsConstants = false;        // relevance times what each node adds that is no multiple of its input
  ReadAttention readsAttention = ReadAttention::None;
  bool usesPatterns = false;
  bool ofNetworks = true;     // false: there is no walk through layers
  std::optional<BagWay> bag;  // the method can be applied to bags of visual words
  Baseline baseline;
  BaselineSet baselines;
  std::shared_ptr<const Procedure> procedure = singleWalk();
  std::vector<Finish> finish;
};

// The vector-Jacobian walk, with these rules at layers with weights and at activations that cut off.
Method derivatives(const std::string& linear, const std::string& cut);
// The walk of `gradient` without its parameters, for methods that are about the score itself.
Method gradientOfScore();

// Shared parameters.
Seed seedOf(Parameters& p, const std::string& fallback);
Baseline baselineOf(Parameters& p, const std::string& fallback);
struct NodeRows {
  std::string residual = "proportional";
  float stabilizer = 1e-6f;  // 0: safe division
  std::string batchnorm = "fold";
};
// Rows for everything without weights, from the keys residual, identity_skip, maxpool and batchnorm.
void appendNodeRows(Method& m, Parameters& p, const NodeRows& defaults);
// Row for the first layer, from the keys first and bounds; the preset's own when first is not given. bias: "bias=…" or
// "".
void prependFirstRow(Method& m, Parameters& p, const std::string& fallback, const std::string& bounds, float stabilizer,
                     const std::string& bias);

}  // namespace relprop

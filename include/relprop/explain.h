// Explaining a prediction: load a model, choose a method, get relevance.
//
//   relprop::Model model = relprop::Model::load("resnet50.onnx");
//   relprop::Explainer explainer(model, {.method = "rap"});
//   std::vector<relprop::Explanation> maps = explainer.explain(batch);   // batch: N×C×H×W, normalised
#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "relprop/export.h"
#include "relprop/held.h"
#include "relprop/image.h"
#include "relprop/tensor.h"

namespace relprop {

// What is asked of a file that has several outputs or inputs.
struct ModelOptions {
  // The output that is explained; empty: the one that looks most like class scores (floats, N×classes, behind a softmax
  // or sigmoid), of several such the first.
  std::string output = {};
  // Values of inputs, by name; they stay the same for all images. What is left has to be one input, the picture.
  std::map<std::string, TypedArray> feeds = {};
};

struct ModelBytesOptions {
  std::string name = "model";         // Model::path(), and what messages call it
  std::filesystem::path folder = {};  // of the files that hold its weights; empty: a model with such files is refused
  ModelOptions options = {};
};

// A network as read from its ONNX file, or a bag of visual words (model.bow). Cheap to copy (shared, immutable), and
// any number of threads may use one at once.
class RELPROP_API Model {
 public:
  // Throws FileNotFound, FileUnreadable, MalformedModel, UnsupportedModel, NonFiniteWeights, ShapeMismatch; of options
  // that do not fit the file UnknownNode, ShapeMismatch, InvalidArgument.
  static Model load(const std::filesystem::path& path, const ModelOptions& options = {});
  // The same from the file's bytes, which are read once and may go afterwards. Throws what load throws but for the
  // file itself.
  static Model fromBytes(std::span<const std::byte> bytes, const ModelBytesOptions& options = {});
  Model(const Model&) = default;  // moving copies: one that was moved from stays what it was
  Model& operator=(const Model&) = default;

  const std::string& path() const;
  const std::string& hash() const;  // "xxh3:…" of the file's bytes (and of its external data, and what options say)
  const std::vector<std::string>& weightFiles() const;  // beside its own, that it was read from too
  const std::vector<std::string>& outputs() const;      // all that the file has
  const std::string& output() const;                    // the one that is explained
  // What was assumed where the file leaves it open, in sentences for the user.
  std::vector<std::string> notes() const;
  Shape inputShape() const;  // N×C×H×W (N×H×W×C where layout() says so), -1 where symbolic
  // Where the channels of the input lie. What the graph does with the input decides (a convolution, or a Transpose to
  // N×C×H×W), else 1, 3 or 4 in the last place alone; `asked` decides where that is only a guess. Throws
  // InvalidArgument where the graph contradicts it.
  Layout layout(std::optional<Layout> asked = {}) const;
  // Channels of the input, in that layout, 3 where the file leaves them open and `inputShape` (see ExplainOptions) too.
  bool takesBytes() const;  // the input is of integers that hold 0 to 255: pixels as they are
  int channels(const Shape& inputShape = {}, std::optional<Layout> asked = {}) const;
  std::string layoutReason() const;  // how layout() knows, e.g. "node 'Transpose__6' makes N×C×H×W of it"
  // As the file declares them, else as they follow from the shapes of one image, -1 where neither says.
  std::int64_t outputClasses() const;
  std::map<std::string, std::string> metadata() const;
  bool hasBatchNormalization() const;  // false when the exporter folded it (or there was none)
  // A bag of visual words (see bow.h) and no network: it has no layers, so methods, rules and metrics about layers do
  // not apply to it. Its own methods are bow-lrp, gradient and sensitivity; those that change the
  // picture (occlusion, rise, lime, kernel-shap) go too.
  bool isBagOfWords() const;

 private:
  friend struct ModelAccess;  // for the inside of the library
  struct RELPROP_LOCAL Impl;
  explicit Model(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

// What is explained: Target::of(207), Target::rank(1).againstOthers(), … Without more it is the highest score.
class RELPROP_API Target {
 public:
  enum class Kind { Class, Not, Rank, All, Relevance };
  enum class Contrast { None, Others, Class };

  Target() = default;                          // highest()
  static Target highest() { return rank(0); }  // the class with the highest score
  static Target rank(int place);               // the class at that place, 0 the highest
  static Target of(int index);                 // a class by its index
  // What speaks against a class: its score with the other sign. For a network with one output, whose class 0 is "yes",
  // the other answer.
  static Target notOf(int index);
  static Target all();                                     // every score: an inner node as a whole
  static Target withRelevance(std::vector<float> values);  // put in as it is, one value a score

  // The map then shows what speaks for the target rather than for others ([CLRP] Gu et al. 2018). againstOthers seeds
  // minus the target's score on all other classes in equal parts, against minus the score of that class there. Not for
  // withRelevance.
  Target againstOthers() const;
  Target against(int index) const;

  Kind kind() const { return kind_; }
  int index() const { return index_; }  // of a class, also one that is negated, or the place of a rank
  const std::vector<float>& relevance() const { return relevance_; }
  Contrast contrast() const { return contrast_; }
  int rival() const { return rival_; }  // the class it is against
  bool operator==(const Target&) const = default;

 private:
  Kind kind_ = Kind::Rank;
  int index_ = 0;
  Contrast contrast_ = Contrast::None;
  int rival_ = 0;
  std::vector<float> relevance_;
};

// What convolutions and dense layers multiply; sums, and relevance between layers, are always 32 bits wide.
enum class Precision { Float32, Bfloat16 };

struct Tuning;  // relprop/tuning.h

struct ExplainOptions {
  std::string method = "rap";           // method string, e.g. "lrp-gamma:gamma=0.5"; of bags of words "bow-lrp"
  std::vector<std::string> rules = {};  // rows "PATTERN=RULE" in front of the preset's table
  Shape inputShape = {};                // C×H×W or H×W where the model leaves them open; empty: as in the model
  std::optional<Layout> layout = {};    // see Model::layout; inputShape is in that layout
  // Inputs and maps are N×C×H×W whatever the layout of the model; else they are in the model's own.
  bool channelsFirst = false;
  int batch = 1;  // rows computed together (1 if the model fixes it so)
  // A map of each image for every target, from one forward pass; 1 to 1000. The plan is made for so many.
  std::vector<Target> targets = {Target::highest()};
  // Explain the output of the node that is called so (or whose output is) instead of the scores; its channels are the
  // classes.
  std::string from = {};
  std::vector<std::string> at = {};     // nodes (names or globs) whose relevance is kept in Explanation::layers
  std::filesystem::path patterns = {};  // .npz of `relprop patterns`, for the methods and rules that usesPatterns names
  int threads = 0;                      // 0: as many as the machine has cores
  // Bfloat16 throws NotSupportedByHardware where the processor does not multiply such numbers itself.
  Precision precision = Precision::Float32;
  // Bytes that weights, activations and work space may take; where they need more, parts of the forward pass are
  // computed again on the way back. 0: no limit. Throws OutOfMemory when that is not enough.
  std::int64_t memory = 0;
  // How layers are computed where measurements on this machine say it; throws InvalidArgument where it was made
  // elsewhere, and beside `reference`.
  std::shared_ptr<const Tuning> tuning = {};
  std::optional<PixelRange> pixelRange = {};  // needed by bounds=range
  // How pictures in files become inputs, for methods that read some themselves (baselines=FOLDER).
  std::optional<Preprocess> preprocess = {};
  bool reference = false;  // plain loops instead of the fast kernels: slow, for checking
  bool ledger = true;      // sum relevance at every node
  // > 0: explain throws NotConserved when |Σ relevance − Σ seed| exceeds this share of Σ|seed|.
  double requireConservation = 0;
  // Called after each batch of a method that runs many inputs an image; false stops with Cancelled.
  std::function<bool(std::int64_t done, std::int64_t total)> progress = {};
  // Asked often while the network runs, a few hundred times a pass, in the thread that called; false stops with
  // Cancelled.
  std::function<bool()> again = {};
};

// The probability is the network's own: of a final Softmax (or LogSoftmax), of a final Sigmoid each label by itself,
// and without either the softmax of the scores. A network with one output and neither has none (NaN).
struct Prediction {
  int index = 0;
  double logit = 0, probability = 0;
};

// What one node received, passed on and absorbed (bias, stabiliser, zero denominators).
struct LedgerEntry {
  std::string node, op, rule;
  double in = 0, out = 0;
  double bias = 0, stabiliser = 0, zeroDenominator = 0;  // parts of what was absorbed, where the cause is known
  double absorbed() const { return in - out; }
  double other() const { return absorbed() - bias - stabiliser - zeroDenominator; }  // what the rule itself drops
};

// Relevance of an inner node's output, 1×its shape.
struct LayerMap {
  std::string node;
  Tensor relevance;
};

struct Explanation {
  // In the layout of the input, 1×C×H×W or 1×H×W×C; C is 1 of methods that draw one plane. The heatmap is its sum over
  // channels.
  Tensor relevance;
  int target = 0;   // the class
  double seed = 0;  // relevance put in at the target
  double sum = 0;   // Σ relevance of the input, before steps such as quantisation or sign=
  // Of the class `target`; of Target::notOf its score with the other sign, and the probability that it leaves.
  Prediction targetPrediction;
  std::vector<Prediction> top5;  // the highest, in order
  std::vector<float> logits;
  // From the output down; empty for methods that do not conserve (gradients) or ledger=false.
  std::vector<LedgerEntry> ledger;
  std::vector<LayerMap> layers;  // as asked by ExplainOptions::at
  // What the method says about itself, e.g. {"completeness gap", 1e-3} of integrated gradients.
  std::vector<std::pair<std::string, double>> facts;
  std::vector<std::string> warnings;  // of this image and target; Explainer::warnings has those of the network
};

// One line of `inspect`.
struct NodeReport {
  std::string node, op, shape, rule;
  std::vector<std::string> folded;
};
struct StepReport {
  std::string name;
  std::string node;   // NodeReport::node that it belongs to; empty for none, as of what brings the input in order
  std::string phase;  // "forward", "backward"
  std::string kind;   // "linear" (convolutions, dense layers), "kernel", "program" (elementwise), "scalar"
  std::string shape;
  std::int64_t bytes = 0, flops = 0;  // flops: of the direct computation
  std::string algorithm;              // of several that there are: "direct", "F(4×4)", "F(2×2)"; else empty
  std::int64_t multiplied = 0;        // flops that are carried out
  double seconds = 0;                 // of the last run
};
struct PlanReport {
  std::string method;  // complete, with all parameters
  std::vector<NodeReport> nodes;
  std::vector<StepReport> steps;
  std::string head;                 // what makes probabilities of the scores; empty where an inner node is explained
  std::vector<std::string> passes;  // what each graph pass did
  std::vector<std::string> table;   // the rule table, first match wins
  std::vector<std::string> warnings;
  std::int64_t arenaBytes = 0, weightBytes = 0;  // values and work space; weights as kernels want them
  std::int64_t modelBytes = 0;                   // weights as read from the file, and as passes changed them
  std::int64_t memory = 0;  // of the whole process while it explains, estimated: all these and the program itself
};

// An Explainer serves one thread at a time; threads that explain at once have one each, over one Model. The calling
// thread's number of OpenMP threads is as before when a call returns. Functions that stand alone may be called by any
// number of threads.
class RELPROP_API Explainer {
 public:
  // Compiles a plan. Throws UnknownMethod, InvalidMethodParameter, InvalidRule, UnknownNode, ShapeMismatch,
  // UnsupportedModel, NotSupportedByMethod, OutOfMemory, and what reading its files throws.
  Explainer(const Model& model, const ExplainOptions& options);
  // Explainers for one network that share its weights and its forward pass: what one of them has computed of an input
  // the others do not compute again for the same one, and the results are those of explainers that stand alone, to the
  // bit. They have one memory to work in, so all of them serve one thread at a time. One for each of the options that
  // goes together with the first (the same graph, batch, number of targets and precision, and one walk back for each
  // image); null for each other, for a method that cannot be compiled, and for all where they take more than `bytes`
  // (0: any).
  static std::vector<std::unique_ptr<Explainer>> together(const Model& model,
                                                          const std::vector<ExplainOptions>& options,
                                                          std::int64_t bytes = 0);
  ~Explainer();
  Explainer(Explainer&&) noexcept;
  Explainer& operator=(Explainer&&) noexcept;

  Shape inputShape() const;  // C×H×W that explain expects behind N, or H×W×C
  Layout layout() const;     // of inputs and maps
  // input: N×C×H×W, any N. The maps of ExplainOptions::targets, image by image. Throws ShapeMismatch, UnknownTarget,
  // NonFiniteInput, NumericFailure, NotConserved, Cancelled.
  std::vector<Explanation> explain(const TensorView& input);
  // For other targets: as many as in the options for all images, or so many for each image, image by image.
  std::vector<Explanation> explain(const TensorView& input, const std::vector<Target>& targets);
  // Forward pass only: N×classes logits.
  Tensor forward(const TensorView& input);
  const PlanReport& report() const;
  const std::vector<std::string>& warnings() const { return report().warnings; }
  std::string methodString() const { return report().method; }
  // Seconds that the last explain() or forward() spent in the steps of each phase, for benchmarks.
  // profile(): the plan's steps with the seconds of that run.
  double forwardSeconds() const;
  double backwardSeconds() const;
  // What it would have taken longer if no other one had left a part of the forward pass (`together`).
  double sparedSeconds() const;
  std::vector<StepReport> profile() const;

 private:
  struct RELPROP_LOCAL Impl;
  explicit Explainer(std::unique_ptr<Impl> impl);
  Held<Impl> impl_;
};

struct MethodInfo {
  std::string name, summary, citation;
  std::vector<std::pair<std::string, std::string>> parameters;  // key, default and choices
  bool ofNetworks = true, ofBags = false;  // what it can be applied to: networks, bags of visual words
  bool needsAttention = false;             // of networks, only transformers
};
RELPROP_API std::vector<MethodInfo> methods();
// "rap" → with all parameters, as results are stored by. Throws UnknownMethod, InvalidMethodParameter.
RELPROP_API std::string completeMethod(const std::string& method);
// Whether a method string (parsed as Explainer does) computes many inputs for one image, so that a batch makes a single
// image faster too. Throws UnknownMethod, InvalidMethodParameter.
RELPROP_API bool runsManyInputs(const std::string& method);
// Whether it needs ExplainOptions::patterns with these rules: as a method, or in a rule. Throws UnknownMethod,
// InvalidMethodParameter, InvalidRule.
RELPROP_API bool usesPatterns(const std::string& method, const std::vector<std::string>& rules = {});
// Parameters that every method takes (noise, sign, …).
RELPROP_API std::vector<std::pair<std::string, std::string>> commonParameters();

// Class names: "imagenet" (built in), or a file that parseLabels reads.
RELPROP_API std::vector<std::string> readLabels(const std::string& nameOrPath);
// One name a line (a leading synset id is dropped), or JSON: a list of names, an object from class number to name or
// [synset, name], or an object that holds either as "id2label". A UTF-8 byte order mark is skipped. `where` names the
// text in errors. Throws InvalidArgument.
RELPROP_API std::vector<std::string> parseLabels(const std::string& text, const std::string& where);
// Throws InvalidArgument when there are labels, but not one for each of the network's classes (-1: not known). Of a
// network with one output there may be two: of the other answer and of the one that the output is the probability of.
RELPROP_API void requireLabelsFor(std::int64_t classes, const std::vector<std::string>& labels,
                                  const std::string& where);

// What people keep beside a network, and where it was found: a name, a path, "metadata …"; empty where nothing was.
struct FoundPreprocess {
  std::optional<Preprocess> preprocess = {};
  std::string from;
};
struct FoundLabels {
  std::vector<std::string> names = {};
  std::string from;
  std::vector<std::string> notes = {};  // what was left aside, a sentence each
};
// `given`: a name or a file. Where it is empty, MODEL.preprocess.json beside the model; its metadata
// relprop.preprocess; preprocessor_config.json (Hugging Face) or config.json (timm) in its folder, or in the folder
// above one called onnx; the metadata of Ultralytics. A network whose input is of integers gets the bytes of the
// picture without any of them. Throws MalformedPreprocess, MalformedModel, and what reading files throws; of a bag of
// visual words InvalidArgument for one that changes colours, since its pixels stay 0 to 255.
RELPROP_API FoundPreprocess findPreprocess(const Model& model, const std::string& given = {});
// In the same way MODEL.labels.txt; relprop.labels; config.json; the metadata of Ultralytics. Throws InvalidArgument
// where names are not as many as the network's classes, but leaves aside those of config.json and Ultralytics.
RELPROP_API FoundLabels findLabels(const Model& model, const std::string& given = {});

RELPROP_API std::string version();
// Versions of the libraries the result depends on, e.g. {"oneDNN", "2.6.3"}.
RELPROP_API std::map<std::string, std::string> versions();

}  // namespace relprop

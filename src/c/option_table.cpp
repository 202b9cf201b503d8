#include "c/option_table.h"

#include <fmt/format.h>

#include <limits>

#include "relprop/error.h"

namespace relprop::c {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

// A key of the method string that has an option of its own.
template <const char* Key>
void parameter(const Value& value, Options& options) {
  options.parameters.emplace_back(Key, value.word());
}
template <const char* Sign>
void sign(const Value& value, Options& options) {
  if (value.flag()) options.parameters.emplace_back("sign", Sign);
}
constexpr char kResidual[] = "residual", kIdentitySkip[] = "identity_skip", kBatchnorm[] = "batchnorm",
               kMaxpool[] = "maxpool", kNormalize[] = "normalize", kNoise[] = "noise", kSamples[] = "samples",
               kQuantize[] = "quantize", kAbs[] = "abs", kPositive[] = "positive", kNegative[] = "negative";

// {"input name": "file.npy", …}
void readFeeds(const Value& value, Options& options) {
  if (!value.json().is_object()) value.refuse("an object with an .npy file for each input");
  for (const auto& [input, file] : value.json().items())
    options.model.feeds.emplace(input, readTypedNpy(Value(value.option() + "." + input, file).text()));
}

void readPreprocess(const Value& value, Options& options) {
  if (value.json().is_object())
    options.preprocessJson = value.json().dump();
  else
    options.preprocess = value.text();
}

void readLabels(const Value& value, Options& options) {
  if (value.json().is_array())
    options.labelNames = value.texts();
  else
    options.labels = value.text();
}

// A number of JSON is an index, whatever classes are called: in digits that no name is written in.
std::string indexWord(const Value& value) {
  return fmt::format("{:020}", value.whole(-kMost, kMost));
}

// A class by number or words, or {"relevance": [one value a score]}.
std::string targetWord(const Value& value, Options& options) {
  const nlohmann::json& json = value.json();
  if (json.is_number_integer()) return indexWord(value);
  if (json.is_string()) return value.text();
  if (!json.is_object() || json.size() != 1 || !json.contains("relevance"))
    value.refuse("a class by number, a text or {\"relevance\": [a value a score]}");
  options.relevance.push_back(Value(value.option(), json["relevance"]).floats());
  return kRelevance + std::to_string(options.relevance.size() - 1);
}

std::vector<std::string> targetWords(const Value& value, Options& options) {
  std::vector<std::string> words;
  if (!value.json().is_array()) return {targetWord(value, options)};
  for (const nlohmann::json& one : value.json()) words.push_back(targetWord(Value(value.option(), one), options));
  if (words.empty()) value.refuse("one target at least");
  return words;
}

void readTarget(const Value& value, Options& options) {
  const nlohmann::json& json = value.json();
  if (!json.is_array() || json.empty() || !json.front().is_array()) {
    options.target.targets = targetWords(value, options);
    return;
  }
  for (const nlohmann::json& one : json) {
    if (!one.is_array()) value.refuse("a list of targets for each image");
    options.targetsOfImages.push_back(targetWords(Value(value.option(), one), options));
  }
}

void readContrast(const Value& value, Options& options) {
  const nlohmann::json& json = value.json();
  if (json.is_boolean()) {
    options.target.contrast = value.flag() ? std::optional<std::string>("") : std::nullopt;
  } else {
    if (!json.is_number_integer() && !json.is_string()) value.refuse("a class by number or name, true or false");
    const std::string rival = json.is_string() ? value.text() : indexWord(value);
    options.target.contrast = rival == "others" ? "" : rival;
  }
}

Precision precisionOf(const Value& value) {
  const std::string name = value.text();
  if (name != "f32" && name != "bf16") value.refuse("f32 or bf16");
  return name == "bf16" ? Precision::Bfloat16 : Precision::Float32;
}

void readTuningFile(const Value& value, Options& options) {
  options.tuning = std::make_shared<const Tuning>(readTuning(value.text()));
}

void readStore(const Value& value, Options& options) {
  options.store = value.text();
  if (options.store.empty()) value.refuse("the path of a file; leave it out to keep nothing");
}

void readTargetKind(const Value& value, Options& options) {
  options.targetKind = value.text();
  if (options.targetKind != "true" && options.targetKind != "predicted") value.refuse("true or predicted");
}

#define READ(statement) [](const Value& v, Options& o) { statement; }

const OptionGroup& modelGroup() {
  static const OptionGroup group = {
      {"output", "the output that is explained, of several; default: what looks like class scores",
       READ(o.model.output = v.text())},
      {"feed", "values of inputs beside the picture: {name: .npy file}", readFeeds}};
  return group;
}

const OptionGroup& nameGroup() {
  static const OptionGroup group = {{"name", "what messages call it", READ(o.name = v.text())}};
  return group;
}

const OptionGroup& folderGroup() {
  static const OptionGroup group = {
      {"folder", "where the files lie that hold the model's weights, if any", READ(o.folder = v.text())}};
  return group;
}

const OptionGroup& pictureGroup() {
  static const OptionGroup group = {
      {"preprocess", "how pixels become the input: a name, a file, or an object; default: beside the model",
       readPreprocess},
      {"shape", "[H, W] or [C, H, W] where the model leaves it open", READ(o.shape = v.shape())},
      {"layout", "nchw or nhwc, where the network leaves it open", READ(o.layout = layoutFromName(v.text()))}};
  return group;
}

const OptionGroup& labelGroup() {
  static const OptionGroup group = {
      {"labels", "class names: imagenet, a file, or a list; default: beside the model", readLabels}};
  return group;
}

const OptionGroup& methodGroup() {
  static const OptionGroup group = {
      {"method", "a method string, NAME or NAME:key=value,…; where several are taken a list of them, or all",
       READ(o.methods = v.someTexts())},
      {"rule", "rows PATTERN=RULE in front of the rule table", READ(o.rules = v.texts())},
      {"patterns", "the file that relprop patterns wrote, for the pattern- methods and rules",
       READ(o.patterns = v.text())},
      {"residual", "how an addition shares relevance: proportional, ratio, symmetric or gamma:G", parameter<kResidual>},
      {"identity_skip", "whether plain skip paths get relevance: on or off", parameter<kIdentitySkip>},
      {"batchnorm", "fold into the convolution or pass through: fold or pass", parameter<kBatchnorm>},
      {"maxpool", "how a max pool shares relevance", parameter<kMaxpool>},
      {"abs", "magnitudes: true or false", sign<kAbs>},
      {"positive", "only what speaks for the target: true or false", sign<kPositive>},
      {"negative", "only what speaks against it: true or false", sign<kNegative>},
      {"normalize", "the largest magnitude becomes 1: true or false", parameter<kNormalize>},
      {"noise", "mean over noisy copies, share of the image's range", parameter<kNoise>},
      {"samples", "how many noisy copies", parameter<kSamples>},
      {"quantize", "levels of lrp-resnet's maps, 0 for none", parameter<kQuantize>}};
  return group;
}

const OptionGroup& runGroup() {
  static const OptionGroup group = {
      {"batch", "images computed together, 1 to 4096", READ(o.batch = static_cast<int>(v.whole(1, 4096)))},
      {"threads", "1 to 1024; default: all cores", READ(o.threads = static_cast<int>(v.whole(1, 1024)))},
      {"tuning", "the file that relprop tune wrote on this machine: how each layer is computed", readTuningFile}};
  return group;
}

const OptionGroup& costGroup() {
  static const OptionGroup group = {
      {"precision", "f32, or bf16 where the processor multiplies such numbers", READ(o.precision = precisionOf(v))},
      {"memory", "bytes that weights, activations and work space may take; 0: no limit",
       READ(o.memory = v.whole(0, kMost))},
      {"reference", "plain loops instead of the fast kernels: true or false", READ(o.reference = v.flag())}};
  return group;
}

const OptionGroup& targetGroup() {
  static const OptionGroup group = {
      {"target",
       "argmax, top:K, a class by number or name, not:CLASS, a .npy file, {\"relevance\": [a value a score]}; or a "
       "list",
       readTarget},
      {"contrast", "a class, or true for all others: what speaks for the target rather than for it", readContrast}};
  return group;
}

const OptionGroup& nodeGroup() {
  static const OptionGroup group = {
      {"from", "the inner node that is explained, NODE (its name or its output's) or NODE:CHANNEL",
       READ(o.target.from = v.text())},
      {"at", "inner nodes whose relevance is kept too, names or globs", READ(o.target.at = v.texts())},
      {"ledger", "sum relevance at every node: true (default) or false", READ(o.ledger = v.flag())},
      {"require_conservation", "the share that may be lost; more is NotConserved",
       READ(o.requireConservation = v.number(0, kInfinite))}};
  return group;
}

const OptionGroup& heatmapGroup() {
  static const OptionGroup group = {
      {"view", "heat, overlay, split or panel", READ(o.heatmap.view = viewFromName(v.text()))},
      {"percentile", "magnitudes above it saturate, from 0.001 to 100",
       READ(o.heatmap.percentile = v.number(0.001, 100))},
      {"opacity", "of the overlay, 0 to 1", READ(o.heatmap.opacity = v.number(0, 1))},
      {"zoom", "every pixel becomes so many by so many", READ(o.heatmap.zoom = static_cast<int>(v.whole(1, 64)))},
      {"layout", "of a map with channels, nchw or nhwc", READ(o.heatmap.layout = layoutFromName(v.text()))}};
  return group;
}

const OptionGroup& evaluateGroup() {
  static const OptionGroup group = {
      {"data", "the data set, KIND:PATH", READ(o.data = v.text())},
      {"metrics", "protocols, NAME or NAME:key=value,…; default outside-inside", READ(o.metrics = v.someTexts())},
      {"precision", "of the maps: f32, or bf16 where the processor multiplies such numbers",
       READ(o.precision = precisionOf(v))},
      {"metric_precision", "of the passes that metrics make, f32 (default) or bf16",
       READ(o.metricPrecision = precisionOf(v))},
      {"store", "the file of results; default: none, in memory", readStore},
      {"target", "true (the data set's class, default) or predicted", readTargetKind},
      {"only_correct", "leave out pictures that are not classified correctly", READ(o.onlyCorrect = v.flag())},
      {"limit", "only the first N pictures; 0 (default): all", READ(o.limit = v.whole(0, kMost))},
      {"keep", "keep heatmaps and pictures in the store too", READ(o.keep = v.flag())},
      {"seed", "of everything random, default 0", READ(o.seed = v.whole(0, kMost))},
      {"memory", "bytes that compiled methods may take together; 0: half of the machine's",
       READ(o.memory = v.whole(0, kMost))},
      {"command", "what is kept as the origin of the rows", READ(o.command = v.text())}};
  return group;
}

const OptionGroup& storeGroup() {
  static const OptionGroup group = {{"results", "every row too: true or false (default)", READ(o.results = v.flag())}};
  return group;
}

// The keys are those of --budget.
const OptionGroup& budgetGroup() {
  static const OptionGroup group = {
      {"pixels", "of a picture in a file of any size; 1,100 more for each of its bytes",
       READ(o.budgets.picturePixels = v.whole(0, kMost))},
      {"model", "bytes of an ONNX file's messages, without payload; 16 more for each of its bytes",
       READ(o.budgets.modelBytes = v.whole(0, kMost))},
      {"archive", "bytes of an entry of a .npz or model.bow; 16 more for each byte of the file",
       READ(o.budgets.archiveBytes = v.whole(0, kMost))},
      {"stream", "bytes read of what is no regular file and need not end",
       READ(o.budgets.streamBytes = v.whole(0, kMost))}};
  return group;
}

#undef READ

}  // namespace

std::vector<const OptionGroup*> groupsOf(Function function) {
  switch (function) {
    case Function::Load:
      return {&modelGroup()};
    case Function::FromBytes:
      return {&modelGroup(), &nameGroup(), &folderGroup()};
    case Function::Describe:
      return {&pictureGroup(), &labelGroup()};
    case Function::Prepare:
      return {&pictureGroup(), &nameGroup()};
    case Function::Explainer:
      return {&methodGroup(), &pictureGroup(), &labelGroup(), &runGroup(), &costGroup(), &targetGroup(), &nodeGroup()};
    case Function::Question:
      return {&targetGroup()};
    case Function::Render:
      return {&heatmapGroup()};
    case Function::Evaluate:
      return {&methodGroup(), &pictureGroup(), &labelGroup(), &runGroup(), &evaluateGroup()};
    case Function::StoreRead:
      return {&storeGroup()};
    case Function::Budgets:
      return {&budgetGroup()};
  }
  return {};
}

}  // namespace relprop::c

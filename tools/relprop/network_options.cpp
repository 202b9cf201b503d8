#include "network_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <system_error>

#include "interrupt.h"
#include "relprop/error.h"
#include "size_text.h"
#include "whole_number.h"

namespace relprop::cli {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

std::int64_t parseExtent(const std::string& word) {
  std::int64_t value = 0;
  auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (failed != std::errc() || end != word.data() + word.size() || value < 1 || value > 65536)
    throw CLI::ValidationError("--shape", "'" + word + "' is no size; expected HxW or CxHxW, e.g. 224x224");
  return value;
}

Shape parseShape(const std::string& text) {
  Shape shape;
  for (const std::string& word : split(text, 'x')) shape.push_back(parseExtent(word));
  if (shape.size() != 2 && shape.size() != 3)
    throw CLI::ValidationError("--shape", "'" + text + "' has " + std::to_string(shape.size()) +
                                              " numbers; expected HxW or CxHxW, e.g. 224x224");
  return shape;
}

// An option that is a key of the method string.
CLI::Option* addShortcut(CLI::App& app, NetworkOptions& options, const Shortcut& shortcut, const std::string& text) {
  return app.add_option_function<std::string>(
      shortcut.option,
      [&options, shortcut](const std::string& value) {
        options.shortcuts.push_back({shortcut.option, shortcut.key, value});
      },
      text + ": " + shortcut.key + "= of the method");
}

CLI::Option* addFlagShortcut(CLI::App& app, NetworkOptions& options, const Shortcut& shortcut,
                             const std::string& text) {
  return app.add_flag_callback(
      shortcut.option, [&options, shortcut] { options.shortcuts.push_back(shortcut); },
      fmt::format("{}: {}={} of the method", text, shortcut.key, shortcut.value));
}

void addRuleShortcuts(CLI::App& app, NetworkOptions& options) {
  addShortcut(app, options, {"--residual", "residual", ""},
              "how an addition shares relevance, proportional, ratio, symmetric or gamma:G")
      ->type_name("HOW");
  addShortcut(app, options, {"--identity-skip", "identity_skip", ""}, "whether plain skip paths get relevance")
      ->check(CLI::IsMember({"on", "off"}));
  addShortcut(app, options, {"--batchnorm", "batchnorm", ""}, "fold into the convolution or pass through")
      ->check(CLI::IsMember({"fold", "pass"}));
  addShortcut(app, options, {"--maxpool", "maxpool", ""},
              "how a max pool shares relevance, winner, average, average:K or proportional")
      ->type_name("HOW");
}

void addMapShortcuts(CLI::App& app, NetworkOptions& options) {
  CLI::Option* signs[] = {
      addFlagShortcut(app, options, {"--abs", "sign", "abs"}, "magnitudes"),
      addFlagShortcut(app, options, {"--positive", "sign", "positive"}, "only what speaks for the target"),
      addFlagShortcut(app, options, {"--negative", "sign", "negative"}, "only what speaks against it")};
  for (CLI::Option* one : signs)
    for (CLI::Option* other : signs)
      if (one != other) one->excludes(other);
  addFlagShortcut(app, options, {"--normalize", "normalize", "on"}, "the largest magnitude becomes 1");
  addShortcut(app, options, {"--noise", "noise", ""}, "mean over noisy copies, share of the image's range")
      ->type_name("SIGMA");
  addShortcut(app, options, {"--samples", "samples", ""}, "how many noisy copies")
      ->transform(wholeNumber<std::int64_t>())
      ->type_name("N");
  addShortcut(app, options, {"--quantize", "quantize", ""}, "levels of lrp-resnet's maps, 0 for none")
      ->transform(wholeNumber<std::int64_t>())
      ->type_name("N");
}

void addMethodOptions(CLI::App& app, NetworkOptions& options) {
  app.add_option_function<std::vector<std::string>>(
         "-m,--method",
         [&options](const std::vector<std::string>& names) {
           options.methods.insert(options.methods.end(), names.begin(), names.end());
         },
         "method, NAME or NAME:key=value,… (repeatable; default rap, bow-lrp of a model.bow)")
      ->type_name("SPEC")
      ->allow_extra_args(false);
  app.add_option_function<std::string>(
         "--methods",
         [&options](const std::string& list) {
           for (const std::string& name : splitMethods(list)) options.methods.push_back(name);
         },
         "several methods, separated by commas; all: every one that can be applied")
      ->type_name("all|SPEC,…");
  app.add_option("--rule", options.rules,
                 "a row in front of the rule table, by node or op: 'layer4.*=gamma:0.5' (repeatable)")
      ->type_name("PATTERN=RULE")
      ->allow_extra_args(false);
  app.add_option("--patterns", options.patterns, "what relprop patterns wrote, for the pattern- methods and rules")
      ->type_name("FILE");
  addRuleShortcuts(app, options);
  addMapShortcuts(app, options);
}

// What trades exactness or time for speed or memory, but not what is measured in a store or estimated from data.
void addCostOptions(CLI::App& app, NetworkOptions& options) {
  addPrecisionOption(app, "--precision", options.precision,
                     "f32, or bf16: less exact, less memory, and faster on some processors (relprop bench tells)");
  app.add_option_function<std::string>(
         "--tuning",
         [&options](const std::string& file) {
           options.tuning = std::make_shared<const Tuning>(readTuning(file));
           options.tuningFile = file;
         },
         "what relprop tune wrote on this machine: how each layer is computed")
      ->type_name("FILE");
  app.add_option_function<std::string>(
         "--memory", [&options](const std::string& size) { options.memory = sizeIn("--memory", size, size); },
         "limit for weights, activations and work space, e.g. 512M; what does not fit is computed again")
      ->type_name("SIZE");
}

// Names of inputs hold anything, so the last = divides.
void addFeeds(NetworkOptions& options, const std::vector<std::string>& all) {
  for (const std::string& text : all) {
    const std::size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
      throw CLI::ValidationError("--feed", "'" + text + "' is no NAME=FILE.npy");
    if (!options.feeds.emplace(text.substr(0, equals), text.substr(equals + 1)).second)
      throw CLI::ValidationError("--feed", "'" + text.substr(0, equals) + "' is given twice");
  }
}

}  // namespace

void addRunOptions(CLI::App& app, NetworkOptions& options) {
  app.add_option("--preprocess", options.preprocess,
                 "preprocessing: a name (imagenet, …) or a JSON file; default: beside the model")
      ->type_name("NAME|FILE");
  app.add_option("--output", options.output,
                 "the output to explain, of several (default: what looks like class scores)")
      ->type_name("NAME");
  app.add_option_function<std::vector<std::string>>(
         "--feed", [&options](const std::vector<std::string>& all) { addFeeds(options, all); },
         "a value for an input of the network beside the picture (repeatable)")
      ->allow_extra_args(false)
      ->type_name("NAME=FILE.npy");
  app.add_option_function<std::string>(
         "--shape", [&options](const std::string& text) { options.shape = parseShape(text); },
         "size of the input where the model leaves it open")
      ->type_name("HxW|CxHxW");
  app.add_option_function<std::string>(
         "--layout", [&options](const std::string& name) { options.layout = layoutFromName(name); },
         "where the channels of the input lie, N×C×H×W or N×H×W×C, where the network leaves it open")
      ->check(CLI::IsMember({"nchw", "nhwc"}))
      ->type_name("nchw|nhwc");
  addWholeNumber(app, "-b,--batch", options.batchGiven, "images computed together", 1, 4096);
  addWholeNumber(app, "--threads", options.threads, "threads (default: all cores)", 1, 1024);
  app.add_flag("--reference", options.reference, "plain loops instead of the fast kernels: slow, for checking");
}

void addPrecisionOption(CLI::App& app, const std::string& name, Precision& precision, const std::string& text) {
  app.add_option_function<std::string>(
         name,
         [&precision](const std::string& value) {
           precision = value == "bf16" ? Precision::Bfloat16 : Precision::Float32;
         },
         text)
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->type_name("f32|bf16");
}

void addModelOptions(CLI::App& app, NetworkOptions& options) {
  app.add_option("model", options.model, "the classifier, an ONNX file or a model.bow")->required()->type_name("MODEL");
  app.option_defaults()->group("Network");
  addRunOptions(app, options);
  app.option_defaults()->group("Options");
}

void addNetworkOptions(CLI::App& app, NetworkOptions& options) {
  app.add_option("model", options.model, "the classifier, an ONNX file or a model.bow")->required()->type_name("MODEL");
  app.option_defaults()->group("Method");
  addMethodOptions(app, options);
  app.option_defaults()->group("Network");
  addRunOptions(app, options);
  addCostOptions(app, options);
  app.option_defaults()->group("Options");
}

ModelOptions modelOptions(const NetworkOptions& options) {
  ModelOptions result;
  result.output = options.output;
  for (const auto& [name, file] : options.feeds) result.feeds.emplace(name, readTypedNpy(file));
  return result;
}

std::vector<std::filesystem::path> filesOf(const NetworkOptions& options, const Model& model,
                                           const std::vector<MethodChoice>& methods) {
  const std::filesystem::path file = options.model;
  std::vector<std::filesystem::path> files = {file, options.patterns, options.preprocess, options.tuningFile};
  for (const char* beside : {".preprocess.json", ".labels.txt"})
    files.push_back(std::filesystem::path(file).replace_extension(beside));
  for (const auto& [input, feed] : options.feeds) files.emplace_back(feed);
  files.insert(files.end(), model.weightFiles().begin(), model.weightFiles().end());
  for (const MethodChoice& method : methods) addFilesOf(method.text, files);
  return files;
}

Model loadModel(const NetworkOptions& options, Console& console) {
  Model model = Model::load(options.model, modelOptions(options));
  for (const std::string& note : model.notes()) console.note(note);
  return model;
}

void addLabelsOption(CLI::App& app, std::string& labels) {
  app.add_option("--labels", labels, "class names: imagenet, or a file, one a line or JSON; default: beside the model")
      ->type_name("imagenet|FILE");
}

// CLI11's own search for an option by its name may throw nothing, yet allocates: where no memory is left it ends the
// program.
void removeOptions(CLI::App& app, const std::vector<std::string>& names) {
  const auto isOne = [&](const CLI::Option* option) {
    return std::any_of(names.begin(), names.end(), [&](const auto& name) { return option->check_name(name); });
  };
  for (CLI::Option* option : app.get_options(isOne)) app.remove_option(option);
}

std::vector<MethodChoice> chosenMethods(const Model& model, const NetworkOptions& options,
                                        std::vector<std::string>& notes) {
  std::vector<std::string> names = options.methods;
  if (names.empty()) names = {model.isBagOfWords() ? "bow-lrp" : "rap"};
  return chooseMethods(names, options.shortcuts, {model.isBagOfWords(), !options.patterns.empty()}, notes);
}

std::optional<Preprocess> chosenPreprocess(const Model& model, const NetworkOptions& options, const Note& note) {
  const WaitingGuard guard(options.preprocess);
  FoundPreprocess found = relprop::findPreprocess(model, options.preprocess);
  if (!found.preprocess || !note) return found.preprocess;
  for (const std::string& text : found.preprocess->notes) note(text);
  const std::string averaged = channelNote(*found.preprocess, model.channels(options.shape, options.layout));
  if (!averaged.empty()) note(averaged);
  return found.preprocess;
}

std::vector<std::string> chosenLabels(const Model& model, const std::string& labels, const Note& note) {
  const WaitingGuard guard(labels);
  FoundLabels found = relprop::findLabels(model, labels);
  for (const std::string& text : found.notes)
    if (note) note(text);
  return std::move(found.names);
}

Shape chooseShape(const Model& model, const NetworkOptions& options, const std::optional<Preprocess>& preprocess,
                  const Shape& tensor) {
  return chosenInputShape(model, options.shape, preprocess, tensor);
}

std::string tuningName(const NetworkOptions& options) {
  return options.tuning ? nameOf(*options.tuning) : "";
}

ExplainOptions explainOptions(const Model& model, const NetworkOptions& options, const std::string& method,
                              const Shape& shape, const std::optional<Preprocess>& preprocess) {
  ExplainOptions result;
  result.method = method;
  result.rules = options.rules;
  result.inputShape = shape;
  result.layout = options.layout;
  result.batch =
      fixedBatch(model) > 0 ? fixedBatch(model) : std::max(1, options.batch > 0 ? options.batch : options.batchGiven);
  result.threads = options.threads;
  result.patterns = options.patterns;
  result.preprocess = preprocess;
  if (preprocess) result.pixelRange = pixelRange(*preprocess, model.channels(shape, options.layout));
  result.reference = options.reference;
  result.precision = options.precision;
  result.memory = options.memory;
  result.tuning = options.tuning;
  return result;
}

}  // namespace relprop::cli

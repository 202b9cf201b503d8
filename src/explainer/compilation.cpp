#include "explainer/compilation.h"

#include <fmt/format.h>

#include <numeric>

#include "explain/layers.h"
#include "explain/patterns.h"
#include "explainer/chosen_method.h"
#include "explainer/model_impl.h"
#include "explainer/prepare.h"
#include "explainer/redraw.h"
#include "explainer/tuning.h"
#include "graph/edit.h"
#include "graph/shape_inference.h"
#include "kernels/record/record.h"
#include "passes/passes.h"
#include "relprop/error.h"
#include "relprop/patterns.h"
#include "system/memory_bound.h"

namespace relprop {
namespace {

// Everything behind the node's output goes.
Graph cutAtNode(Graph graph, const std::string& name) {
  if (name.empty()) return graph;
  const int node = nodeNamed(graph, name, "--from");
  graph.outputs = {graph.nodes[static_cast<std::size_t>(node)].outputs.at(0)};
  removeDeadNodes(graph);
  return graph;
}

// One that is not read, as the method uses none, is a slip all the same where there is no such file.
void requireThere(const std::filesystem::path& patterns) {
  std::error_code ignored;
  if (!patterns.empty() && !std::filesystem::exists(patterns, ignored))
    throw Error(ErrorCode::FileNotFound, patterns.string(), "there is no such file", "", "check the path");
}

// As many values in another order would be other weights' patterns. Behind --from the graph has only some of the nodes.
void requireFit(const Patterns& patterns, const Graph& graph, const ExplainOptions& options, const std::string& hint) {
  const std::map<std::string, Shape> shapes = patternShapes(graph);
  for (const auto& [node, tensor] : patterns.nodes) {
    const std::string where = fmt::format("{}, entry '{}.npy'", options.patterns.string(), node);
    const auto own = shapes.find(node);
    if (own == shapes.end() && options.from.empty())
      throw Error(ErrorCode::UnknownNode, where, "patterns of a node that the network does not have",
                  "patterns of its Conv and Dense nodes", hint);
    if (own != shapes.end() && tensor.shape != own->second)
      throw Error(ErrorCode::ShapeMismatch, where, toString(tensor.shape),
                  toString(own->second) + ", as the node's weights", hint);
  }
}

// Patterns by node, from the file of `relprop patterns`; they belong to the weights they were estimated with.
std::map<std::string, std::vector<float>> patternsOf(const Model& model, const Graph& graph, const Method& method,
                                                     const ExplainOptions& options) {
  if (!method.usesPatterns) {
    requireThere(options.patterns);
    return {};
  }
  if (options.patterns.empty())
    throw Error(ErrorCode::NotSupportedByMethod, "patterns", "none given", "the file that `relprop patterns` wrote",
                "give it with --patterns");
  Patterns patterns = Patterns::load(options.patterns);
  const std::string hint = "estimate them with `relprop patterns` for this model";
  if (patterns.model != model.hash())
    throw Error(ErrorCode::InvalidArgument, options.patterns.string(), "patterns of the model " + patterns.model,
                "of " + model.hash(), hint);
  if (patterns.foldBatchNorm != method.foldBatchNorm)
    throw Error(
        ErrorCode::InvalidArgument, options.patterns.string(),
        patterns.foldBatchNorm ? "patterns with BatchNormalization folded" : "patterns with BatchNormalization kept",
        method.foldBatchNorm ? "batchnorm=fold" : "batchnorm=pass", hint);
  requireFit(patterns, graph, options, hint);
  std::map<std::string, std::vector<float>> values;
  for (auto& [node, tensor] : patterns.nodes) values.emplace(node, std::move(tensor.data));
  return values;
}

// N×classes×h×w, as detectors and segmenters give them.
bool hasMapsOfScores(const Graph& graph) {
  const Shape& shape = graph.value(graph.outputs.at(0)).shape;
  return shape.size() == 4 && shape[2] * shape[3] > 1;
}

std::string passLine(const PassReport& p) {
  std::string line = fmt::format("{}: {} rewrites, {:.1f} ms", p.name, p.rewrites, p.seconds * 1e3);
  for (const std::string& note : p.notes) line += "; " + note;
  return line;
}

// A method that is about BatchNormalization, on a file without.
std::vector<std::string> missingBatchNorm(const Model& model, const Method& method) {
  if (model.hasBatchNormalization() || method.foldBatchNorm) return {};
  return {method.needsBatchNorm
              ? "the file holds no BatchNormalization (folded when it was exported?); the method is "
                "defined with BatchNormalization passing relevance through"
              : "batchnorm=pass has no effect: the file holds no BatchNormalization (folded when it was "
                "exported?)"};
}

}  // namespace

Compilation::Compilation(const Model& model, const ExplainOptions& options)
    : Compilation(model, options, chosenMethod(options)) {}

Compilation::Compilation(const Model& model, const ExplainOptions& options, Method method)
    : model_(model), options_(options), method_(std::move(method)), layout_(model.layout(options.layout)) {
  checkBatchAndThreads(options.batch, options.threads);
  if (!method_.ofNetworks)
    throw Error(ErrorCode::NotSupportedByMethod, "method", method_.text + ", which is for bags of visual words",
                "a method for networks", "relprop methods lists them");
  Specialised special = specialised();
  redrawWeights(special.graph, ModelAccess::of(model).redrawnLayers, ModelAccess::of(model).redrawSeed);
  patterns_ = patternsOf(model, special.graph, method_, options);
  graph_ = std::move(special.graph), head_ = std::move(special.head);
  for (const PassReport& p : special.passes) passes_.push_back(passLine(p));
  warnings_ = std::move(special.warnings);
  anyScores_ = !options.from.empty() || hasMapsOfScores(graph_);
  if (options.from.empty() && anyScores_)
    warnings_.push_back("the output '" + graph_.value(graph_.outputs.at(0)).name +
                        "' holds a map for each class: a class' score is the sum over its map, which has no "
                        "probability; name a part with "
                        "--from");
  rowsApart_ = special.mixing.empty();
  if (!rowsApart_)
    warnings_.push_back("node '" + special.mixing.front() + "' looks along the batch: images are taken one at a time");
}

std::vector<std::string> Compilation::warnings(const Method& method) const {
  std::vector<std::string> all = warnings_;
  for (std::string& warning : missingBatchNorm(model_, method)) all.push_back(std::move(warning));
  return all;
}

// One image at least is part of the plan, and passes spread constants over what is as large. What is too large for any
// network they refuse themselves.
void Compilation::requireInput(const Shape& shape) const {
  const double bytes = std::accumulate(shape.begin() + 1, shape.end(), static_cast<double>(sizeof(float)),
                                       [](double product, std::int64_t extent) { return product * extent; });
  if (bytes <= static_cast<double>(kMaxElements) * sizeof(float))
    requireMemoryWithin(options_.memory, static_cast<std::int64_t>(bytes), "input " + toString(shape),
                        "allow more with --memory, or use a smaller input size");
}

// Some exports leave the batch open at the input and have the 1 that they were traced with further inside, as in a
// Reshape to 1×512, or compute with the number of images: they hold for one image at a time.
Specialised Compilation::specialised() {
  Graph graph = cutAtNode(ModelAccess::graph(model_), options_.from);
  graph.value(graph.inputs.at(0)).dtype = DType::Float;  // integers as well: the Cast behind them is none then
  if (layout_ == Layout::ChannelsLast) graph = withChannelsFirst(std::move(graph));
  const Shape own = fullInputShape(model_, options_.inputShape, options_.batch, layout_);
  requireInput(own);
  SpecialiseOptions how = {.inputShape = relaid(own, layout_, Layout::ChannelsFirst),
                           .foldBatchNorm = method_.foldBatchNorm,
                           .disabled = {},
                           .cutHead = options_.from.empty(),
                           .memory = options_.memory};
  fixedRows_ = model_.inputShape().at(0) > 0;
  if (fixedRows_ || how.inputShape[0] == 1) return specialise(graph, how);
  how.openBatch = true;
  try {
    return specialise(graph, how);
  } catch (const Error& several) {
    how.inputShape[0] = 1;
    how.openBatch = false;
    Specialised one = specialise(graph, how);  // what is wrong with one image as well is said of that
    fixedRows_ = true;
    if (one.mixing.empty())  // of which the constructor says so
      one.warnings.push_back("the model leaves its batch open but holds for one image only (see " + several.where() +
                             "): images are computed one at a time");
    return one;
  }
}

std::unique_ptr<Backend> Compilation::backend(Packing packing) const {
  const Element operand = options_.precision == Precision::Bfloat16 ? Element::Bfloat16 : Element::Float32;
  const BackendKind kind = options_.reference ? BackendKind::Reference : BackendKind::Processor;
  BackendChoice choice{.kind = kind, .operand = operand, .packing = packing, .threads = options_.threads};
  if (options_.tuning) choice.algorithms = tableOf(*options_.tuning, makeBackend(choice)->threads());
  return makeBackend(choice);
}

CompileOptions Compilation::walking(const ExplainOptions& options, const Method& method, std::int64_t bytes,
                                    std::int64_t taken) const {
  CompileOptions c;
  c.walk.sums = options.ledger && method.conserves;
  if (options.pixelRange) c.walk.bounds = InputBounds{options.pixelRange->low, options.pixelRange->high};
  c.rules = options.rules;
  c.targets = static_cast<std::int64_t>(options.targets.size());
  c.at = options.at;
  c.anyScores = anyScores_;
  c.head = head_;
  c.memory = {bytes, taken};
  c.imported = &ModelAccess::graph(model_);
  return c;
}

bool Compilation::fitsPacked() const {
  if (options_.memory == 0 || options_.reference) return true;
  CompileOptions how = walking(0);
  how.walk.patterns = patterns_;
  return fitTogether({{method_, how}});
}

CompiledMethod::Asked Compilation::asked(const ExplainOptions& options, Method method, std::int64_t bytes) const {
  CompileOptions how = walking(options, method, bytes, 0);
  return {std::move(method), std::move(how)};
}

bool Compilation::fitTogether(const std::vector<CompiledMethod::Asked>& asked) const {
  std::vector<LinearCall> calls;
  const std::unique_ptr<Backend> idle = makeRecordingBackend(backend(), calls);
  return CompiledMethod::fitTogether(graph_, asked, *idle);
}

CompiledMethod::Together Compilation::together(Backend& backend, const std::vector<CompiledMethod::Asked>& asked) {
  return CompiledMethod::together(std::move(graph_), asked, backend);
}

std::unique_ptr<CompiledMethod> Compilation::classifier(Backend& backend, std::int64_t rows) const {
  return std::make_unique<CompiledMethod>(fixedRows_ || !rowsApart_ ? graph_ : withRows(graph_, rows), method_, backend,
                                          CompileOptions{.anyScores = anyScores_, .head = head_, .forwardOnly = true});
}

std::unique_ptr<CompiledMethod> Compilation::compile(Backend& backend, std::int64_t taken) {
  CompileOptions how = walking(taken);
  how.walk.patterns = std::move(patterns_);
  return std::make_unique<CompiledMethod>(std::move(graph_), std::move(method_), backend, how);
}

std::unique_ptr<CompiledMethod> Compilation::within(Backend& backend, std::int64_t taken) {
  CompileOptions how = walking(taken);
  how.walk.patterns = std::move(patterns_);
  return CompiledMethod::within(std::move(graph_), std::move(method_), backend, how);
}

}  // namespace relprop

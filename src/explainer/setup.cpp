#include "explainer/setup.h"

#include "explain/layers.h"
#include "explainer/model_impl.h"
#include "explainer/prepare.h"
#include "explainer/redraw.h"
#include "graph/edit.h"
#include "relprop/error.h"
#include "relprop/patterns.h"

namespace relprop {
namespace {

// Everything from the value `name` on goes; its producer may be called by its own name or its output's.
Graph cutAtNode(Graph graph, const std::string& name) {
  if (name.empty()) return graph;
  const int node = nodesNamed(graph, name, "--from").back();
  graph.outputs = {graph.nodes[static_cast<std::size_t>(node)].outputs.at(0)};
  removeDeadNodes(graph);
  return graph;
}

// Patterns by node, from the file of `relprop patterns`; they belong to the weights they were estimated with.
std::map<std::string, std::vector<float>> patternsOf(const Model& model, const Method& method,
                                                     const ExplainOptions& options) {
  if (!method.usesPatterns) return {};
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
  std::map<std::string, std::vector<float>> values;
  for (auto& [node, tensor] : patterns.nodes) values.emplace(node, std::move(tensor.data));
  return values;
}

}  // namespace

std::unique_ptr<Backend> backendFor(const ExplainOptions& options, Packing packing) {
  const Element operand = options.precision == Precision::Bfloat16 ? Element::Bfloat16 : Element::Float32;
  return options.reference ? makeReferenceBackend(operand) : makeOneDnnBackend(operand, packing);
}

Specialised canonicalFor(const Model& model, const ExplainOptions& options, const Method& method, int rows) {
  Specialised special = specialise(cutAtNode(ModelAccess::graph(model), options.from),
                                   {.inputShape = fullInputShape(model, options.inputShape, rows),
                                    .foldBatchNorm = method.foldBatchNorm,
                                    .disabled = {}});
  redrawWeights(special.graph, ModelAccess::of(model).redrawnLayers, ModelAccess::of(model).redrawSeed);
  if (options.from.empty()) special.graph = cutAtScores(std::move(special.graph));
  return special;
}

CompileOptions compileOptionsFor(const Model& model, const ExplainOptions& options, const Method& method) {
  CompileOptions c;
  c.walk.sums = options.ledger && method.conserves;
  if (options.pixelRange) c.walk.bounds = InputBounds{options.pixelRange->low, options.pixelRange->high};
  c.walk.patterns = patternsOf(model, method, options);
  c.rules = options.rules;
  c.targets = static_cast<std::int64_t>(options.targets.size());
  c.at = options.at;
  c.anyScores = !options.from.empty();
  return c;
}

}  // namespace relprop

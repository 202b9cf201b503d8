#include "passes/passes.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "graph/edit.h"
#include "graph/shape_inference.h"
#include "passes/open_batch.h"
#include "passes/rewrites.h"
#include "relprop/error.h"

namespace relprop {

namespace {

std::string optionalNames() {
  std::string names;
  for (const PassInfo& pass : passList())
    if (!pass.required) names += (names.empty() ? "" : ", ") + std::string(pass.name);
  return names;
}

void checkDisabled(const std::vector<std::string>& disabled) {
  for (const std::string& name : disabled) {
    const bool optional = std::any_of(passList().begin(), passList().end(),
                                      [&](const PassInfo& pass) { return pass.name == name && !pass.required; });
    if (!optional)
      throw Error(ErrorCode::InvalidArgument, "pass '" + name + "'", "cannot be left out", optionalNames());
  }
}

}  // namespace

const std::vector<PassInfo>& passList() {
  static const std::vector<PassInfo> passes = {
      {"fold-constants", "fixes the input shape, infers all shapes, evaluates constants", true, foldConstants},
      {"dequantise", "quantised values as the real numbers that they stand for", true, dequantise},
      {"explicit-attributes", "writes out defaults, auto_pad, bounds given as inputs", true, makeAttributesExplicit},
      {"run-time-parameters", "ops whose parameters are computed as arithmetic", true, lowerParameters},
      {"cut-head", "ends the graph at the scores, before what makes probabilities of them", true, cutHead},
      {"canonical-normalization", "LayerNormalization with scale and bias of the normalised shape", true,
       completeNormalizations},
      {"fuse-normalization", "means, differences and roots that make a LayerNormalization", false, fuseNormalizations},
      {"fuse-gelu", "products with an error function that make a Gelu", false, fuseGelus},
      {"canonical-functions",
       "Pow, quotients of integers, Mish, Expand, LogSoftmax, Cast, Mod and bounds as arithmetic", true,
       canonicaliseFunctions},
      {"canonical-products", "ConvTranspose as Conv, Einsum and CumSum as MatMul", true, canonicaliseProducts},
      {"canonical-volumes", "convolutions and pools over three spatial axes by those over two", true,
       canonicaliseVolumes},
      {"canonical-slices", "Slice, Split, Gather and Pad with attributes and clamped ranges", true, canonicaliseSlices},
      {"canonical-takes", "gathers, scatters, tiles and pads by constant indices as Take", true, canonicaliseTakes},
      {"canonical-reshapes", "Flatten, Squeeze, Unsqueeze as Reshape; flattening Softmax", true, canonicaliseReshapes},
      {"canonical-pools", "global pools and reductions over axes as AveragePool or MaxPool", true, canonicalisePools},
      {"canonical-resize", "Resize and Upsample with scales as attributes", true, canonicaliseResizes},
      {"fold-derived-constants", "constants that earlier passes made of constants", true, foldDerivedConstants},
      {"canonical-dense", "Gemm and MatMul with a constant as Dense", true, canonicaliseDense},
      {"remove-no-ops", "takes out nodes that change nothing", true, removeNoOps},
      {"batch-first", "nodes whose operands have the batch elsewhere than in front", true, moveBatchFirst},
      {"merge-reshapes", "chains of Reshapes or Transposes as one", false, mergeReshapes},
      {"merge-pads", "zero Pads into the Conv or AveragePool behind them", false, mergePads},
      {"fold-channel-constants", "arithmetic with constants by channel into Conv and Dense", false,
       foldChannelConstants},
      {"fold-batchnorm", "BatchNormalization into the Conv or Dense before or behind it", false,
       foldBatchNormalizations},
      {"batchnorm-to-affine", "what is left of BatchNormalization as Affine", true, batchNormalizationToAffine},
      {"canonical-arithmetic", "Sub and Div of constants as Add and Mul; constants of other types as floats", true,
       canonicaliseArithmetic},
      {"check-canonical", "refuses nodes that have no canonical form", true, checkCanonical},
  };
  return passes;
}

std::int64_t foldLimitOf(const Graph& imported, std::int64_t least) {
  std::int64_t total = 0;
  for (const Value& value : imported.values)
    if (value.constant) total += elementCount(value.constant->shape);
  return std::max(total, least);
}

PassReport runPass(const PassInfo& pass, Graph& graph, PassContext& context) {
  const auto start = std::chrono::steady_clock::now();
  PassReport report;
  report.name = pass.name;
  report.rewrites = pass.run(graph, context);
  sortTopologically(graph);
  removeDeadNodes(graph);
  inferShapes(graph);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report.notes = std::exchange(context.notes, {});
  return report;
}

Specialised specialise(const Graph& imported, const SpecialiseOptions& options) {
  checkDisabled(options.disabled);
  Specialised result;
  result.graph = imported;
  removeDeadNodes(result.graph);  // what nothing depends on need not even be supported
  PassContext context{options, foldLimitOf(imported), {}, {}, {}, {}};
  for (const PassInfo& pass : passList()) {
    if (std::find(options.disabled.begin(), options.disabled.end(), pass.name) != options.disabled.end()) continue;
    result.passes.push_back(runPass(pass, result.graph, context));
    if (options.openBatch && &pass == &passList().front()) refuseArithmeticWithBatch(imported, result.graph, options);
  }
  result.warnings = std::move(context.warnings);
  result.mixing = std::move(context.mixing);
  result.head = std::move(context.head);
  return result;
}

}  // namespace relprop

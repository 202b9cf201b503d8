// The passes themselves; passes.cpp has their order and what each is for. Every one returns its number of rewrites.
#pragma once

#include "graph/graph.h"
#include "passes/passes.h"

namespace relprop {

int foldConstants(Graph& graph, PassContext& context);
int foldDerivedConstants(Graph& graph, PassContext& context);
int dequantise(Graph& graph, PassContext& context);
int makeAttributesExplicit(Graph& graph, PassContext& context);
int lowerParameters(Graph& graph, PassContext& context);
int cutHead(Graph& graph, PassContext& context);
int completeNormalizations(Graph& graph, PassContext& context);
int fuseNormalizations(Graph& graph, PassContext& context);
int fuseGelus(Graph& graph, PassContext& context);
int canonicaliseFunctions(Graph& graph, PassContext& context);
int canonicaliseProducts(Graph& graph, PassContext& context);
int canonicaliseVolumes(Graph& graph, PassContext& context);
int canonicaliseSlices(Graph& graph, PassContext& context);
int canonicaliseTakes(Graph& graph, PassContext& context);
int canonicaliseReshapes(Graph& graph, PassContext& context);
int canonicalisePools(Graph& graph, PassContext& context);
int canonicaliseResizes(Graph& graph, PassContext& context);
int canonicaliseDense(Graph& graph, PassContext& context);
int canonicaliseArithmetic(Graph& graph, PassContext& context);
int moveBatchFirst(Graph& graph, PassContext& context);
int removeNoOps(Graph& graph, PassContext& context);
int mergeReshapes(Graph& graph, PassContext& context);
int mergePads(Graph& graph, PassContext& context);
int foldChannelConstants(Graph& graph, PassContext& context);
int foldBatchNormalizations(Graph& graph, PassContext& context);
int batchNormalizationToAffine(Graph& graph, PassContext& context);
int checkCanonical(Graph& graph, PassContext& context);

}  // namespace relprop

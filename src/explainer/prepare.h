// What everything that runs a network does first.
#pragma once

#include "explainer/translated.h"
#include "relprop/error.h"
#include "relprop/explain.h"

namespace relprop {

struct Graph;

// Images computed together: buffers, and sums by image, are made for so many at once.
constexpr std::int64_t kMostRows = 4096;
// The batch may be 1 to kMostRows and the threads 0 to 1024. Throws InvalidArgument.
void checkBatchAndThreads(int batch, int threads);
// C×H×W (or H×W) from the caller fills what the file leaves open, in the model's own layout; the batch is fixed last.
// Throws ShapeMismatch, and what fixedBatch throws.
Shape fullInputShape(const Model& model, const Shape& given, int batch, Layout layout);
// C×H×W of the graph's input.
Shape imageShapeOf(const Graph& graph);
// input: N×image with N ≥ 1, all finite. Throws ShapeMismatch, NonFiniteInput.
void checkImages(const TensorView& input, const Shape& image);
void requireFinite(const float* values, std::int64_t count, ErrorCode code, const char* where, const char* hint);

}  // namespace relprop

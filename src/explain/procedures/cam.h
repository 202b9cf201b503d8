// What the methods that draw one plane share: a layer's activations, or what a window or mask changes.
#pragma once

#include <memory>
#include <vector>

#include "explain/procedure.h"

namespace relprop {

// Bilinear with half-pixel centres, borders repeated: h×w to H×W.
std::vector<double> upsampled(const std::vector<double>& map, std::int64_t h, std::int64_t w, std::int64_t H,
                              std::int64_t W);
// 1×H×W of a C×H×W input. Throws NotSupportedByMethod for an input that is no picture.
Shape planeOf(const Session& session);
// C×H×W input times an H×W mask.
void maskInput(const Subject& subject, const Shape& image, const std::vector<double>& mask, float* to);
// A sum over the layer's channels, drawn in the size of the input; and its ReLU.
Attribution layerMap(const Session& session, std::vector<double> sum);
Attribution activationMap(const Session& session, std::vector<double> sum);
// The key layer: the node whose activation (and relevance, if the method walks) is read.
void readLayer(Method& m, Parameters& p);
// A method that reads a layer's activation and never walks back.
Method forwardToLayer(Parameters& p, std::shared_ptr<const Procedure> procedure);

// Of which the least becomes 0 and the largest 1; nothing where all are the same.
std::vector<double> fromZeroToOne(std::vector<double> values);

}  // namespace relprop

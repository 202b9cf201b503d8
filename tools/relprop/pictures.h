// Pictures that are put together from several maps.
#pragma once

#include <vector>

#include "relprop/explain.h"

namespace relprop::cli {

// How often a pixel of a map this wide is repeated, so that titles above it can be read. `asked`: 0 for whatever does.
int legibleZoom(int asked, std::int64_t width);

// Rows of a few pictures each; `first`, the photo, stands before them, and where `aligned` every list of cells begins
// a row of its own with the place below the photo left free.
Image composeGrid(const TitledImage& first, const std::vector<std::vector<TitledImage>>& cells, bool aligned);

std::int64_t widthOf(const Explanation& explanation, Layout layout);

// Feature maps that a strip of layers can show: four axes and more than one position.
bool isFeatureMap(const Shape& shape);

// The relevance of the explanation's layers and of its input, each as large as the input, in rows; the photo first when
// there is one.
Image composeStrip(const Explanation& explanation, const std::optional<Image>& photo, const HeatmapOptions& options);

// Names of nodes that show a network at each of its resolutions, the smallest first: the last feature map of each size
// that branches were joined to, or else the last one.
std::vector<std::string> representativeNodes(const std::vector<NodeReport>& nodes);

}  // namespace relprop::cli

// The shapes of COCO's segmentations: run lengths down the columns, in a list or in a string, and polygons.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "relprop/dataset.h"

namespace relprop::eval {

// Run lengths from COCO's string: 5 bits a character from '0' on, lowest first, bit 5 says that more follow, the last
// one's bit 4 is the sign; from the fourth number on they are differences to the one two before. Throws
// MalformedDataset.
std::vector<std::int64_t> runLengthsOf(const std::string& text, const std::string& where);

// Makes the pixels of the segmentation objects of the mask, which has the size of the picture. A pixel lies in a
// polygon when its centre does (even–odd). Throws MalformedDataset.
void drawSegmentation(const nlohmann::json& segmentation, const std::string& where, Mask& mask);

}  // namespace relprop::eval

// Whole pictures that pixels are taken from when a metric replaces them: C×H×W, as the network gets them.
#pragma once

#include <string>
#include <vector>

#include "eval/metric.h"

namespace relprop::eval {

std::vector<float> originalPicture(const Case& c);
std::vector<float> zeroPicture(const Case& c);   // 0 after normalisation: the mean colour of the preprocessing
std::vector<float> blackPicture(const Case& c);  // 0 before normalisation
std::vector<float> meanPicture(const Case& c);   // the mean of each channel of this picture
// Every value drawn evenly from the range of its channel; by picture and `use`, the same for every method.
std::vector<float> uniformPicture(const Case& c, const std::string& use);
// As the authors of RISE blur: 11×11, σ = 5, zeros (of the normalised picture) beyond the border.
std::vector<float> blurredPicture(const Case& c);

}  // namespace relprop::eval

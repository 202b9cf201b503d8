// What Hugging Face's image processors do where their file does not say it.
#pragma once

#include <string>
#include <vector>

namespace relprop {

struct PixelNumbers {
  std::vector<double> mean, std;
};

// Values that a processor's class has by itself, as of transformers 4.
struct ImageProcessor {
  const char* name;             // of the class, without what all end in
  bool shorter;                 // one number as size is the shorter side, and not both
  int size, crop;               // crop 0: it has none
  bool crops;                   // whether it cuts the centre out unless the file says so
  const PixelNumbers* numbers;  // null where it does not normalise
  const char* filter;
};

// By the class that a file names, as one of them or as the feature extractor it was called before. Null of one that is
// not known here.
const ImageProcessor* imageProcessor(const std::string& type);

// Pillow's number for a filter is its place.
inline constexpr const char* kPillowFilters[] = {"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"};

}  // namespace relprop

// The shapes of COCO's segmentations: run lengths down the columns, in a list or in a string, and polygons.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "relprop/dataset.h"

namespace relprop::eval {

// Whether it is a whole number that std::int64_t holds; JSON's may be larger.
bool isWhole(const nlohmann::json& value);

// Run lengths from COCO's string: 5 bits a character from '0' on, lowest first, bit 5 says that more follow, the last
// one's bit 4 is the sign; from the fourth number on they are differences to the one two before. Throws
// MalformedDataset.
std::vector<std::int64_t> runLengthsOf(const std::string& text, const std::string& where);

// What a picture's segmentations cover together. A pixel lies in a polygon when its centre does (even–odd). Each run is
// kept as its two ends, so that a thousand segmentations of a whole picture cost no more than one of a thousand runs. A
// polygon costs as many steps as its outline crosses rows of the picture.
class Segments {
 public:
  Segments(int width, int height);
  // Throws MalformedDataset.
  void add(const nlohmann::json& segmentation, const std::string& where);
  // Object where any of them is, background elsewhere.
  Mask mask() const;

 private:
  using Ends = std::vector<std::int32_t>;  // at each pixel how many runs begin less how many ended before it

  std::int64_t pixels() const { return std::int64_t{width_} * height_; }
  void addRle(const nlohmann::json& rle, const std::string& where);
  void addRuns(const std::vector<std::int64_t>& lengths, const std::string& where);
  void addPolygon(const std::vector<std::pair<double, double>>& corners, const std::string& where);
  void addRun(Ends& ends, std::int64_t begin, std::int64_t end) const;

  int width_, height_;
  std::int64_t crossings_ = 0;  // of rows and outlines
  Ends down_, across_;          // pixels counted down the columns, and along the rows; empty until the first run
};

}  // namespace relprop::eval

// A trained bag of visual words: from a picture to scores, and back.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bow/histogram.h"
#include "bow/machine.h"
#include "relprop/image.h"

namespace relprop::bow {

struct Bag {
  FeatureSettings features;
  MappingSettings mapping;
  PoolingSettings pooling;
  Vocabulary vocabulary;
  Machine machine;
  Preprocess preprocess;                     // of photos; its scale is 1, so that pixels are 0 to 255
  std::vector<std::string> classes;          // names
  std::map<std::string, std::string> about;  // how it was trained: for people (data set, options, versions)
};

// All that the way back reads of one picture.
struct Seen {
  int height = 0, width = 0;
  std::vector<Support> supports;
  std::vector<Cover> covers;
  Mapped mapped;
  Histogram histogram;
  std::vector<double> scores;
};
// picture: 3×height×width, red first, 0 to 255. Throws Cancelled where `again` says so.
Seen look(const Bag& bag, const float* picture, int height, int width, const Again& again = {});

}  // namespace relprop::bow

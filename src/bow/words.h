// Visual words: centres of clusters of descriptors (k-means++; Arthur & Vassilvitskii 2007), and how much of each word
// is in a feature.
#pragma once

#include <cstdint>
#include <vector>

#include "bow/features.h"

namespace relprop::bow {

struct Vocabulary {
  std::int64_t length = 0;     // of a descriptor
  std::vector<float> centres;  // words × length
  double scale = 1;            // root mean square distance of the sample to its nearest words
  std::int64_t words() const { return length == 0 ? 0 : static_cast<std::int64_t>(centres.size()) / length; }
};

struct ClusterOptions {
  int words = 512;
  int restarts = 2, iterations = 30;
  std::uint64_t seed = 0;
};
// descriptors: count × length. The same input gives the same words whatever the number of threads. Throws
// InvalidArgument where there are fewer different descriptors than words, saying how many words there can be.
Vocabulary cluster(const std::vector<float>& descriptors, std::int64_t length, const ClusterOptions& options);

// m_d(l), sparse: of each feature the `nearest` words, the nearest first, equal distances in the order of the words.
struct Mapped {
  std::int64_t nearest = 0;
  std::vector<int> words;      // features × nearest
  std::vector<float> weights;  // features × nearest
};
Mapped mapWords(const LocalFeatures& features, const Vocabulary& vocabulary, const MappingSettings& settings,
                const Again& again = {});

}  // namespace relprop::bow

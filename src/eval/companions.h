// Other pictures of the data set that the network is sure of, for metrics that put several into one.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "eval/metric.h"
#include "eval/subjects.h"

namespace relprop::eval {

class Companions {
 public:
  // Both are looked at later too.
  Companions(const Subjects& subjects, Classifier& classifier) : subjects_(subjects), classifier_(classifier) {}

  // As Case::companions, for a subject that is judged.
  std::vector<std::vector<float>> of(const Subject& subject, std::size_t count, double confidence, std::uint64_t seed);

 private:
  // What the network says of a picture; class −1 where that is wrong, or the picture cannot be used.
  struct Known {
    int predicted = -1;
    double probability = 0;
  };
  Known ask(std::size_t picture, std::vector<float>& input) const;
  Known knownOf(std::size_t picture, std::vector<float>& input);

  const Subjects& subjects_;
  Classifier& classifier_;
  std::map<std::size_t, Known> known_;  // so that a picture that does not serve is decoded once
};

}  // namespace relprop::eval

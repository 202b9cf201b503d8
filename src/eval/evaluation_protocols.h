// The protocols of an evaluation, and what they ask of its data set, methods and network.
#pragma once

#include <string>
#include <vector>

#include "eval/metric.h"

namespace relprop::eval {

class EvaluatedProtocols {
 public:
  // Each once. Throws InvalidArgument (none), UnknownMetric, InvalidMetricParameter.
  // precision: of those that ask the network and do not say.
  EvaluatedProtocols(const std::vector<std::string>& metrics, const Dataset& dataset,
                     Precision precision = Precision::Float32);

  std::size_t count() const { return protocols_.size(); }
  const Protocol& operator[](std::size_t protocol) const { return protocols_[protocol]; }
  const std::vector<std::string>& texts() const { return texts_; }
  bool readLayers() const;
  bool needRandomised() const;
  bool ask(Precision precision) const;  // some ask the network that way
  // What a network without probabilities lacks too.
  void requireNoProbabilities();
  // Why the data set or the network does not serve a protocol ("the data set has no boxes"), or "".
  const std::string& lack(std::size_t protocol) const { return lacks_[protocol]; }

 private:
  std::vector<Protocol> protocols_;
  std::vector<std::string> texts_, lacks_;
};

}  // namespace relprop::eval

#include "eval/evaluation_protocols.h"

#include <algorithm>

#include "relprop/error.h"

namespace relprop::eval {
namespace {

std::string lackOf(const Dataset& dataset, Protocol::Region region) {
  switch (region) {
    case Protocol::Region::None:
      return "";
    case Protocol::Region::Boxes:
      return dataset.hasBoxes() ? "" : "the data set has no boxes";
    case Protocol::Region::Mask:
      return dataset.hasMasks() ? "" : "the data set has no masks";
    case Protocol::Region::BoxesOrMask:
      return dataset.hasBoxes() || dataset.hasMasks() ? "" : "the data set has no boxes and no masks";
  }
  return "";
}

}  // namespace

EvaluatedProtocols::EvaluatedProtocols(const std::vector<std::string>& metrics, const Dataset& dataset,
                                       Precision precision) {
  if (metrics.empty()) throw Error(ErrorCode::InvalidArgument, "metrics", "none", "at least one");
  for (const std::string& metric : metrics) {
    Protocol protocol = parseProtocol(withPrecision(metric, precision));
    if (std::find(texts_.begin(), texts_.end(), protocol.text) != texts_.end()) continue;
    texts_.push_back(protocol.text);
    lacks_.push_back(lackOf(dataset, protocol.region));
    protocols_.push_back(std::move(protocol));
  }
}

bool EvaluatedProtocols::ask(Precision precision) const {
  return std::any_of(protocols_.begin(), protocols_.end(),
                     [precision](const Protocol& p) { return p.precision == precision; });
}

bool EvaluatedProtocols::readLayers() const {
  return std::any_of(protocols_.begin(), protocols_.end(), [](const Protocol& p) { return p.layers; });
}

void EvaluatedProtocols::requireNoProbabilities() {
  for (std::size_t p = 0; p < protocols_.size(); ++p)
    if (protocols_[p].probability && lacks_[p].empty())
      lacks_[p] = "the network has no probabilities (one output, no sigmoid or softmax)";
}

bool EvaluatedProtocols::needRandomised() const {
  return std::any_of(protocols_.begin(), protocols_.end(), [](const Protocol& p) { return p.randomisedLayers != 0; });
}

}  // namespace relprop::eval

// Figures that others published, to stand beside ours in a report.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "relprop/report.h"

namespace relprop::eval {

// Those of one network, by the complete names of the store.
class Published {
 public:
  Published() = default;
  // Throws UnknownMethod, UnknownMetric and the like for what this program does not know.
  Published(const std::vector<PublishedFigure>& figures, const std::string& network);

  std::optional<double> value(const std::string& method, const std::string& protocol, const std::string& score) const;
  const std::vector<std::string>& sources() const { return sources_; }  // each once

 private:
  struct Figure {
    std::string method, protocol, score;
    double value;
  };
  std::vector<Figure> figures_;
  std::vector<std::string> sources_;
};

}  // namespace relprop::eval

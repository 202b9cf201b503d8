// Figures that others published, to stand beside ours in a report.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "eval/tables.h"

namespace relprop::eval {

// The name of the model's file without folder and extension, by which figures know a network.
std::string networkOf(const Group& group);

// Where figures stand, by the complete names of the store. What a file writes again and again is looked up once.
class FigureCells {
 public:
  using Cell = std::tuple<std::string, std::string, std::string>;  // method, protocol, score
  // Throws UnknownMethod, UnknownMetric and the like for what this program does not know, InvalidArgument for a score
  // that the metric does not have.
  Cell of(const PublishedFigure& figure, const std::string& where);

 private:
  struct Metric {
    std::string protocol;
    std::vector<std::string> scores;
  };
  const Metric& metric(const std::string& text);
  const std::string& method(const std::string& text);

  std::map<std::string, Metric> metrics_;
  std::map<std::string, std::string> methods_;
};

// Those that stand in one table. Of several sources the first one stands.
class Published {
 public:
  Published() = default;
  // `cells`: of all tables. Throws what that throws, and InvalidArgument for two figures that one source has for one
  // cell.
  Published(const std::vector<PublishedFigure>& figures, const Group& group, FigureCells& cells);

  std::optional<double> value(const std::string& method, const std::string& protocol, const std::string& score) const;
  // Each once, and only those of which the table shows a figure.
  const std::vector<std::string>& sources() const { return sources_; }

 private:
  using Cell = FigureCells::Cell;
  static bool has(const ScoreTable& table, const Cell& cell);

  std::map<Cell, double> figures_;
  std::vector<std::string> sources_;
};

}  // namespace relprop::eval

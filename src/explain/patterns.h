// Patterns of linear layers (Kindermans et al., 2018): the direction in a layer's input along which its output varies,
// estimated from many images in one pass. `a` says what a weight only filters for.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/forward.h"

namespace relprop {

// Sums over all positions of all images at which an output o is positive. K weights an output; x_k is the input that
// weight k meets there, 0 in the padding.
struct PositiveSums {
  std::string node;
  Shape weightShape;  // O × …, K = product of the rest
  std::shared_ptr<const std::vector<float>> weights;
  std::vector<double> count, y;  // O
  std::vector<double> x, xy;     // O × K

  std::size_t outputs() const { return count.size(); }
  std::size_t perOutput() const { return count.empty() ? 0 : x.size() / count.size(); }
  void clear();
};

// A forward pass that adds to the sums of every Conv and Dense as it goes.
class PatternPlan {
 public:
  // graph: canonical, every shape fixed.
  PatternPlan(Graph graph, Backend& backend);
  PatternPlan(const PatternPlan&) = delete;
  PatternPlan& operator=(const PatternPlan&) = delete;

  const Graph& graph() const { return graph_; }
  std::int64_t rows() const { return plan_.rows(); }
  // Adds images[0 .. count), 1 ≤ count ≤ rows(), each as large as one row of the input.
  void add(const float* images, std::int64_t count);
  std::vector<PositiveSums>& sums() { return sums_; }
  const std::vector<PositiveSums>& sums() const { return sums_; }

 private:
  void emit(Forward& forward, const Node& node);
  BufferView gradient(Forward& forward, const Node& node, const BufferView& x, const BufferView& g, const char* what);

  Graph graph_;
  Plan plan_;
  BufferView input_;
  ScalarId counts_ = -1;  // by row: 1 for an image, 0 for a row that only fills the batch
  std::vector<PositiveSums> sums_;
};

// By Conv and Dense of a canonical graph: a pattern has the shape of the weights as they are there, folded and turned.
std::map<std::string, Shape> patternShapes(const Graph& graph);

struct NodePattern {
  std::vector<float> values;    // as the weights
  std::int64_t silent = 0;      // outputs that were never positive: a = 0
  std::int64_t degenerate = 0;  // outputs whose denominator is 0 within rounding: a = 0
};
NodePattern patternOf(const PositiveSums& sums);

}  // namespace relprop

// Quantised networks in the domain of real numbers: every value that the file has as integers is represented by the
// numbers that they stand for, (q − zero)·scale. So QuantizeLinear becomes a FakeQuantize, which rounds and cuts off as
// the file does, and DequantizeLinear with the same scale and zero point nothing at all.
//
// A dynamic quantisation has a scale that is known at run time only. Integer products of what it makes
// (MatMulInteger, by way of a DequantizeLinear with scale 1) lack that scale until the file multiplies by it; here they
// have it from the start, and that multiplication goes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "graph/edit.h"
#include "graph/op_traits.h"
#include "graph/shape_inference.h"
#include "passes/quantised.h"
#include "passes/rewrites.h"
#include "relprop/error.h"

namespace relprop {

namespace {

using Scales = std::vector<ValueId>;  // of dynamic quantisations, as outputs of their nodes

// Of one product. A layer lacks one or two; a chain of products of a value with itself would double them at each node.
constexpr std::size_t kMostScales = 64;

// A product of scales known at run time, and a constant if there is one.
struct Factor {
  Scales scales;
  ValueId constant = kNoValue;
};

struct DynamicGrid {
  ValueId scale = kNoValue, zero = kNoValue;
};

// Elements go where they go whatever they stand for.
bool movesElements(Op op) {
  static const std::set<Op> moves = {Op::Identity,  Op::Dropout, Op::Reshape, Op::Flatten,      Op::Squeeze,
                                     Op::Unsqueeze, Op::Slice,   Op::Split,   Op::Concat,       Op::Transpose,
                                     Op::Gather,    Op::Expand,  Op::Tile,    Op::DepthToSpace, Op::SpaceToDepth};
  return moves.count(op) != 0;
}

bool resizes(const Node& node) {
  return node.op == Op::Resize || node.op == Op::Upsample;
}

bool picksElements(const Node& node) {
  if (resizes(node)) return node.stringAttr("mode", "nearest") == "nearest";
  return movesElements(node.op) || node.op == Op::MaxPool || node.op == Op::GlobalMaxPool;
}

// Is the result the same multiple of the scale as the first operand?
bool isProportional(Op op) {
  return (movesElements(op) && op != Op::Concat) || op == Op::Cast || op == Op::MatMul || op == Op::Conv ||
         op == Op::Mul || op == Op::Div;
}

// What lies outside of the picture is a number that the node says.
bool fillsOutside(const Node& node) {
  return resizes(node) && node.stringAttr("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize";
}

bool sameGrid(const Quantisation& a, const Quantisation& b) {
  return a.scales == b.scales && a.zeros == b.zeros && (a.perTensor() || a.axis == b.axis);
}

[[noreturn]] void refuse(const Node& node, const std::string& what, const std::string& expected) {
  throw Error(ErrorCode::UnsupportedModel, describe(node), what, expected,
              "export the network with QuantizeLinear and DequantizeLinear around its operators (QDQ)");
}

void appendScales(const Node& node, const Scales& more, Scales& scales) {
  const std::size_t count = scales.size() + more.size();
  if (count > kMostScales)
    refuse(node, fmt::format("a product with {} scales known at run time", count),
           fmt::format("{} at most", kMostScales));
  scales.insert(scales.end(), more.begin(), more.end());
}

class Dequantise {
 public:
  Dequantise(Graph& graph, PassContext& context) : graph_(graph), context_(context) {
    rectified_.insert(graph.inputs.begin(), graph.inputs.end());
  }

  int run() {
    std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (Node& node : nodes) visit(std::move(node));
    for (ValueId output : graph_.outputs) finish(output);
    if (dynamics_ > 0 && context_.options.inputShape[0] > 1)
      context_.warnings.push_back(
          "dynamic quantisation: each image has scales of its own; in the model a batch shares them");
    return rewrites_;
  }

 private:
  void visit(Node node) {
    if (node.op == Op::QuantizeLinear) return quantize(std::move(node));
    if (node.op == Op::DequantizeLinear) return dequantize(std::move(node));
    if (node.op == Op::DynamicQuantizeLinear) return quantizeDynamically(std::move(node));
    other(std::move(node));
  }

  // ---- scales that are constants
  void quantize(Node node) {
    ++rewrites_;
    const Quantisation q = quantisationOf(graph_, node);
    const std::int64_t zero = q.zeros[0];
    const float low = node.floatAttr("low", 0), high = node.floatAttr("high", 0);
    if (q.block != 1 || std::any_of(q.zeros.begin(), q.zeros.end(), [&](std::int64_t z) { return z != zero; }))
      refuse(node, "a computed value with scales by block or several zero points", "one zero point");
    if (static_cast<float>(zero) < low || static_cast<float>(zero) > high)
      throw Error(ErrorCode::MalformedModel, describe(node), fmt::format("zero point {}", zero),
                  fmt::format("{} to {}", low, high));
    // Where 0 is the least of all, the file has made this the Relu as well.
    const bool nonNegative = static_cast<float>(zero) == low;
    ValueId x = node.inputs[0];
    if (nonNegative && rectified_.count(x) == 0) x = appended(node, "/relu", Op::Relu, {x});
    const ValueId out = node.outputs[0];
    grids_[out] = q;
    if (nonNegative) rectified_.insert(out);
    node.op = Op::FakeQuantize;
    node.attrs = {{"scale", q.scales.size() == 1 ? q.scales[0] : 1.0f},
                  {"zero_point", static_cast<float>(zero)},
                  {"low", low},
                  {"high", high}};
    if (q.scales.size() == 1) return emit(std::move(node), {x});
    const ValueId scales = alongAxis(node, q);
    const ValueId levels = appended(node, "/scaled", Op::Div, {x, scales});
    Node back = makeNode(node.name + "/back", Op::Mul);
    back.outputs = {out};
    node.outputs = {addDynamicValue(graph_, node.name + "/levels", graph_.value(out).shape)};
    const ValueId rounded = node.outputs[0];
    emit(std::move(node), {levels});
    emit(std::move(back), {rounded, scales});
  }

  // One scale a place of the axis, with as many axes behind it as the value has.
  ValueId alongAxis(const Node& node, const Quantisation& q) {
    Shape shape{q.extent};
    shape.resize(graph_.value(node.inputs[0]).shape.size() - q.axis, 1);
    return addFloatConstant(graph_, node.name + ".scales", shape, q.scales);
  }

  void dequantize(Node node) {
    ++rewrites_;
    const ValueId x = node.inputs[0];
    if (const auto dynamic = dynamicGrids_.find(x); dynamic != dynamicGrids_.end())
      return dequantizeDynamic(std::move(node), dynamic->second);
    if (graph_.isConstant(x)) return scaleConstant(std::move(node));
    const auto grid = grids_.find(x);
    const bool picture = std::find(graph_.inputs.begin(), graph_.inputs.end(), x) != graph_.inputs.end();
    if (grid == grids_.end() && !picture) refuse(node, "integers that no QuantizeLinear made", "quantised values");
    const Quantisation own = quantisationOf(graph_, node);
    rescale(std::move(node), picture ? Quantisation{{1.0f}, {0}} : grid->second, own);
  }

  // A constant whose scale is computed.
  void scaleConstant(Node node) {
    const ValueId scale = node.inputs[1];
    const Shape shape = graph_.value(node.inputs[0]).shape;
    const Shape scales = graph_.value(scale).shape;
    Node unscaled = node;
    unscaled.inputs[1] = number(node, "one", 1);
    const ValueId integers = graph_.addConstant(node.name + ".integers", dequantisedConstant(graph_, unscaled));
    Shape along{elementCount(scales)};
    if (along[0] != 1) {
      const std::size_t axis = normaliseAxis(node, node.intAttr("axis", 1), shape.size());
      if (node.intAttr("block_size", 0) != 0 || scales != Shape{shape[axis]})
        refuse(node, "computed scales " + toString(scales) + " for " + toString(shape), "one, or one by channel");
      along.resize(shape.size() - axis, 1);
    }
    node.op = Op::Mul;
    node.attrs.clear();
    emit(std::move(node), {integers, reshaped(unscaled, scale, along)});
  }

  ValueId reshaped(const Node& node, ValueId x, const Shape& shape) {
    if (graph_.value(x).shape == shape || elementCount(shape) == 1) return x;
    return appendNode(graph_, makeNode(node.name + "/along", Op::Reshape, {x}), shape);
  }

  // The integers of `from` read as those of `to`: ((x/s + z) − z′)·s′
  void rescale(Node node, const Quantisation& from, const Quantisation& to) {
    const ValueId x = node.inputs[0];
    if (sameGrid(from, to)) return emitIdentity(std::move(node), x);
    if (!from.perTensor() || !to.perTensor()) refuse(node, "integers read with other scales by channel", "one scale");
    const float factor = to.scales[0] / from.scales[0];
    const float shift = static_cast<float>(from.zeros[0] - to.zeros[0]) * to.scales[0];
    node.attrs.clear();
    ValueId scaled = x;
    if (factor != 1 && shift != 0) scaled = appended(node, "/scaled", Op::Mul, {x, number(node, "factor", factor)});
    node.op = shift != 0 ? Op::Add : Op::Mul;
    emit(std::move(node), {scaled, number(node, "constant", shift != 0 ? shift : factor)});
  }

  // ---- scales that are not
  void quantizeDynamically(Node node) {
    ++rewrites_, ++dynamics_;
    const DynamicGrid grid{node.outputs.size() > 1 ? node.outputs[1] : kNoValue,
                           node.outputs.size() > 2 ? node.outputs[2] : kNoValue};
    dynamicGrids_[node.outputs[0]] = grid;
    if (grid.scale != kNoValue) factors_[grid.scale] = {{grid.scale}, kNoValue};
    node.op = Op::DynamicFakeQuantize;
    node.outputs.resize(1);
    emit(std::move(node), {node.inputs[0]});
  }

  void dequantizeDynamic(Node node, const DynamicGrid& grid) {
    const ValueId scale = node.inputs[1], zero = node.inputs.size() > 2 ? node.inputs[2] : kNoValue;
    const std::vector<float>* constant = constantFloats(graph_, scale);
    const bool unit = constant && std::all_of(constant->begin(), constant->end(), [](float v) { return v == 1; });
    if (zero == kNoValue || zero != grid.zero || !(unit || scale == grid.scale))
      refuse(node, "dynamically quantised values read with another scale or zero point", "those of their quantisation");
    if (unit) missing_[node.outputs[0]] = {grid.scale};
    emitIdentity(std::move(node), node.inputs[0]);
  }

  // ---- all other nodes
  void other(Node node) {
    if (reads(node, factors_)) return multiply(std::move(node));
    if (reads(node, missing_)) return carryMissing(std::move(node));
    if (reads(node, dynamicGrids_)) return carryDynamicGrid(std::move(node));
    if (reads(node, grids_)) return carryGrid(std::move(node));
    keep(std::move(node));
  }

  template <class Map>
  static bool reads(const Node& node, const Map& map) {
    return std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return map.count(id) != 0; });
  }

  void carryGrid(Node node) {
    const ValueId x = node.inputs[0];
    const Quantisation q = grids_.count(x) ? grids_.at(x) : Quantisation{};
    if (node.op == Op::Cast && q.perTensor()) {
      ++rewrites_;
      return rescale(std::move(node), q, {{1.0f}, {0}});
    }
    const bool zeroStays = node.op == Op::Relu && q.zeros == std::vector<std::int64_t>{0};
    if (!q.perTensor() || !(picksElements(node) || zeroStays || node.op == Op::Pad)) integersUsed(node);
    for (ValueId id : node.inputs)
      if (grids_.count(id) ? !sameGrid(q, grids_.at(id)) : !graph_.isConstant(id) && id != kNoValue) integersUsed(node);
    if (node.op == Op::Concat &&
        std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return graph_.isConstant(id); }))
      integersUsed(node);
    if (node.op == Op::Pad) fillWithIntegers(node, q);
    if (fillsOutside(node)) cropIntegers(node, q);
    for (ValueId out : node.outputs) grids_[out] = q;
    keep(std::move(node));
  }

  // A Pad fills in the integer 0 unless it says another one.
  void fillWithIntegers(Node& node, const Quantisation& q) {
    if (node.stringAttr("mode", "constant") != "constant") return;
    const bool given = node.inputs.size() > 2 && node.inputs[2] != kNoValue;
    if (given) integersUsed(node);
    if (node.inputs.size() < 3) node.inputs.resize(3, kNoValue);
    node.inputs[2] = number(node, "fill", static_cast<float>(-q.zeros[0]) * q.scales[0]);
  }

  // The filling is an integer as well, without its fraction.
  static void cropIntegers(Node& node, const Quantisation& q) {
    const float integer = std::trunc(node.floatAttr("extrapolation_value", 0.0f));
    node.attrs["extrapolation_value"] = (integer - static_cast<float>(q.zeros[0])) * q.scales[0];
  }

  void carryDynamicGrid(Node node) {
    if (!picksElements(node) || node.op == Op::Concat || fillsOutside(node)) integersUsed(node);
    for (ValueId out : node.outputs) dynamicGrids_[out] = dynamicGrids_.at(node.inputs[0]);
    keep(std::move(node));
  }

  [[noreturn]] static void integersUsed(const Node& node) {
    refuse(node, "arithmetic on quantised integers themselves", "DequantizeLinear before it");
  }

  [[noreturn]] static void scaleUsed(const Node& node) {
    refuse(node, "the scale of a dynamic quantisation, used for something else",
           "integer products that are multiplied by it");
  }

  // What lacks scales still lacks them behind the node.
  void carryMissing(Node node) {
    if (!isProportional(node.op) || (node.op == Op::Div && missing_.count(node.inputs[1]) != 0)) scaleUsed(node);
    Scales scales;
    for (ValueId id : node.inputs) {
      const auto own = missing_.find(id);
      if (own != missing_.end()) appendScales(node, own->second, scales);
      if (own == missing_.end() && id != kNoValue && !graph_.isConstant(id)) scaleUsed(node);
    }
    if (node.op == Op::Conv && node.inputs.size() > 2 && node.inputs[2] != kNoValue) scaleUsed(node);
    for (ValueId out : node.outputs) missing_[out] = scales;
    if (node.op == Op::Cast) return emitIdentity(std::move(node), node.inputs[0]);
    keep(std::move(node));
  }

  void multiply(Node node) {
    if (node.inputs.size() == 1 || movesElements(node.op)) return moveFactor(node);
    if (node.op != Op::Mul) scaleUsed(node);
    const bool first = factors_.count(node.inputs[0]) != 0;
    const Factor& factor = factors_.at(node.inputs[first ? 0 : 1]);
    const ValueId by = node.inputs[first ? 1 : 0];
    if (graph_.isConstant(by) || factors_.count(by) != 0) return combine(node, factor, by);
    const auto lacking = missing_.find(by);
    if (lacking == missing_.end()) scaleUsed(node);
    Scales left = lacking->second;
    for (ValueId scale : factor.scales) {
      const auto found = std::find(left.begin(), left.end(), scale);
      if (found == left.end()) scaleUsed(node);
      left.erase(found);
    }
    ++rewrites_;
    if (!left.empty()) missing_[node.outputs[0]] = left;
    if (factor.constant == kNoValue) return emitIdentity(std::move(node), by);
    emit(std::move(node), {by, factor.constant});
  }

  void moveFactor(const Node& node) {
    const bool move = movesElements(node.op) || node.op == Op::Cast;
    const auto own = factors_.find(node.inputs[0]);
    const bool one = own != factors_.end() &&
                     (own->second.constant == kNoValue || elementCount(graph_.value(own->second.constant).shape) == 1);
    if (!move || !one) scaleUsed(node);
    factors_[node.outputs[0]] = own->second;
  }

  void combine(const Node& node, Factor factor, ValueId by) {
    const Factor more = factors_.count(by) ? factors_.at(by) : Factor{{}, by};
    if (factor.constant != kNoValue && more.constant != kNoValue) scaleUsed(node);
    if (factor.constant == kNoValue) factor.constant = more.constant;
    appendScales(node, more.scales, factor.scales);
    factors_[node.outputs[0]] = factor;
  }

  void finish(ValueId output) {
    const std::string where = "output '" + graph_.value(output).name + "'";
    if (missing_.count(output) != 0 || factors_.count(output) != 0)
      throw Error(ErrorCode::UnsupportedModel, where, "integers with a scale known at run time only", "real numbers");
    if (grids_.count(output) != 0 || dynamicGrids_.count(output) != 0)
      context_.warnings.push_back(where + " holds integers in the model; the numbers that they stand for are taken");
  }

  // ---- edits
  ValueId number(const Node& node, const std::string& what, float value) {
    return addFloatConstant(graph_, node.name + "." + what, {}, {value});
  }

  ValueId appended(const Node& node, const std::string& suffix, Op op, std::vector<ValueId> inputs) {
    return appendNode(graph_, makeNode(node.name + suffix, op, inputs), graph_.value(inputs[0]).shape);
  }

  // By reference, so that callers may name the node's own inputs beside it: nothing says which is evaluated first.
  void emit(Node&& node, std::vector<ValueId> inputs) {
    node.inputs = std::move(inputs);
    graph_.nodes.push_back(std::move(node));
  }

  // By reference as well.
  void emitIdentity(Node&& node, ValueId x) {
    node.op = Op::Identity;
    node.attrs.clear();
    if (rectified_.count(x) != 0) rectified_.insert(node.outputs[0]);
    emit(std::move(node), {x});
  }

  void keep(Node node) {
    if (isRectified(node)) rectified_.insert(node.outputs.begin(), node.outputs.end());
    graph_.nodes.push_back(std::move(node));
  }

  // Would a Relu behind the node be none of the network's?
  bool isRectified(const Node& node) const {
    const auto input = [&](ValueId id) {
      const std::vector<float>* values = constantFloats(graph_, id);
      if (!values) return rectified_.count(id) != 0;
      return std::all_of(values->begin(), values->end(), [](float v) { return v >= 0; });
    };
    static const std::set<Op> averages = {Op::GlobalAveragePool, Op::ReduceMean, Op::GlobalMaxPool};
    if (movesElements(node.op) && node.op != Op::Concat) return input(node.inputs[0]);
    if (averages.count(node.op) != 0) return input(node.inputs[0]);
    switch (traitsOf(node.op).sign) {
      case Sign::NonNegative:
        return true;
      case Sign::AsFirst:
      case Sign::ByFilling:
        return input(node.inputs[0]);
      case Sign::AsAll:
        return std::all_of(node.inputs.begin(), node.inputs.end(), input);
      case Sign::ByBounds:
        return node.inputs.size() > 1 ? input(node.inputs[1]) : node.floatAttr("min", -1) >= 0;
      case Sign::Any:
      case Sign::Unsaid:
        return false;
    }
    return false;
  }

  Graph& graph_;
  PassContext& context_;
  std::map<ValueId, Quantisation> grids_;        // of values that are integers in the file
  std::map<ValueId, DynamicGrid> dynamicGrids_;  // the same, with a scale known at run time
  std::map<ValueId, Scales> missing_;            // what the file has yet to multiply values by
  std::map<ValueId, Factor> factors_;
  std::set<ValueId> rectified_;  // not negative, or the picture
  int rewrites_ = 0, dynamics_ = 0;
};

}  // namespace

int dequantise(Graph& graph, PassContext& context) {
  const auto quantised = [](const Node& node) {
    return node.op == Op::QuantizeLinear || node.op == Op::DequantizeLinear || node.op == Op::DynamicQuantizeLinear;
  };
  if (std::none_of(graph.nodes.begin(), graph.nodes.end(), quantised)) return 0;
  return Dequantise(graph, context).run();
}

}  // namespace relprop

#include "fuzz/drawn_network.h"

#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <sstream>
#include <string>

#include "fuzz/dice.h"
#include "onnx/composites.h"
#include "onnx/op_rules.h"
#include "relprop/tensor.h"

namespace relprop::fuzz {
namespace {

using onnx::TensorProto;

// Of attributes that are words, those of the standard.
const std::vector<std::string>& wordsOf(const std::string& attribute) {
  static const std::map<std::string, std::vector<std::string>> words = {
      {"auto_pad", {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"}},
      {"mode", {"constant", "reflect", "edge", "wrap", "nearest", "linear", "cubic", "DCR", "CRD"}},
      {"coordinate_transformation_mode",
       {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize",
        "tf_half_pixel_for_nn"}},
      {"nearest_mode", {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}},
      {"keep_aspect_ratio_policy", {"stretch", "not_larger", "not_smaller"}},
      {"reduction", {"none", "add", "mul", "max", "min"}},
      {"approximate", {"none", "tanh"}},
      {"equation",
       {"ij,jk->ik", "...ij,...jk->...ik", "bchw->bc", "nchw,nchw->nc", "ab,ab->a", "bij,bjk", "...->..."}}};
  static const std::vector<std::string> others = {"", "x"};
  const auto found = words.find(attribute);
  return found == words.end() ? others : found->second;
}

class DrawnNetwork : Dice {
 public:
  explicit DrawnNetwork(std::mt19937& random) : Dice(random) {
    shape_ = {below(4) == 0 ? 2 : 1};
    for (std::size_t axes = below(5); axes > 0; --axes) shape_.push_back(oneOf(kExtents));
    if (below(16) == 0) shape_[below(shape_.size())] = oneOf(kHuge);
  }

  onnx::ModelProto model() {
    graph_ = model_.mutable_graph();
    graph_->set_name("drawn");
    onnx::ValueInfoProto& input = *graph_->add_input();
    input.set_name("x");
    onnx::TypeProto::Tensor& type = *input.mutable_type()->mutable_tensor_type();
    type.set_elem_type(TensorProto::FLOAT);
    for (const std::int64_t extent : shape_) type.mutable_shape()->add_dim()->set_dim_value(extent);
    model_.set_ir_version(8);
    model_.add_opset_import()->set_version(oneOf(std::vector<std::int64_t>{6, 7, 9, 11, 13, 13, 17, 18, 20, 21}));
    for (std::size_t steps = 1 + below(3); steps > 0; --steps) addOperator();
    addHead();
    graph_->add_output()->set_name(last_);
    return std::move(model_);
  }

 private:
  std::size_t rank() const { return shape_.size(); }
  std::int64_t number() { return below(8) == 0 ? oneOf(kHuge) : oneOf(kSmall); }
  std::vector<std::int64_t> numbers(std::size_t count) {
    std::vector<std::int64_t> all;
    for (; count > 0; --count) all.push_back(number());
    return all;
  }

  onnx::NodeProto& addNode(const std::string& op, const std::vector<std::string>& inputs) {
    onnx::NodeProto& node = *graph_->add_node();
    node.set_op_type(op);
    for (const std::string& input : inputs) node.add_input(input);
    last_ = "v" + std::to_string(graph_->node_size());
    node.add_output(last_);
    return node;
  }

  void addOperator() {
    static const std::vector<std::string> operators = onnx_import::supportedOperators();
    const std::string op = oneOf(operators);
    const onnx_import::OpRule* rule = onnx_import::findRule(op);
    if (!rule) return addComposite(op);
    const std::string types = rule->types;
    if (types.substr(0, 1) == "b") addNode("Greater", {last_, addFloats({})});
    const int most = std::min(rule->maxInputs, std::max(rule->minInputs, 4));
    const auto count =
        static_cast<std::size_t>(rule->minInputs) + below(static_cast<std::size_t>(most - rule->minInputs + 1));
    std::vector<std::string> inputs;
    if (count > 0) inputs.push_back(last_);
    for (std::size_t i = 1; i < count; ++i) inputs.push_back(operand(types[std::min(i, types.size() - 1)]));
    // Lists that may be attributes or operands are one of them.
    addAttributes(addNode(op, inputs), rule->attributes, count > 1 && types.find('i') != std::string::npos);
    if (below(2) == 0) addCast();
  }

  // What the importer writes out as others, see composites.h.
  void addComposite(const std::string& op) {
    const std::size_t colons = op.find("::");
    onnx_import::RawNode raw;
    raw.op = colons == std::string::npos ? op : op.substr(colons + 2);
    raw.domain = colons == std::string::npos ? "" : op.substr(0, colons);
    const onnx_import::Composite* composite = onnx_import::findComposite(raw);
    std::vector<std::string> inputs = {last_};
    const std::size_t most = composite ? std::min<std::size_t>(onnx_import::mostInputs(*composite), 4) : 4;
    for (std::size_t more = below(most); more > 0; --more) inputs.push_back(addFloats(floatShape()));
    addNode(raw.op, inputs).set_domain(raw.domain);
  }

  void addCast() {
    onnx::AttributeProto& to = *addNode("Cast", {last_}).add_attribute();
    to.set_name("to"), to.set_type(onnx::AttributeProto::INT), to.set_i(TensorProto::FLOAT);
  }
  void addHead() {
    if (below(3) == 0) addNode("GlobalAveragePool", {last_});
    if (below(4) != 0) addNode("Flatten", {last_});
  }

  std::string operand(char type) {
    if (below(20) == 0) return "";
    switch (type) {
      case 'i':
        return addIntegers();
      case 'b':
        return addTensor(TensorProto::BOOL, {1}, std::string(1, static_cast<char>(below(2))));
      default:
        return below(4) == 0 ? std::vector<std::string>{"x", last_}[below(2)] : addFloats(floatShape());
    }
  }

  // What broadcasts to the input, mostly.
  Shape floatShape() {
    const std::int64_t channels = rank() > 1 ? shape_[1] : 1;
    Shape behind(rank() > 2 ? rank() - 1 : 1, 1);
    behind[0] = channels;
    return oneOf(std::vector<Shape>{{}, {1}, {channels}, shape_, {shape_.back()}, behind, Shape(rank() + 1, 1), {0}});
  }
  std::string addFloats(Shape shape) {
    constexpr std::int64_t most = 1 << 12;
    for (std::int64_t& extent : shape) extent = extent < 0 || extent > most ? 1 : extent;
    if (elementCount(shape) > most) shape = {1};
    std::string bytes;
    for (std::int64_t i = elementCount(shape); i > 0; --i) {
      const float value = below(16) == 0 ? oneOf(kReals) : static_cast<float>(below(2001)) / 1000 - 1;
      bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    return addTensor(TensorProto::FLOAT, shape, bytes);
  }
  std::string addIntegers() {
    std::vector<std::int64_t> values =
        below(4) == 0 ? shape_ : numbers(oneOf(std::vector<std::size_t>{1, 2, rank(), rank(), 2 * rank()}));
    Shape shape = {static_cast<std::int64_t>(values.size())};
    if (values.size() == 1 && below(2) == 0) shape.clear();
    if (below(8) == 0) shape.insert(shape.begin(), 1);
    return addTensor(TensorProto::INT64, shape,
                     {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(std::int64_t)});
  }
  std::string addTensor(TensorProto::DataType type, const Shape& shape, const std::string& bytes) {
    TensorProto& tensor = *graph_->add_initializer();
    tensor.set_name("c" + std::to_string(graph_->initializer_size()));
    tensor.set_data_type(type);
    for (const std::int64_t extent : shape) tensor.add_dims(extent);
    tensor.set_raw_data(bytes);
    return tensor.name();
  }

  // "name:kind" each, with a flag behind; see OpRule.
  void addAttributes(onnx::NodeProto& node, const std::string& list, bool withoutLists) {
    std::istringstream words(list);
    for (std::string word; words >> word;) {
      const std::size_t colon = word.find(':');
      const char kind = word[colon + 1];
      const bool required = word.back() == '!';
      if ((!required && below(2) == 0) || (withoutLists && kind == 'I')) continue;
      onnx::AttributeProto& attribute = *node.add_attribute();
      attribute.set_name(word.substr(0, colon));
      setValue(attribute, kind);
    }
  }
  void setValue(onnx::AttributeProto& attribute, char kind) {
    using onnx::AttributeProto;
    switch (kind) {
      case 's':
        attribute.set_type(AttributeProto::STRING), attribute.set_s(oneOf(wordsOf(attribute.name())));
        return;
      case 'f':
        attribute.set_type(AttributeProto::FLOAT), attribute.set_f(oneOf(kReals));
        return;
      case 'F':
        attribute.set_type(AttributeProto::FLOATS);
        for (std::size_t i = 0; i < rank(); ++i) attribute.add_floats(oneOf(kReals));
        return;
      case 'i':
        attribute.set_type(AttributeProto::INT), attribute.set_i(number());
        return;
      case 'I':
        attribute.set_type(AttributeProto::INTS);
        for (const std::int64_t i : list(attribute.name())) attribute.add_ints(i);
        return;
      case 't':
        attribute.set_type(AttributeProto::TENSOR), attribute.mutable_t()->set_data_type(TensorProto::FLOAT);
        attribute.mutable_t()->add_float_data(oneOf(kReals));
        return;
    }
  }
  // One for each spatial axis, two for pads; an order for Transpose.
  std::vector<std::int64_t> list(const std::string& name) {
    const std::size_t spatial = rank() > 2 ? rank() - 2 : 0;
    if (name == "perm") {
      std::vector<std::int64_t> order(rank());
      std::iota(order.begin(), order.end(), 0);
      std::shuffle(order.begin(), order.end(), random_);
      return order;
    }
    if (name == "axes") return numbers(1 + below(rank()));
    if (name == "pads") return numbers(2 * oneOf(std::vector<std::size_t>{spatial, spatial, rank()}));
    return numbers(oneOf(std::vector<std::size_t>{spatial, spatial, spatial, rank()}));
  }

  inline static const std::vector<std::int64_t> kExtents = {1, 1, 2, 3, 4, 5, 8, 16, 17},
                                                kSmall = {-3, -2, -1, 0, 0, 1, 1, 2, 2, 3, 4, 7},
                                                kHuge = {1 << 15,   1 << 16,      (1 << 16) + 1, 1 << 20,   1 << 24,
                                                         INT32_MAX, 1LL << 31,    1LL << 32,     1LL << 62, INT64_MAX,
                                                         INT32_MIN, -(1LL << 16), INT64_MIN};
  inline static const std::vector<float> kReals = {0, 1, -1, 0.5f, 2, 1e-5f, 1e30f, -1e30f, 1e-40f, 3, 1.0f / 3};

  onnx::ModelProto model_;
  onnx::GraphProto* graph_ = nullptr;
  Shape shape_;
  std::string last_ = "x";
};

}  // namespace

std::vector<std::uint8_t> drawnNetwork(std::mt19937& random) {
  const onnx::ModelProto model = DrawnNetwork(random).model();
  std::vector<std::uint8_t> bytes(model.ByteSizeLong());
  model.SerializeWithCachedSizesToArray(bytes.data());
  return bytes;
}

}  // namespace relprop::fuzz

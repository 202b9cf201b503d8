#include "onnx/graph_builder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "onnx/early_decode.h"
#include "onnx/failure.h"
#include "onnx/op_rules.h"
#include "onnx/refusals.h"
#include "onnx/tensor_decode.h"
#include "onnx/topology.h"
#include "relprop/error.h"

namespace relprop::onnx_import {

namespace {

constexpr std::int64_t kOldest = 7, kNewest = 22;

bool isStandard(const std::string& domain) {
  return domain.empty() || domain == "ai.onnx";
}

std::int64_t opsetOf(const RawModel& model, const std::string& name) {
  std::int64_t opset = std::numeric_limits<std::int64_t>::min();
  for (const auto& [domain, version] : model.opsets)
    if (isStandard(domain)) opset = std::max(opset, version);
  const std::string range = std::to_string(kOldest) + " to " + std::to_string(kNewest);
  if (opset == std::numeric_limits<std::int64_t>::min())
    unsupported(name, "names no version of the ONNX operators (opset_import)", range);
  if (opset < kOldest || opset > kNewest) unsupported(name, "is of ONNX opset " + std::to_string(opset), range);
  return opset;
}

// Values read by the nodes that are kept, as far as the rest of the import asks.
struct Readers {
  std::unordered_set<std::string> any;
  std::unordered_set<std::string> clipBounds;  // min or max of a Clip: infinite ones mean "no bound"
  std::unordered_set<std::string> otherThanClip;

  bool mayBeInfinite(const std::string& value) const { return clipBounds.count(value) && !otherThanClip.count(value); }
};

Readers readersOf(const RawModel& model, const Topology& topology) {
  Readers readers;
  readers.any.insert(model.outputs[0]);
  for (int index : topology.order) {
    const RawNode& node = model.nodes[static_cast<std::size_t>(index)];
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      readers.any.insert(node.inputs[i]);
      (node.op == "Clip" && i > 0 ? readers.clipBounds : readers.otherThanClip).insert(node.inputs[i]);
    }
  }
  return readers;
}

std::vector<const RawTensor*> initialisersRead(const Topology& topology, const Readers& readers,
                                               const std::vector<RawTensor>& initialisers) {
  std::vector<const RawTensor*> result;
  for (const RawTensor& tensor : initialisers) {
    const auto known = topology.initialisers.find(tensor.name);
    if (known != topology.initialisers.end() && readers.any.count(tensor.name)) result.push_back(known->second);
  }
  return result;
}

class GraphBuilder {
 public:
  GraphBuilder(const RawModel& model, ExternalData& external, const std::string& name)
      : model_(model), external_(external), name_(name) {}

  Graph build() {
    if (!model_.hasGraph) malformed(name_, "holds no graph", "an ONNX model");
    graph_.opset = opsetOf(model_, name_);
    graph_.metadata = model_.metadata;
    topology_ = analyse(model_, name_);
    readers_ = readersOf(model_, topology_);
    weights_.emplace(initialisersRead(topology_, readers_, model_.initialisers));
    for (int index : topology_.order) addNode(model_.nodes[static_cast<std::size_t>(index)], index);
    refusals_.throwIfAny(name_, supportedOperators());
    finish();
    return std::move(graph_);
  }

 private:
  void addNode(const RawNode& raw, int index);
  void addConstantNode(const RawNode& raw, const OpRule& rule, const std::string& nodeName);
  void refuse(const RawNode& raw, const std::string& nodeName);
  void addOutputs(const RawNode& raw, const OpRule& rule, NodeContext& context);
  std::map<std::string, Attribute> attributes(const RawNode& raw, const OpRule& rule, const std::string& nodeName);
  Attribute attribute(const RawNode& raw, const RawAttribute& from);
  void requireFiniteAttribute(const RawNode& raw, const RawAttribute& from);
  Finite finiteness(const RawNode& raw) const;

  ValueId resolve(const std::string& name);
  ValueId addInput(const RawInput& input);
  bool isCastOnly(const std::string& value) const;
  ValueId addInitialiser(const std::string& name);
  ValueId define(const std::string& name, DType dtype);
  std::string uniqueName(const RawNode& raw, int index);
  void finish();
  void requireOneInput() const;

  const RawModel& model_;
  ExternalData& external_;
  const std::string& name_;
  Topology topology_;
  Readers readers_;
  std::optional<EarlyDecode> weights_;
  Refusals refusals_;
  Graph graph_;
  std::unordered_map<std::string, ValueId> ids_;
  std::unordered_map<std::string, int> names_;  // node names taken, and how often they were asked for
};

std::string GraphBuilder::uniqueName(const RawNode& raw, int index) {
  const std::string base = raw.name.empty() ? raw.op + "_" + std::to_string(index) : raw.name;
  int count = ++names_[base];
  if (count == 1) return base;
  std::string name = base + "_" + std::to_string(count);
  while (names_.count(name)) name = base + "_" + std::to_string(count = ++names_[base]);
  names_[name] = 1;
  return name;
}

ValueId GraphBuilder::define(const std::string& name, DType dtype) {
  Value value;
  value.name = name;
  value.dtype = dtype;
  return ids_[name] = graph_.addValue(std::move(value));
}

// Whether everything that reads a value makes floats of it, at once or behind a change of its axes.
bool GraphBuilder::isCastOnly(const std::string& value) const {
  bool read = false;
  for (int index : topology_.order) {
    const RawNode& node = model_.nodes[static_cast<std::size_t>(index)];
    if (std::find(node.inputs.begin(), node.inputs.end(), value) == node.inputs.end()) continue;
    const bool passesOn = (node.op == "Transpose" || node.op == "Identity") && !node.outputs.empty();
    if (node.op != "Cast" && !(passesOn && isCastOnly(node.outputs[0]))) return false;
    read = true;
  }
  return read;
}

ValueId GraphBuilder::addInput(const RawInput& input) {
  const std::string where = "input " + quote(input.name);
  if (!input.isTensor) unsupported(where, "is no tensor", "a tensor of floats");
  const DType type = dtypeOf(input.type);
  const bool bytes = type == DType::Int64 && isCastOnly(input.name);
  if (type != DType::Float && !bytes)
    unsupported(where, "elements are " + onnxTypeName(input.type), "floating-point numbers, or integers that are cast");
  ValueId id = define(input.name, type);
  graph_.value(id).shape = input.shape;
  graph_.value(id).hasShape = input.hasShape;
  graph_.inputs.push_back(id);
  return id;
}

ValueId GraphBuilder::addInitialiser(const std::string& name) {
  const std::string where = initialiserTitle(name);
  if (topology_.sparse.count(name)) unsupported(where, "is a sparse tensor", "a dense tensor");
  Finite finite = readers_.mayBeInfinite(name) ? Finite::InfinityAllowed : Finite::Required;
  const RawTensor& tensor = *topology_.initialisers.at(name);
  return ids_[name] = graph_.addConstant(name, weights_->take(tensor, external_, where, finite));
}

ValueId GraphBuilder::resolve(const std::string& name) {
  if (name.empty()) return kNoValue;
  auto known = ids_.find(name);
  if (known != ids_.end()) return known->second;
  auto input = topology_.inputs.find(name);
  return input != topology_.inputs.end() ? addInput(*input->second) : addInitialiser(name);
}

// Reported in the end; until then its outputs stand for whatever the node would have computed.
void GraphBuilder::refuse(const RawNode& raw, const std::string& nodeName) {
  std::string op = isStandard(raw.domain) ? raw.op : raw.domain + "::" + raw.op;
  refusals_.add("operator " + quote(op), nodeName);
  for (const std::string& output : raw.outputs) define(output, DType::Other);
}

Finite GraphBuilder::finiteness(const RawNode& raw) const {
  bool isBound =
      raw.op == "Clip" || (raw.op == "Constant" && !raw.outputs.empty() && readers_.mayBeInfinite(raw.outputs[0]));
  return isBound ? Finite::InfinityAllowed : Finite::Required;
}

void GraphBuilder::requireFiniteAttribute(const RawNode& raw, const RawAttribute& from) {
  const std::string where = describe(raw) + ", attribute " + quote(from.name);
  if (auto* number = std::get_if<float>(&from.value)) requireFinite({*number}, where, finiteness(raw));
  if (auto* numbers = std::get_if<std::vector<float>>(&from.value)) requireFinite(*numbers, where, finiteness(raw));
}

Attribute GraphBuilder::attribute(const RawNode& raw, const RawAttribute& from) {
  if (from.kind == AttrKind::Tensor) return decodeTensor(from.tensor, external_, describe(raw), finiteness(raw));
  requireFiniteAttribute(raw, from);
  return from.value;
}

std::map<std::string, Attribute> GraphBuilder::attributes(const RawNode& raw, const OpRule& rule,
                                                          const std::string& nodeName) {
  std::map<std::string, Attribute> result;
  std::unordered_set<std::string> seen;
  for (const RawAttribute& from : raw.attributes) {
    if (!seen.insert(from.name).second) malformed(describe(raw), "has the attribute " + quote(from.name) + " twice");
    AttributeRule known = attributeRule(rule, from.name);
    if (!known.known) {
      refusals_.add("attribute " + quote(from.name) + " of " + opName(rule.op), nodeName);
    } else if (known.kind != from.kind) {
      malformed(describe(raw), "attribute " + quote(from.name) + " is of the wrong type");
    } else if (!known.dropped) {
      result.emplace(from.name, attribute(raw, from));
    }
  }
  return result;
}

// The node's one attribute is its value.
void GraphBuilder::addConstantNode(const RawNode& raw, const OpRule& rule, const std::string& nodeName) {
  auto attrs = attributes(raw, rule, nodeName);
  if (raw.outputs.size() != 1 || !raw.inputs.empty()) malformed(describe(raw), "has inputs or not one output");
  if (raw.attributes.size() != 1)
    malformed(describe(raw), "has " + std::to_string(raw.attributes.size()) + " attributes", "its value only");
  if (attrs.empty()) {  // refused
    define(raw.outputs[0], DType::Other);
    return;
  }
  ids_[raw.outputs[0]] = graph_.addConstant(raw.outputs[0], toConstant(attrs.begin()->second));
}

void GraphBuilder::addOutputs(const RawNode& raw, const OpRule& rule, NodeContext& context) {
  if (raw.outputs.empty() || (rule.maxOutputs == 1 && raw.outputs[0].empty()))
    malformed(describe(raw), "has no output");
  for (std::size_t i = 0; i < raw.outputs.size(); ++i) {
    bool extra = static_cast<int>(i) >= rule.maxOutputs;
    if (extra && readers_.any.count(raw.outputs[i]) && !raw.outputs[i].empty())
      refusals_.add("output " + std::to_string(i) + " of " + opName(rule.op), context.node.name);
    ValueId id = define(raw.outputs[i], DType::Other);
    if (!extra) context.node.outputs.push_back(id);
  }
}

void GraphBuilder::addNode(const RawNode& raw, int index) {
  Node node;
  node.name = uniqueName(raw, index);
  const OpRule* rule = isStandard(raw.domain) ? findRule(raw.op) : nullptr;
  if (!rule) return refuse(raw, node.name);
  if (rule->op == Op::Constant) return addConstantNode(raw, *rule, node.name);
  node.op = rule->op;
  node.attrs = attributes(raw, *rule, node.name);
  for (const std::string& input : raw.inputs) node.inputs.push_back(resolve(input));
  NodeContext context{graph_, node, raw, refusals_};
  addOutputs(raw, *rule, context);
  applyRule(*rule, context);
  for (ValueId output : node.outputs) graph_.value(output).dtype = outputType(graph_, node);
  graph_.nodes.push_back(std::move(node));
}

void GraphBuilder::requireOneInput() const {
  if (graph_.inputs.size() == 1) return;
  if (graph_.inputs.empty())
    unsupported(name_, topology_.inputs.empty() ? "the graph has no input" : "the output depends on no input",
                "one input, the image");
  std::string names;
  for (ValueId id : graph_.inputs) names += (names.empty() ? "" : ", ") + quote(graph_.value(id).name);
  unsupported(name_, "the graph has " + std::to_string(graph_.inputs.size()) + " inputs: " + names,
              "one input, the image");
}

void GraphBuilder::finish() {
  ValueId output = resolve(model_.outputs[0]);
  requireOneInput();
  if (graph_.value(output).dtype != DType::Float)
    unsupported(name_, "the output " + quote(model_.outputs[0]) + " holds integers", "floating-point numbers");
  graph_.outputs = {output};
}

}  // namespace

Graph buildGraph(const RawModel& model, ExternalData& external, const std::string& name) {
  return GraphBuilder(model, external, name).build();
}

}  // namespace relprop::onnx_import

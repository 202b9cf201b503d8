#include "onnx/graph_builder.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/names.h"
#include "onnx/early_decode.h"
#include "onnx/expand.h"
#include "onnx/failure.h"
#include "onnx/op_rules.h"
#include "onnx/outputs.h"
#include "onnx/refusals.h"
#include "onnx/tensor_decode.h"
#include "onnx/topology.h"
#include "relprop/error.h"

namespace relprop::onnx_import {

namespace {

constexpr std::int64_t kOldest = 1, kNewest = 28;

std::string opsetRange() {
  return std::to_string(kOldest) + " to " + std::to_string(kNewest);
}

std::optional<std::int64_t> standardOpset(const Opsets& opsets, const std::string& where) {
  std::optional<std::int64_t> opset;
  for (const auto& [domain, version] : opsets)
    if (isStandard(domain)) opset = std::max(opset.value_or(version), version);
  if (opset && (*opset < kOldest || *opset > kNewest))
    unsupported(where, "is of ONNX opset " + std::to_string(*opset), opsetRange());
  return opset;
}

std::int64_t opsetOf(const RawModel& model, const std::string& name) {
  const std::optional<std::int64_t> opset = standardOpset(model.opsets, name);
  if (!opset) unsupported(name, "names no version of the ONNX operators (opset_import)", opsetRange());
  return *opset;
}

// One that names no version has the model's.
void setOpsetsOfFunctions(RawModel& model) {
  for (RawFunction& function : model.functions)
    function.opset = standardOpset(function.opsets, functionTitle(function)).value_or(0);
}

// Values read by the nodes that are kept, as far as the rest of the import asks.
struct Readers {
  std::unordered_set<std::string> any;
  std::unordered_set<std::string> asWeights;  // by ops to which an infinite number makes no sense

  bool mayBeInfinite(const std::string& value) const { return asWeights.count(value) == 0; }
};

// Bounds of a Clip, masks that are added, what pads or stands for the unchosen may be infinite; weights may not.
bool readsWeights(const std::string& op) {
  static const std::unordered_set<std::string> ops = {
      "Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "LayerNormalization", "Mul", "PRelu"};
  return ops.count(op) != 0;
}

Readers readersOf(const RawModel& model, const std::vector<int>& nodes, const std::vector<std::string>& outputs) {
  Readers readers;
  readers.any.insert(outputs.begin(), outputs.end());
  for (int index : nodes) {
    const RawNode& node = model.nodes[static_cast<std::size_t>(index)];
    readers.any.insert(node.inputs.begin(), node.inputs.end());
    if (readsWeights(node.op)) readers.asWeights.insert(node.inputs.begin(), node.inputs.end());
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

// Whether everything that reads a value makes floats of it, at once or behind a change of its axes. From the last node
// to the first, so that of what a node passes on all readers are known.
bool isCastOnly(const RawModel& model, const std::vector<int>& order, const std::string& value) {
  std::unordered_map<std::string_view, bool> castOnly;  // of what is read
  for (auto index = order.rbegin(); index != order.rend(); ++index) {
    const RawNode& node = model.nodes[static_cast<std::size_t>(*index)];
    const bool passesOn = (node.op == "Transpose" || node.op == "Identity") && !node.outputs.empty();
    const auto passed = passesOn ? castOnly.find(node.outputs[0]) : castOnly.end();
    const bool floats =
        node.op == "Cast" || node.op == "DequantizeLinear" || (passed != castOnly.end() && passed->second);
    for (const std::string& input : node.inputs) {
      bool& all = castOnly.try_emplace(input, true).first->second;
      all = all && floats;
    }
  }
  const auto found = castOnly.find(value);
  return found != castOnly.end() && found->second;
}

const char* kindText(DType dtype) {
  return dtype == DType::Float ? "floats" : dtype == DType::Int64 ? "integers" : "booleans";
}

std::string titleOf(const RawInput& input) {
  return quote(input.name) + " (" + onnxTypeName(input.type) + (input.hasShape ? ", " + toString(input.shape) : "") +
         ")";
}

std::string inputNames(const Topology& topology) {
  std::vector<std::string> names;
  for (const auto& [name, input] : topology.inputs) names.push_back(titleOf(*input));
  std::sort(names.begin(), names.end());
  return listedFirst(names);
}

// By how much an input looks like the picture: floats with four axes first, then floats by their number.
std::pair<int, std::int64_t> sizeAsPicture(const RawInput& input) {
  if (!input.isTensor || dtypeOf(input.type) != DType::Float) return {0, 0};
  std::int64_t count = 1;
  for (const std::int64_t extent : input.shape)
    if (extent > 0 && count < (std::int64_t{1} << 40)) count *= std::min(extent, std::int64_t{1} << 20);
  return {input.hasShape && input.shape.size() == 4 ? 2 : 1, count};
}

// Of opset 1, about memory.
bool isHint(const RawAttribute& attribute) {
  return attribute.name == "consumed_inputs";
}

class GraphBuilder {
 public:
  GraphBuilder(RawModel model, ExternalData& external, const std::string& name, const ImportOptions& options)
      : model_(std::move(model)), external_(external), name_(name), options_(options) {}

  ImportedModel build() {
    if (!model_.hasGraph) malformed(name_, "holds no graph", "an ONNX model");
    graph_.opset = opsetOf(model_, name_);
    graph_.metadata = model_.metadata;
    setOpsetsOfFunctions(model_);
    expandFunctions(model_, graph_.opset, name_);
    topology_ = analyse(model_);
    output_ = chooseOutput(model_, topology_, options_.output, name_);
    checkFeeds();
    const std::vector<int> needed = nodesFor({output_});
    requireOnePicture(needed);
    begin(needed, {output_});
    for (int index : needed) addNode(model_.nodes[static_cast<std::size_t>(index)], index);
    refusals_.throwIfAny(name_);
    finish();
    addOthers(needed);
    ImportedModel result{std::move(graph_), {}, {}, output_, {}, std::move(inputType_)};
    std::unordered_set<std::string> seen;  // some files list an output twice
    for (const RawInput& output : model_.outputs) {
      if (!seen.insert(output.name).second) continue;
      result.outputs.push_back(output.name);
      if (output.name == output_) result.outputShape = output.shape;
    }
    return result;
  }

 private:
  std::vector<int> nodesFor(const std::vector<std::string>& values) const;
  void begin(const std::vector<int>& nodes, const std::vector<std::string>& outputs);
  void addOthers(const std::vector<int>& needed);
  bool addOther(int index);
  bool canRead(const std::string& value) const;
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
  ValueId addConstant(const std::string& name, Constant constant, std::int64_t type);
  ValueId addInitialiser(const std::string& name);
  ValueId define(const std::string& name, DType dtype);
  std::string uniqueName(const RawNode& raw, int index);
  void finish();
  void checkFeeds() const;
  void requireOnePicture(const std::vector<int>& nodes) const;
  void requireOneInput() const;

  RawModel model_;
  ExternalData& external_;
  const std::string& name_;
  const ImportOptions& options_;
  std::string output_;
  Topology topology_;
  Readers readers_;
  std::optional<EarlyDecode> weights_;
  Refusals refusals_;
  Graph graph_;
  std::string inputType_;  // of the only input
  std::unordered_map<std::string, ValueId> ids_;
  std::unordered_map<ValueId, std::int64_t> elementTypes_;  // of constants, as the file has them
  std::unordered_map<std::string, int> names_;              // node names taken, and how often they were asked for
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

ValueId GraphBuilder::addConstant(const std::string& name, Constant constant, std::int64_t type) {
  const ValueId id = ids_[name] = graph_.addConstant(name, std::move(constant));
  graph_.value(id).integers = integersOf(type);
  return id;
}

ValueId GraphBuilder::addInput(const RawInput& input) {
  const std::string where = "input " + quote(input.name);
  if (const auto fed = options_.feeds.find(input.name); fed != options_.feeds.end())
    return addConstant(input.name, fed->second, input.type);
  if (!input.isTensor) unsupported(where, "is no tensor", "a tensor of floats");
  requireRank(input.shape, where);
  const DType type = dtypeOf(input.type);
  const bool bytes = type == DType::Int64 && isCastOnly(model_, topology_.order, input.name);
  if (type != DType::Float && !bytes)
    unsupported(where, "elements are " + onnxTypeName(input.type), "floating-point numbers, or integers that are cast");
  ValueId id = define(input.name, type);
  graph_.value(id).shape = input.shape;
  graph_.value(id).hasShape = input.hasShape;
  graph_.value(id).integers = integersOf(input.type);
  graph_.inputs.push_back(id);
  inputType_ = onnxTypeName(input.type);
  return id;
}

ValueId GraphBuilder::addInitialiser(const std::string& name) {
  const std::string where = initialiserTitle(name);
  if (topology_.sparse.count(name)) unsupported(where, "is a sparse tensor", "a dense tensor");
  Finite finite = readers_.mayBeInfinite(name) ? Finite::InfinityAllowed : Finite::Required;
  const RawTensor& tensor = *topology_.initialisers.at(name);
  const ValueId id = addConstant(name, weights_->take(tensor, external_, where, finite), tensor.type);
  elementTypes_[id] = tensor.type;
  return id;
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
  const bool constant = raw.op == "Constant" || raw.op == "ConstantOfShape";
  const bool free = constant && !raw.outputs.empty() && readers_.mayBeInfinite(raw.outputs[0]);
  return raw.op == "Clip" || raw.op == "Pad" || free ? Finite::InfinityAllowed : Finite::Required;
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
    if (isHint(from)) continue;
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
  const auto value = std::find_if_not(raw.attributes.begin(), raw.attributes.end(), isHint);
  const auto count = std::count_if(value, raw.attributes.end(), std::not_fn(isHint));
  if (count != 1) malformed(describe(raw), "has " + std::to_string(count) + " attributes", "its value only");
  if (attrs.empty()) {  // refused
    define(raw.outputs[0], DType::Other);
    return;
  }
  const int type = value->tensor.type;  // 0: numbers, integers of 64 bits
  const ValueId id = addConstant(raw.outputs[0], toConstant(attrs.begin()->second), type);
  if (value->kind == AttrKind::Tensor) elementTypes_[id] = type;
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
  NodeContext context{graph_, node, raw, refusals_, raw.opset ? raw.opset : graph_.opset, elementTypes_};
  addOutputs(raw, *rule, context);
  applyRule(*rule, context);
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    graph_.value(node.outputs[i]).dtype = outputType(graph_, node, i);
    graph_.value(node.outputs[i]).integers = outputIntegers(context, i);
  }
  graph_.nodes.push_back(std::move(node));
}

// What is fed has to fit the input: its type, and its extents where the file fixes them.
void GraphBuilder::checkFeeds() const {
  for (const auto& [name, value] : options_.feeds) {
    const std::string where = "input " + quote(name);
    const auto found = topology_.inputs.find(name);
    if (found == topology_.inputs.end())
      throw Error(ErrorCode::UnknownNode, where, "the network has no input of that name", inputNames(topology_));
    const RawInput& input = *found->second;
    if (!input.isTensor) unsupported(where, "is no tensor", "a tensor");
    if (dtypeOf(input.type) != value.dtype)
      throw Error(ErrorCode::InvalidArgument, where, "is given " + std::string(kindText(value.dtype)),
                  onnxTypeName(input.type));
    const auto fits = [](std::int64_t wanted, std::int64_t got) { return wanted < 0 || wanted == got; };
    if (input.hasShape &&
        !std::equal(input.shape.begin(), input.shape.end(), value.shape.begin(), value.shape.end(), fits))
      throw Error(ErrorCode::ShapeMismatch, where, "is given " + toString(value.shape), toString(input.shape));
  }
}

// One input is explained; all others that the output depends on have to be given.
void GraphBuilder::requireOnePicture(const std::vector<int>& nodes) const {
  const std::unordered_set<std::string> read = readersOf(model_, nodes, {output_}).any;
  std::vector<const RawInput*> open;
  for (const RawInput& input : model_.inputs)
    if (read.count(input.name) && topology_.inputs.count(input.name) && !options_.feeds.count(input.name))
      open.push_back(&input);
  if (open.size() < 2) return;
  const RawInput* picture = *std::max_element(open.begin(), open.end(), [](const RawInput* a, const RawInput* b) {
    return sizeAsPicture(*a) < sizeAsPicture(*b);
  });
  std::vector<std::string> all, others, feeds;
  for (const RawInput* input : open) {
    all.push_back(titleOf(*input));
    if (input == picture) continue;
    others.push_back(quote(input->name));
    feeds.push_back("--feed " + input->name + "=FILE.npy");
  }
  unsupported(
      name_, "the graph has " + std::to_string(open.size()) + " inputs: " + listedFirst(all),
      "one input, the image, and values for the others",
      "to explain " + quote(picture->name) + ", give " + listedFirst(others) + " with " + listedFirst(feeds, " "));
}

void GraphBuilder::requireOneInput() const {
  if (!graph_.inputs.empty()) return;
  unsupported(name_, topology_.inputs.empty() ? "the graph has no input" : "the output depends on no input",
              "one input, the image");
}

void GraphBuilder::finish() {
  ValueId output = resolve(output_);
  requireOneInput();
  if (graph_.value(output).dtype != DType::Float)
    unsupported(name_, "the output " + quote(output_) + " holds integers", "floating-point numbers");
  graph_.outputs = {output};
}

std::vector<int> GraphBuilder::nodesFor(const std::vector<std::string>& values) const {
  const std::vector<bool> needed = neededFor(values, model_, topology_);
  std::vector<int> nodes = topology_.order;
  std::erase_if(nodes, [&](int node) { return !needed[static_cast<std::size_t>(node)]; });
  return nodes;
}

void GraphBuilder::begin(const std::vector<int>& nodes, const std::vector<std::string>& outputs) {
  readers_ = readersOf(model_, nodes, outputs);
  weights_.emplace(initialisersRead(topology_, readers_, model_.initialisers));
}

// What only other outputs depend on can be explained as an inner node. What is not supported among it is left out, with
// all that depends on it.
void GraphBuilder::addOthers(const std::vector<int>& needed) {
  std::vector<std::string> outputs;
  for (const RawInput& output : model_.outputs) outputs.push_back(output.name);
  std::vector<int> others = nodesFor(outputs);
  const std::unordered_set<int> there(needed.begin(), needed.end());
  std::erase_if(others, [&](int node) { return there.count(node) != 0; });
  if (others.empty()) return;
  begin(others, outputs);
  for (int index : others)
    if (!addOther(index))
      for (const std::string& output : model_.nodes[static_cast<std::size_t>(index)].outputs) ids_.erase(output);
}

bool GraphBuilder::addOther(int index) {
  const RawNode& raw = model_.nodes[static_cast<std::size_t>(index)];
  if (!std::all_of(raw.inputs.begin(), raw.inputs.end(), [&](const std::string& value) { return canRead(value); }))
    return false;
  const std::size_t before = graph_.nodes.size();
  refusals_ = {};
  try {
    addNode(raw, index);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::OutOfMemory) throw;
    refusals_.add("node", raw.name);
  }
  if (refusals_.any()) graph_.nodes.resize(before);
  return !refusals_.any();
}

// Of an input that the chosen output does not depend on nothing is known.
bool GraphBuilder::canRead(const std::string& value) const {
  return value.empty() || ids_.count(value) || topology_.initialisers.count(value) || options_.feeds.count(value);
}

}  // namespace

ImportedModel buildGraph(RawModel model, ExternalData& external, const std::string& name,
                         const ImportOptions& options) {
  return GraphBuilder(std::move(model), external, name, options).build();
}

}  // namespace relprop::onnx_import

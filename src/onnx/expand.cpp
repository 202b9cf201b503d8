#include "onnx/expand.h"

#include <map>
#include <unordered_map>
#include <utility>

#include "onnx/composites.h"
#include "onnx/failure.h"
#include "onnx/topology.h"

namespace relprop::onnx_import {

namespace {

constexpr int kDeepest = 64;
constexpr std::size_t kMostNodes = 1 << 17;

using Key = std::pair<std::string, std::string>;  // domain, name

class Expander {
 public:
  Expander(const RawModel& model, std::int64_t opset, const std::string& name) : opset_(opset), name_(name) {
    for (const RawFunction& function : model.functions)
      functions_.emplace(Key{function.domain, function.name}, &function);
  }

  void add(RawNode node, int depth) {
    if (depth > kDeepest || out_.size() > kMostNodes)
      malformed(name_, "holds functions that contain one another or grow without end");
    if (const RawFunction* function = functionOf(node)) return inlined(*function, node, depth);
    const Composite* composite = findComposite(node);
    if (!composite) return out_.push_back(std::move(node));
    std::vector<RawNode> nodes;
    Composer composer(node, node.opset ? node.opset : opset_, prefixOf(node), nodes);
    compose(*composite, composer);
    for (RawNode& inner : nodes) add(std::move(inner), depth + 1);
  }

  std::vector<RawNode> take() { return std::move(out_); }

 private:
  const RawFunction* functionOf(const RawNode& node) const {
    const auto found = functions_.find({node.domain, node.op});
    return found == functions_.end() ? nullptr : found->second;
  }

  std::string prefixOf(const RawNode& node) {
    return (node.name.empty() ? node.op : node.name) + "/" + std::to_string(count_++) + ":";
  }

  void inlined(const RawFunction& function, const RawNode& call, int depth) {
    const std::string prefix = prefixOf(call);
    std::unordered_map<std::string, std::string> names;
    for (std::size_t i = 0; i < function.inputs.size(); ++i)
      names[function.inputs[i]] = i < call.inputs.size() ? call.inputs[i] : "";
    for (std::size_t i = 0; i < function.outputs.size(); ++i)
      if (i < call.outputs.size() && !call.outputs[i].empty()) bindOutput(function, i, call.outputs[i], names);
    const auto rename = [&](std::vector<std::string>& list) {
      for (std::string& value : list)
        if (!value.empty()) value = names.emplace(value, prefix + value).first->second;
    };
    for (RawNode node : function.nodes) {
      node.name = prefix + node.name;
      if (node.opset == 0) node.opset = function.opset;
      rename(node.inputs);
      rename(node.outputs);
      node.attributes = resolved(function, call, node.attributes);
      add(std::move(node), depth + 1);
    }
  }

  // An input handed on as an output has two names.
  void bindOutput(const RawFunction& function, std::size_t index, const std::string& output,
                  std::unordered_map<std::string, std::string>& names) {
    const auto [known, isNew] = names.emplace(function.outputs[index], output);
    if (!isNew) out_.push_back({prefixOf({}) + output, "Identity", "", {known->second}, {output}, {}, opset_});
  }

  static const RawAttribute* find(const std::vector<RawAttribute>& list, const std::string& name) {
    for (const RawAttribute& attribute : list)
      if (attribute.name == name) return &attribute;
    return nullptr;
  }

  // References to the call's attributes as their values; one that neither call nor function has stays out.
  static std::vector<RawAttribute> resolved(const RawFunction& function, const RawNode& call,
                                            const std::vector<RawAttribute>& attributes) {
    std::vector<RawAttribute> result;
    for (const RawAttribute& attribute : attributes) {
      if (attribute.reference.empty()) {
        result.push_back(attribute);
        continue;
      }
      const RawAttribute* meant = find(call.attributes, attribute.reference);
      if (!meant) meant = find(function.defaults, attribute.reference);
      if (!meant) continue;
      result.push_back(*meant);
      result.back().name = attribute.name;
    }
    return result;
  }

  std::int64_t opset_;
  const std::string& name_;
  std::map<Key, const RawFunction*> functions_;
  std::vector<RawNode> out_;
  int count_ = 0;
};

}  // namespace

void expandFunctions(RawModel& model, std::int64_t opset, const std::string& name) {
  Expander expander(model, opset, name);
  for (RawNode& node : model.nodes) expander.add(std::move(node), 0);
  model.nodes = expander.take();
}

}  // namespace relprop::onnx_import

#include "onnx/expand.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/limits.h"
#include "onnx/composites.h"
#include "onnx/failure.h"
#include "onnx/topology.h"
#include "relprop/budgets.h"

namespace relprop::onnx_import {

namespace {

constexpr int kDeepest = 64;

using Key = std::tuple<std::string, std::string, std::string>;  // domain, name, overload

Key functionKey(const std::string& domain, const std::string& name, const std::string& overload) {
  return {isStandard(domain) ? "" : domain, name, overload};
}

// What a name and an attribute take in memory, roughly.
std::uint64_t costOf(const std::string& name) {
  return sizeof(std::string) + name.size();
}

// Every copy is decoded to numbers of its own.
std::uint64_t costOf(const RawTensor& tensor) {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  std::int64_t elements = 1;
  for (const std::int64_t extent : tensor.dims)
    elements = std::min(kMost, elements * std::clamp<std::int64_t>(extent, 0, kMost));
  const ExternalRef& external = tensor.external;
  return 8 * (static_cast<std::uint64_t>(elements) + tensor.dims.size()) + tensor.name.size() +
         external.location.size() + external.offset.size() + external.length.size();
}

std::uint64_t costOf(const RawAttribute& attribute) {
  std::uint64_t payload = attribute.name.size() + attribute.reference.size();
  if (const auto* text = std::get_if<std::string>(&attribute.value)) payload += text->size();
  if (const auto* ints = std::get_if<std::vector<std::int64_t>>(&attribute.value)) payload += 8 * ints->size();
  if (const auto* floats = std::get_if<std::vector<float>>(&attribute.value)) payload += 4 * floats->size();
  return sizeof(RawAttribute) + payload + costOf(attribute.tensor);
}

std::uint64_t costOf(const RawNode& node) {
  std::uint64_t cost = costOf(node.name) + node.op.size() + node.domain.size() + node.overload.size();
  for (const auto* names : {&node.inputs, &node.outputs})
    for (const std::string& name : *names) cost += costOf(name);
  for (const RawAttribute& attribute : node.attributes) cost += costOf(attribute);
  return cost;
}

// Attributes by their names; of a call's and a function's own of one name the first counts.
using Named = std::unordered_map<std::string_view, const RawAttribute*>;

void requireEachOnce(const RawNode& node) {
  std::unordered_set<std::string_view> seen;
  for (const RawAttribute& attribute : node.attributes)
    if (!seen.insert(attribute.name).second)
      malformed(describe(node), "has the attribute " + quote(attribute.name) + " twice");
}

// In bodies of functions they were replaced by what is meant.
void requireNoReferences(const RawNode& node) {
  for (const RawAttribute& attribute : node.attributes)
    if (!attribute.reference.empty())
      malformed(describe(node),
                "attribute " + quote(attribute.name) + " refers to the attribute " + quote(attribute.reference),
                "references in bodies of functions only");
}

void requireDistinctInputs(const RawFunction& function) {
  std::unordered_set<std::string_view> seen;
  for (const std::string& name : function.inputs)
    if (!seen.insert(name).second) malformed(functionTitle(function), "has the input " + quote(name) + " twice");
}

// Absent ones at the end count as none.
void requireNoMoreInputs(const RawNode& node, std::size_t most) {
  std::size_t count = node.inputs.size();
  while (count > 0 && node.inputs[count - 1].empty()) --count;
  if (count > most)
    malformed(describe(node), "has " + std::to_string(count) + " inputs", std::to_string(most) + " at most");
}

using Numbers = std::set<std::int64_t>;

// Every N of "/N:" in a name.
void addNumbersIn(const std::string& name, Numbers& numbers) {
  for (std::size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
    std::int64_t number = 0;
    const char* const end = name.data() + name.size();
    const auto [rest, error] = std::from_chars(name.data() + slash + 1, end, number);
    if (error == std::errc() && rest != end && *rest == ':') numbers.insert(number);
  }
}

void addNumbersIn(const std::vector<RawNode>& nodes, Numbers& numbers) {
  for (const RawNode& node : nodes)
    for (const auto* names : {&node.inputs, &node.outputs})
      for (const std::string& name : *names) addNumbersIn(name, numbers);
}

// Values of what is written out are called NODE/N:VALUE. An N that no value of the model has keeps them apart from
// those.
Numbers numbersIn(const RawModel& model) {
  Numbers numbers;
  addNumbersIn(model.nodes, numbers);
  for (const RawFunction& function : model.functions) {
    addNumbersIn(function.nodes, numbers);
    for (const auto* names : {&function.inputs, &function.outputs})
      for (const std::string& name : *names) addNumbersIn(name, numbers);
  }
  for (const RawInput& input : model.inputs) addNumbersIn(input.name, numbers);
  for (const RawTensor& tensor : model.initialisers) addNumbersIn(tensor.name, numbers);
  for (const std::string& name : model.sparseInitialisers) addNumbersIn(name, numbers);
  return numbers;
}

class Expander {
 public:
  Expander(const RawModel& model, std::int64_t opset, const std::string& name)
      : opset_(opset),
        name_(name),
        numbersTaken_(numbersIn(model)),
        left_(static_cast<std::uint64_t>(
            limits::withBytes(budgets().modelBytes, limits::kModelPartsPerByte, model.fileBytes))) {
    for (const RawFunction& function : model.functions) {
      if (!functions_.emplace(functionKey(function.domain, function.name, function.overload), &function).second)
        malformed(functionTitle(function), "appears twice");
      requireDistinctInputs(function);
    }
  }

  // Composites are written in the standard's operators, whatever functions the model has of these names.
  void add(RawNode node, int depth, bool ofComposite = false) {
    if (depth > kDeepest || std::ssize(out_) > kMaxNodes)
      malformed(name_, "holds functions that contain one another or grow without end");
    requireNoReferences(node);
    const RawFunction* function = ofComposite ? nullptr : functionOf(node);
    const Composite* composite = function ? nullptr : findComposite(node);
    if (!function && !composite) return out_.push_back(std::move(node));
    requireEachOnce(node);
    if (function) return inlined(*function, node, depth);
    compose(node, *composite, depth);
  }

  std::vector<RawNode> take() { return std::move(out_); }

 private:
  const RawFunction* functionOf(const RawNode& node) const {
    const auto found = functions_.find(functionKey(node.domain, node.op, node.overload));
    if (found != functions_.end()) return found->second;
    if (!node.overload.empty())
      malformed(describe(node), "calls the overload " + quote(node.overload), "one that there is");
    return nullptr;
  }

  std::string prefixOf(const RawNode& node) {
    while (numbersTaken_.count(count_) != 0) ++count_;
    return (node.name.empty() ? node.op : node.name) + "/" + std::to_string(count_++) + ":";
  }

  using Names = std::unordered_map<std::string, std::string>;  // of a function's values, within the model

  void requireLeft(std::uint64_t bytes) const {
    if (bytes > left_)
      malformed(name_, "names and attributes grow without end where functions and operators are written out", "",
                "if it is a real model after all, allow more (--budget model=SIZE)");
  }

  // Before anything of that size is made, and for what takes time alone.
  void charge(std::uint64_t bytes) {
    requireLeft(bytes);
    left_ -= bytes;
  }

  // At most one name for each input and a few dozen others begin with the node's.
  void compose(const RawNode& node, const Composite& composite, int depth) {
    constexpr std::uint64_t kNames = 64;
    requireNoMoreInputs(node, mostInputs(composite));
    requireLeft(costOf(node.name) * (node.inputs.size() + kNames));
    std::vector<RawNode> nodes;
    Composer composer(node, node.opset ? node.opset : opset_, prefixOf(node), nodes);
    onnx_import::compose(composite, composer);
    for (RawNode& inner : nodes) {
      charge(costOf(inner));
      add(std::move(inner), depth + 1, true);
    }
  }

  void inlined(const RawFunction& function, const RawNode& call, int depth) {
    requireNoMoreInputs(call, function.inputs.size());
    const std::string prefix = prefixOf(call);
    Names names = bound(function, call);
    const Named attributes = attributesOf(function, call);
    for (const RawNode& inner : function.nodes) {
      charge(costOf(prefix) + inner.name.size() + inner.op.size() + inner.domain.size() + inner.overload.size());
      RawNode node{prefix + inner.name, inner.op, inner.domain, {}, {}, {}, inner.opset ? inner.opset : function.opset};
      node.inputs = renamed(inner.inputs, prefix, names);
      node.outputs = renamed(inner.outputs, prefix, names);
      node.attributes = resolved(inner.attributes, attributes);
      node.overload = inner.overload;
      add(std::move(node), depth + 1);
    }
  }

  Names bound(const RawFunction& function, const RawNode& call) {
    Names names;
    for (std::size_t i = 0; i < function.inputs.size(); ++i) {
      const std::string given = i < call.inputs.size() ? call.inputs[i] : "";
      charge(costOf(function.inputs[i]) + costOf(given));
      names[function.inputs[i]] = given;
    }
    for (std::size_t i = 0; i < function.outputs.size(); ++i)
      if (i < call.outputs.size() && !call.outputs[i].empty()) bindOutput(function, i, call.outputs[i], names);
    return names;
  }

  // An input handed on as an output has two names.
  void bindOutput(const RawFunction& function, std::size_t index, const std::string& output, Names& names) {
    charge(costOf(function.outputs[index]) + costOf(output));
    const auto [known, isNew] = names.emplace(function.outputs[index], output);
    if (isNew) return;
    charge(2 * costOf(output) + costOf(known->second));
    out_.push_back({prefixOf({}) + output, "Identity", "", {known->second}, {output}, {}, opset_});
  }

  // What is neither input nor output is named after the call.
  std::vector<std::string> renamed(const std::vector<std::string>& values, const std::string& prefix, Names& names) {
    std::vector<std::string> result;
    for (const std::string& value : values) {
      auto known = names.find(value);
      if (known == names.end() && !value.empty()) {
        charge(2 * costOf(value) + prefix.size());
        known = names.emplace(value, prefix + value).first;
      }
      result.push_back(value.empty() ? "" : known->second);
      charge(costOf(result.back()));
    }
    return result;
  }

  // Those of the call, and for want of them the function's own.
  Named attributesOf(const RawFunction& function, const RawNode& call) {
    Named named;
    for (const auto* list : {&call.attributes, &function.defaults})
      for (const RawAttribute& attribute : *list) {
        charge(sizeof(Named::value_type));
        named.emplace(attribute.name, &attribute);
      }
    return named;
  }

  // References as the values that are meant; one that neither call nor function has stays out.
  std::vector<RawAttribute> resolved(const std::vector<RawAttribute>& attributes, const Named& named) {
    std::vector<RawAttribute> result;
    for (const RawAttribute& attribute : attributes) {
      const RawAttribute* meant = &attribute;
      if (!attribute.reference.empty()) {
        const auto found = named.find(attribute.reference);
        meant = found == named.end() ? nullptr : found->second;
      }
      charge(costOf(meant ? *meant : attribute) + attribute.name.size());
      if (!meant) continue;
      result.push_back(*meant);
      result.back().name = attribute.name;
    }
    return result;
  }

  std::int64_t opset_;
  const std::string& name_;
  Numbers numbersTaken_;
  std::uint64_t left_;  // bytes that names and attributes may still take
  std::map<Key, const RawFunction*> functions_;
  std::vector<RawNode> out_;
  std::int64_t count_ = 0;
};

}  // namespace

std::string functionTitle(const RawFunction& function) {
  const std::string title =
      "function " + quote(isStandard(function.domain) ? function.name : function.domain + "::" + function.name);
  return function.overload.empty() ? title : title + ", overload " + quote(function.overload);
}

void expandFunctions(RawModel& model, std::int64_t opset, const std::string& name) {
  Expander expander(model, opset, name);
  for (RawNode& node : model.nodes) expander.add(std::move(node), 0);
  model.nodes = expander.take();
}

}  // namespace relprop::onnx_import

#include "graph/graph.h"

#include <utility>

#include "relprop/error.h"

namespace relprop {

namespace {

// The attribute as T, null when it is absent. The importer checks types, so another type is a defect of relprop.
template <class T>
const T* find(const Node& node, const std::string& key) {
  auto it = node.attrs.find(key);
  if (it == node.attrs.end()) return nullptr;
  if (const T* value = std::get_if<T>(&it->second)) return value;
  throw Error(ErrorCode::Internal, "node '" + node.name + "'", "attribute '" + key + "' is of another type");
}

template <class T>
T valueOr(const T* value, T fallback) {
  return value ? *value : std::move(fallback);
}

}  // namespace

std::int64_t Node::intAttr(const std::string& key, std::int64_t fallback) const {
  return valueOr(find<std::int64_t>(*this, key), fallback);
}

float Node::floatAttr(const std::string& key, float fallback) const {
  return valueOr(find<float>(*this, key), fallback);
}

std::string Node::stringAttr(const std::string& key, const std::string& fallback) const {
  return valueOr(find<std::string>(*this, key), fallback);
}

std::vector<std::int64_t> Node::intsAttr(const std::string& key, std::vector<std::int64_t> fallback) const {
  return valueOr(find<std::vector<std::int64_t>>(*this, key), std::move(fallback));
}

std::vector<float> Node::floatsAttr(const std::string& key) const {
  return valueOr(find<std::vector<float>>(*this, key), {});
}

ValueId Graph::addValue(Value value) {
  values.push_back(std::move(value));
  return static_cast<ValueId>(values.size()) - 1;
}

ValueId Graph::addConstant(const std::string& name, Constant constant) {
  Value value;
  value.name = name;
  value.dtype = constant.dtype;
  value.shape = constant.shape;
  value.hasShape = true;
  value.constant = std::make_shared<const Constant>(std::move(constant));
  return addValue(std::move(value));
}

Uses usesOf(const Graph& graph) {
  Uses uses{std::vector<int>(graph.values.size(), -1), std::vector<std::vector<int>>(graph.values.size())};
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (ValueId id : graph.nodes[i].inputs)
      if (id != kNoValue) uses.consumers[static_cast<std::size_t>(id)].push_back(static_cast<int>(i));
    for (ValueId id : graph.nodes[i].outputs)
      if (id != kNoValue) uses.producer[static_cast<std::size_t>(id)] = static_cast<int>(i);
  }
  return uses;
}

}  // namespace relprop

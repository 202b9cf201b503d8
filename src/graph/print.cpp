#include "graph/print.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>

namespace relprop {

namespace {

std::string shapeText(const Value& value) {
  if (!value.hasShape) return "[?]";
  std::string text;
  for (std::int64_t extent : value.shape)
    text += (text.empty() ? "" : "×") + (extent < 0 ? "?" : std::to_string(extent));
  return fmt::format("[{}]", text);
}

const char* dtypeText(DType dtype) {
  switch (dtype) {
    case DType::Float:
      return "";
    case DType::Int64:
      return ":int64";
    case DType::Bool:
      return ":bool";
    case DType::Other:
      break;
  }
  return ":other";
}

std::string valueText(const Graph& graph, ValueId id) {
  if (id == kNoValue) return "-";
  const Value& value = graph.value(id);
  return value.name + shapeText(value) + dtypeText(value.dtype) + (value.constant ? "*" : "");
}

std::string valuesText(const Graph& graph, const std::vector<ValueId>& ids) {
  std::string text;
  for (ValueId id : ids) text += (text.empty() ? "" : " ") + valueText(graph, id);
  return text;
}

struct AttributeText {
  std::string operator()(std::int64_t v) const { return std::to_string(v); }
  std::string operator()(float v) const { return fmt::format("{}", v); }
  std::string operator()(const std::string& v) const { return v; }
  std::string operator()(const std::vector<std::int64_t>& v) const { return fmt::format("[{}]", fmt::join(v, " ")); }
  std::string operator()(const std::vector<float>& v) const { return fmt::format("[{}]", fmt::join(v, " ")); }
  std::string operator()(const Constant& v) const { return "tensor " + toString(v.shape); }
};

std::string attributesText(const Node& node) {
  std::string text;
  for (const auto& [key, value] : node.attrs)
    text += (text.empty() ? "" : " ") + key + "=" + std::visit(AttributeText{}, value);
  return text.empty() ? text : fmt::format("  {{{}}}", text);
}

}  // namespace

std::string toText(const Graph& graph, const Node& node) {
  std::string text = fmt::format("{}  {}  {} → {}{}", node.name, opName(node.op), valuesText(graph, node.inputs),
                                 valuesText(graph, node.outputs), attributesText(node));
  if (!node.folded.empty()) text += fmt::format("  (holds {})", fmt::join(node.folded, ", "));
  return text;
}

std::string toText(const Graph& graph) {
  std::string text = fmt::format("inputs: {}\n", valuesText(graph, graph.inputs));
  for (const Node& node : graph.nodes) text += toText(graph, node) + "\n";
  return text + fmt::format("outputs: {}\n", valuesText(graph, graph.outputs));
}

}  // namespace relprop

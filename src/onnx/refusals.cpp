#include "onnx/refusals.h"

#include <algorithm>

#include "onnx/failure.h"

namespace relprop::onnx_import {

void Refusals::add(const std::string& what, const std::string& node) {
  auto& nodes = nodes_[what];
  if (nodes.empty()) kinds_.push_back(what);
  nodes.push_back(node);
}

std::string Refusals::describe(const std::string& what) const {
  constexpr std::size_t kShown = 5;
  const auto& nodes = nodes_.at(what);
  std::string text = what + " (" + std::to_string(nodes.size()) + "×: ";
  for (std::size_t i = 0; i < std::min(kShown, nodes.size()); ++i) text += (i ? ", " : "") + quote(nodes[i]);
  return text + (nodes.size() > kShown ? ", …)" : ")");
}

void Refusals::throwIfAny(const std::string& file) const {
  if (kinds_.empty()) return;
  std::string text;
  for (const std::string& what : kinds_) text += (text.empty() ? "not supported: " : "; ") + describe(what);
  unsupported(file, text, "the operators of docs/operators.md",
              "export it again with standard operators, ONNX opset 25 or lower, before another program optimises it");
}

}  // namespace relprop::onnx_import

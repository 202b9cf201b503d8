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
  constexpr std::size_t kShown = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(kShown, kinds_.size()); ++i)
    text += (text.empty() ? "not supported: " : "; ") + describe(kinds_[i]);
  if (kinds_.size() > kShown) text += "; and " + std::to_string(kinds_.size() - kShown) + " more";
  unsupported(file, text, "the operators of docs/operators.md",
              "export it again with standard operators, ONNX opset 25 or lower, before another program optimises it");
}

}  // namespace relprop::onnx_import

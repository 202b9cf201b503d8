// Operators that are written as several others before the import. A row gives the body in a small notation, or a
// function that builds it where the inputs or attributes decide what it is. Adding one is a row in the table of one of
// the files composites_*.cpp; tests run every one of them against its definition.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "onnx/raw_model.h"

namespace relprop::onnx_import {

// Writes nodes for one node of the file.
class Composer {
 public:
  Composer(const RawNode& node, std::int64_t opset, std::string prefix, std::vector<RawNode>& out)
      : node_(node), opset_(opset), prefix_(std::move(prefix)), out_(out) {}

  using Value = std::variant<std::int64_t, float, std::vector<std::int64_t>, std::vector<float>, std::string>;
  using Attributes = std::vector<std::pair<std::string, Value>>;

  const RawNode& node() const { return node_; }
  std::int64_t opset() const { return opset_; }  // of the file's node; what is written is in the modern form
  bool has(std::size_t input) const { return input < node_.inputs.size() && !node_.inputs[input].empty(); }
  std::string in(std::size_t input) const { return has(input) ? node_.inputs[input] : ""; }
  std::string out(std::size_t output) const;  // a name of its own where the file has none
  bool wanted(std::size_t output) const { return output < node_.outputs.size() && !node_.outputs[output].empty(); }
  const RawAttribute* attribute(std::string_view name) const;
  std::int64_t intAttr(std::string_view name, std::int64_t fallback) const;
  float floatAttr(std::string_view name, float fallback) const;
  std::string stringAttr(std::string_view name, const std::string& fallback) const;
  std::vector<std::int64_t> intsAttr(std::string_view name) const;

  // Appends a node and returns the name of its output.
  std::string add(const std::string& op, std::vector<std::string> inputs, const Attributes& attributes = {},
                  const std::string& output = {});
  RawNode& addNode(const std::string& op, std::vector<std::string> inputs, const Attributes& attributes,
                   std::vector<std::string> outputs);
  std::string constant(const Value& value);
  std::string fresh();
  [[noreturn]] void refuse(const std::string& what, const std::string& expected = {}) const;

 private:
  const RawNode& node_;
  std::int64_t opset_;
  std::string prefix_;
  std::vector<RawNode>& out_;
  int count_ = 0;
};

// Statements "a, b = Op<key=value, …>(x, y); …" over the inputs and outputs that the row names. A value is a number (a
// float where it has a point), a list of numbers, a text in quotes, or $name:default, the attribute of the call;
// without a default an attribute that is missing stays out. Numbers as operands are constants.
// Inputs beyond those that a row names are refused; a * behind the last name stands for any number.
struct Composite {
  const char *domain, *op, *inputs, *outputs;  // outputs only with a body
  const char* attributes;                      // as in OpRule
  const char* body;                            // null: build
  void (*build)(Composer&) = nullptr;
  bool (*applies)(const RawNode&) = nullptr;  // null: always
};

std::size_t mostInputs(const Composite& composite);
const Composite* findComposite(const RawNode& node);
std::vector<std::string> compositeNames();  // "Selu", "com.microsoft::FastGelu"

// Throws UnsupportedModel, MalformedModel.
void compose(const Composite& composite, Composer& composer);

// The tables.
std::span<const Composite> arithmeticComposites();
std::span<const Composite> normalisationComposites();
std::span<const Composite> attentionComposites();
std::span<const Composite> quantisedComposites();
std::span<const Composite> fusedComposites();

}  // namespace relprop::onnx_import

#include "onnx/composites.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <optional>
#include <unordered_map>

#include "onnx/failure.h"
#include "onnx/op_rules.h"
#include "onnx/topology.h"
#include "relprop/error.h"

namespace relprop::onnx_import {

namespace {

constexpr std::int64_t kModern = 22;  // the form that composites are written in

AttrKind kindOf(const Composer::Value& value) {
  static constexpr AttrKind kinds[] = {AttrKind::Int, AttrKind::Float, AttrKind::Ints, AttrKind::Floats,
                                       AttrKind::String};
  return kinds[value.index()];
}

Attribute attributeOf(const Composer::Value& value) {
  return std::visit([](const auto& v) { return Attribute(v); }, value);
}

// Reads the notation of Composite::body.
class Reader {
 public:
  Reader(std::string_view text, Composer& composer) : rest_(text), composer_(composer) {}

  void run(std::map<std::string, std::string>& names) {
    while (skip(), !rest_.empty()) {
      statement(names);
      skip();
      if (!rest_.empty()) take(';');
    }
  }

 private:
  void statement(std::map<std::string, std::string>& names) {
    std::vector<std::string> targets{word()};
    while (accept(',')) targets.push_back(word());
    take('=');
    const std::string op = word();
    const Composer::Attributes attributes = accept('<') ? attributeList() : Composer::Attributes{};
    std::vector<std::string> inputs = operands(names), outputs;
    for (const std::string& target : targets) {
      auto& name = names[target];
      if (name.empty()) name = composer_.fresh();
      outputs.push_back(name);
    }
    composer_.addNode(op, std::move(inputs), attributes, std::move(outputs));
  }

  std::vector<std::string> operands(const std::map<std::string, std::string>& names) {
    std::vector<std::string> inputs;
    take('(');
    while (!accept(')')) {
      inputs.push_back(operand(names));
      accept(',');
    }
    return inputs;
  }

  std::string operand(const std::map<std::string, std::string>& names) {
    skip();
    if (!std::isalpha(static_cast<unsigned char>(rest_.front()))) {
      const std::optional<Composer::Value> given = value();
      return given ? composer_.constant(*given) : "";
    }
    const auto known = names.find(word());
    return known == names.end() ? "" : known->second;
  }

  Composer::Attributes attributeList() {
    Composer::Attributes list;
    while (!accept('>')) {
      const std::string key = word();
      take('=');
      if (std::optional<Composer::Value> given = value()) list.emplace_back(key, *given);
      accept(',');
    }
    return list;
  }

  std::optional<Composer::Value> value() {
    skip();
    if (accept('$')) return ofCall();
    if (accept('\'')) return text();
    if (accept('[')) return list();
    return number();
  }

  std::optional<Composer::Value> ofCall() {
    const RawAttribute* given = composer_.attribute(word());
    const std::optional<Composer::Value> fallback = accept(':') ? value() : std::nullopt;
    if (!given) return fallback;
    if (const auto* i = std::get_if<std::int64_t>(&given->value)) return *i;
    if (const auto* f = std::get_if<float>(&given->value)) return *f;
    if (const auto* s = std::get_if<std::string>(&given->value)) return *s;
    if (const auto* is = std::get_if<std::vector<std::int64_t>>(&given->value)) return *is;
    if (const auto* fs = std::get_if<std::vector<float>>(&given->value)) return *fs;
    return fallback;
  }

  Composer::Value text() {
    const std::size_t end = rest_.find('\'');
    std::string result(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return result;
  }

  Composer::Value list() {
    std::vector<std::int64_t> numbers;
    while (!accept(']')) {
      numbers.push_back(std::get<std::int64_t>(number()));
      accept(',');
    }
    return numbers;
  }

  Composer::Value number() {
    const std::size_t size = std::min(rest_.size(), rest_.find_first_not_of("+-.0123456789e"));
    const std::string_view digits = rest_.substr(0, size);
    rest_.remove_prefix(size);
    if (digits.find_first_of(".e") != std::string_view::npos) {
      float result = 0;
      std::from_chars(digits.data(), digits.data() + digits.size(), result);
      return result;
    }
    std::int64_t result = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), result);
    return result;
  }

  std::string word() {
    skip();
    std::size_t size = 0;
    while (size < rest_.size() && (std::isalnum(static_cast<unsigned char>(rest_[size])) || rest_[size] == '_')) ++size;
    if (size == 0) broken();
    std::string result(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return result;
  }

  void skip() {
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_.front()))) rest_.remove_prefix(1);
  }
  bool accept(char c) {
    skip();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void take(char c) {
    if (!accept(c)) broken();
  }
  [[noreturn]] void broken() const {
    throw Error(ErrorCode::Internal, "composite " + composer_.node().op, "'" + std::string(rest_.substr(0, 20)) + "'",
                "a statement");
  }

  std::string_view rest_;
  Composer& composer_;
};

std::vector<std::string> wordsOf(std::string_view list) {
  std::vector<std::string> words;
  while (!list.empty()) {
    const std::string_view word = list.substr(0, list.find(' '));
    list.remove_prefix(std::min(list.size(), word.size() + 1));
    words.emplace_back(word);
  }
  return words;
}

void checkAttributes(const Composite& composite, const RawNode& node) {
  for (const RawAttribute& attribute : node.attributes) {
    const AttributeRule known = attributeRule(composite.attributes, attribute.name);
    if (!known.known) unsupported(describe(node), "attribute " + quote(attribute.name));
    if (!known.dropped && known.kind != attribute.kind)
      malformed(describe(node), "attribute " + quote(attribute.name) + " is of the wrong type");
  }
}

template <class T>
T valueOr(const RawAttribute* attribute, T fallback) {
  const T* given = attribute ? std::get_if<T>(&attribute->value) : nullptr;
  return given ? *given : fallback;
}

std::vector<std::span<const Composite>> tables() {
  return {arithmeticComposites(), normalisationComposites(), attentionComposites(), quantisedComposites(),
          fusedComposites()};
}

std::string keyOf(const std::string& domain, const std::string& op) {
  return domain.empty() || domain == "ai.onnx" ? op : domain + "::" + op;
}

}  // namespace

std::string Composer::out(std::size_t output) const {
  return wanted(output) ? node_.outputs[output] : prefix_ + "unused" + std::to_string(output);
}

const RawAttribute* Composer::attribute(std::string_view name) const {
  const auto found = std::find_if(node_.attributes.begin(), node_.attributes.end(),
                                  [&](const RawAttribute& a) { return a.name == name; });
  return found == node_.attributes.end() ? nullptr : &*found;
}

std::int64_t Composer::intAttr(std::string_view name, std::int64_t fallback) const {
  return valueOr(attribute(name), fallback);
}
float Composer::floatAttr(std::string_view name, float fallback) const {
  return valueOr(attribute(name), fallback);
}
std::string Composer::stringAttr(std::string_view name, const std::string& fallback) const {
  return valueOr(attribute(name), fallback);
}
std::vector<std::int64_t> Composer::intsAttr(std::string_view name) const {
  return valueOr(attribute(name), std::vector<std::int64_t>{});
}

std::string Composer::fresh() {
  return prefix_ + std::to_string(count_++);
}

RawNode& Composer::addNode(const std::string& op, std::vector<std::string> inputs, const Attributes& attributes,
                           std::vector<std::string> outputs) {
  RawNode node{prefix_ + op + std::to_string(out_.size()), op, "", std::move(inputs), std::move(outputs), {}, kModern};
  for (const auto& [name, value] : attributes)
    node.attributes.push_back({name, kindOf(value), attributeOf(value), {}, {}});
  out_.push_back(std::move(node));
  return out_.back();
}

std::string Composer::add(const std::string& op, std::vector<std::string> inputs, const Attributes& attributes,
                          const std::string& output) {
  const std::string name = output.empty() ? fresh() : output;
  addNode(op, std::move(inputs), attributes, {name});
  return name;
}

std::string Composer::constant(const Value& value) {
  static constexpr const char* names[] = {"value_int", "value_float", "value_ints", "value_floats", "value_string"};
  return add("Constant", {}, {{names[value.index()], value}});
}

void Composer::refuse(const std::string& what, const std::string& expected) const {
  unsupported(describe(node_), what, expected);
}

std::size_t mostInputs(const Composite& composite) {
  const std::string_view names = composite.inputs;
  return names.ends_with('*') ? std::string::npos : wordsOf(names).size();
}

const Composite* findComposite(const RawNode& node) {
  static const auto index = [] {
    std::unordered_map<std::string, const Composite*> map;
    for (std::span<const Composite> table : tables())
      for (const Composite& row : table) map.emplace(keyOf(row.domain, row.op), &row);
    return map;
  }();
  const auto found = index.find(keyOf(node.domain, node.op));
  const Composite* row = found == index.end() ? nullptr : found->second;
  return row && (!row->applies || row->applies(node)) ? row : nullptr;
}

std::vector<std::string> compositeNames() {
  std::vector<std::string> names;
  for (std::span<const Composite> table : tables())
    for (const Composite& row : table) names.push_back(keyOf(row.domain, row.op));
  return names;
}

void compose(const Composite& composite, Composer& composer) {
  checkAttributes(composite, composer.node());
  if (composite.build) return composite.build(composer);
  std::map<std::string, std::string> names;
  const std::vector<std::string> inputs = wordsOf(composite.inputs), outputs = wordsOf(composite.outputs);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (composer.has(i)) names[inputs[i]] = composer.in(i);
  for (std::size_t i = 0; i < outputs.size(); ++i) names[outputs[i]] = composer.out(i);
  Reader(composite.body, composer).run(names);
}

}  // namespace relprop::onnx_import

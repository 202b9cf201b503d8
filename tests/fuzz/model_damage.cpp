#include "fuzz/model_damage.h"

#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#include <onnx/onnx_pb.h>

#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "fuzz/dice.h"
#include "fuzz/harness.h"
#include "onnx/op_rules.h"

namespace relprop::fuzz {
namespace {

using Field = google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::size_t kLargest = 1 << 16;  // of a damaged model, in bytes

const std::vector<std::int64_t> kIntegers = {
    0, -1, 1, 2, 3, 4, 5, 7, 8, 64, 255, INT32_MAX, INT32_MIN, 1LL << 31, 1LL << 62, INT64_MAX, INT64_MIN};
const std::vector<double> kReals = {0,
                                    -0.0,
                                    1,
                                    -1,
                                    0.5,
                                    1e-30,
                                    1e30,
                                    std::numeric_limits<float>::max(),
                                    std::numeric_limits<double>::infinity(),
                                    std::numeric_limits<double>::quiet_NaN()};

class ModelDamage : Dice {
 public:
  ModelDamage(onnx::ModelProto& model, std::mt19937& random) : Dice(random), model_(model) {}

  void once() {
    if (below(4) == 0) return insertNode();
    messages_.clear(), strings_.clear();
    collect(model_);
    // Without its graph or operators a model is refused at once.
    std::size_t which = below(messages_.size());
    if (which == 0 && below(8) != 0) which = below(messages_.size());
    Message& message = *messages_[which];
    const Field& field = *message.GetDescriptor()->field(
        static_cast<int>(below(static_cast<std::size_t>(message.GetDescriptor()->field_count()))));
    if (field.is_repeated())
      changeList(message, field);
    else
      change(message, field);
  }

 private:
  // All messages that are there, and the names among their strings.
  void collect(Message& message) {
    messages_.push_back(&message);
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    std::vector<const Field*> fields;
    reflection.ListFields(message, &fields);
    for (const Field* field : fields) {
      const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
      for (int i = 0; i < count; ++i) visit(message, *field, i);
    }
  }
  void visit(Message& message, const Field& field, int i) {
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    if (field.cpp_type() == Field::CPPTYPE_MESSAGE)
      collect(field.is_repeated() ? *reflection.MutableRepeatedMessage(&message, &field, i)
                                  : *reflection.MutableMessage(&message, &field));
    else if (field.type() == Field::TYPE_STRING)
      strings_[kindOf(field)].push_back(field.is_repeated() ? reflection.GetRepeatedString(message, &field, i)
                                                            : reflection.GetString(message, &field));
  }
  // Names that stand for one another: nodes read and make what inputs and initialisers are called.
  static std::string kindOf(const Field& field) {
    static const std::set<std::string> values = {"onnx.NodeProto.input", "onnx.NodeProto.output",
                                                 "onnx.ValueInfoProto.name", "onnx.TensorProto.name"};
    return values.count(field.full_name()) != 0 ? "value" : field.full_name();
  }
  // Another name of that kind.
  const std::string& nameLike(const Field& field) {
    static const std::vector<std::string> operators = onnx_import::supportedOperators(), none = {""};
    if (field.name() == "op_type") return oneOf(operators);
    const std::vector<std::string>& names = strings_[kindOf(field)];
    return oneOf(names.empty() ? none : names);
  }

  // An operator between a node and what reads its first output, with up to two more operands of the graph's.
  void insertNode() {
    onnx::GraphProto& graph = *model_.mutable_graph();
    if (graph.node_size() == 0) return;
    static const std::vector<std::string> operators = onnx_import::supportedOperators();
    const int at = static_cast<int>(below(static_cast<std::size_t>(graph.node_size())));
    onnx::NodeProto& before = *graph.mutable_node(at);
    if (before.output_size() == 0) return;
    onnx::NodeProto node;
    node.set_op_type(oneOf(operators));
    node.add_output(before.output(0));
    before.set_output(0, "inserted" + std::to_string(inserted_++));
    node.add_input(before.output(0));
    for (std::size_t more = below(3); more > 0 && graph.initializer_size() > 0; --more)
      node.add_input(
          graph.initializer(static_cast<int>(below(static_cast<std::size_t>(graph.initializer_size())))).name());
    if (before.attribute_size() > 0 && below(2) == 0) *node.mutable_attribute() = before.attribute();
    *graph.add_node() = node;
    for (int i = graph.node_size() - 1; i > at + 1; --i) graph.mutable_node()->SwapElements(i, i - 1);
  }

  std::int64_t integer(std::int64_t old) {
    const std::size_t way = below(4);
    if (way == 0) return static_cast<std::int64_t>(static_cast<std::uint64_t>(old) + 1);
    if (way == 1) return static_cast<std::int64_t>(static_cast<std::uint64_t>(old) - 1);
    return oneOf(kIntegers);
  }
  // Another name of the model's, or the same with bytes changed; raw data keeps its length mostly.
  std::string text(const Field& field, std::string old) {
    const bool name = field.type() == Field::TYPE_STRING;
    if (name && below(8) != 0) return nameLike(field);
    if (old.empty()) return std::string(below(9), '\0');
    const std::size_t at = below(old.size());
    switch (below(name ? 3 : 6)) {
      case 0:
        return old.substr(0, at);
      case 1:
        return old + old.substr(at);
      default:
        for (std::size_t i = at; i < std::min(old.size(), at + 1 + below(8)); ++i)
          old[i] = static_cast<char>(name ? old[i] ^ (1 << below(8)) : static_cast<int>(random_()));
        return old;
    }
  }
  // A copy of another message of the kind, if there is one.
  std::unique_ptr<Message> another(const google::protobuf::Descriptor& kind) {
    std::vector<const Message*> all;
    for (const Message* message : messages_)
      if (message->GetDescriptor() == &kind) all.push_back(message);
    if (all.empty()) return nullptr;
    const Message& one = *oneOf(all);
    std::unique_ptr<Message> copy(one.New());
    copy->CopyFrom(one);
    return copy;
  }

  void change(Message& message, const Field& field) {
    const google::protobuf::Reflection& r = *message.GetReflection();
    if (r.HasField(message, &field) && below(4) == 0) return r.ClearField(&message, &field);
    switch (field.cpp_type()) {
      case Field::CPPTYPE_INT32:
        return r.SetInt32(&message, &field, static_cast<std::int32_t>(integer(r.GetInt32(message, &field))));
      case Field::CPPTYPE_INT64:
        return r.SetInt64(&message, &field, integer(r.GetInt64(message, &field)));
      case Field::CPPTYPE_UINT32:
        return r.SetUInt32(&message, &field, static_cast<std::uint32_t>(integer(r.GetUInt32(message, &field))));
      case Field::CPPTYPE_UINT64:
        return r.SetUInt64(&message, &field, static_cast<std::uint64_t>(oneOf(kIntegers)));
      case Field::CPPTYPE_DOUBLE:
        return r.SetDouble(&message, &field, oneOf(kReals));
      case Field::CPPTYPE_FLOAT:
        return r.SetFloat(&message, &field, static_cast<float>(oneOf(kReals)));
      case Field::CPPTYPE_BOOL:
        return r.SetBool(&message, &field, below(2) == 0);
      case Field::CPPTYPE_ENUM:
        return r.SetEnumValue(&message, &field, static_cast<int>(below(24)));
      case Field::CPPTYPE_STRING:
        return r.SetString(&message, &field, text(field, r.GetString(message, &field)));
      case Field::CPPTYPE_MESSAGE:
        if (const std::unique_ptr<Message> copy = another(*field.message_type()))
          r.MutableMessage(&message, &field)->CopyFrom(*copy);
        return;
    }
  }

  // An element goes, changes places, or comes a second time; or one gets another value.
  void changeList(Message& message, const Field& field) {
    const google::protobuf::Reflection& r = *message.GetReflection();
    const auto count = static_cast<std::size_t>(r.FieldSize(message, &field));
    const std::size_t way = count == 0 ? 2 : below(4);
    if (way == 2) return add(message, field, -1);
    const int i = static_cast<int>(below(count)), j = static_cast<int>(below(count));
    if (way == 3 && field.cpp_type() != Field::CPPTYPE_MESSAGE) {
      add(message, field, i);
      r.SwapElements(&message, &field, i, static_cast<int>(count));
      return r.RemoveLast(&message, &field);
    }
    r.SwapElements(&message, &field, i, j);
    if (way == 0) r.RemoveLast(&message, &field);
  }
  // One made of element `like`; -1: of none.
  void add(Message& message, const Field& field, int like) {
    const google::protobuf::Reflection& r = *message.GetReflection();
    const auto number = [&](std::int64_t old) { return like < 0 ? oneOf(kIntegers) : integer(old); };
    switch (field.cpp_type()) {
      case Field::CPPTYPE_INT32:
        return r.AddInt32(&message, &field,
                          static_cast<std::int32_t>(number(like < 0 ? 0 : r.GetRepeatedInt32(message, &field, like))));
      case Field::CPPTYPE_INT64:
        return r.AddInt64(&message, &field, number(like < 0 ? 0 : r.GetRepeatedInt64(message, &field, like)));
      case Field::CPPTYPE_UINT32:
        return r.AddUInt32(&message, &field, static_cast<std::uint32_t>(oneOf(kIntegers)));
      case Field::CPPTYPE_UINT64:
        return r.AddUInt64(&message, &field, static_cast<std::uint64_t>(oneOf(kIntegers)));
      case Field::CPPTYPE_DOUBLE:
        return r.AddDouble(&message, &field, oneOf(kReals));
      case Field::CPPTYPE_FLOAT:
        return r.AddFloat(&message, &field, static_cast<float>(oneOf(kReals)));
      case Field::CPPTYPE_BOOL:
        return r.AddBool(&message, &field, below(2) == 0);
      case Field::CPPTYPE_ENUM:
        return r.AddEnumValue(&message, &field, static_cast<int>(below(24)));
      case Field::CPPTYPE_STRING:
        return r.AddString(&message, &field,
                           like < 0 ? nameLike(field) : text(field, r.GetRepeatedString(message, &field, like)));
      case Field::CPPTYPE_MESSAGE:
        if (const std::unique_ptr<Message> copy = another(*field.message_type()))
          r.AddMessage(&message, &field)->CopyFrom(*copy);
        return;
    }
  }

  onnx::ModelProto& model_;
  std::vector<Message*> messages_;
  std::map<std::string, std::vector<std::string>> strings_;
  int inserted_ = 0;
};

}  // namespace

std::optional<std::vector<std::uint8_t>> damagedModel(Bytes bytes, std::mt19937& random) {
  onnx::ModelProto model;
  if (bytes.size() > kLargest || !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return {};
  ModelDamage damage(model, random);
  for (std::size_t times = 1 + random() % 4; times > 0 && model.ByteSizeLong() <= kLargest; --times) damage.once();
  std::vector<std::uint8_t> result(model.ByteSizeLong());
  model.SerializeWithCachedSizesToArray(result.data());
  return result;
}

std::optional<std::vector<std::uint8_t>> damagedModelPart(Bytes bytes, std::mt19937& random) {
  for (const Part& part : partsOf(bytes)) {
    if (part.name != "model.onnx") continue;
    const std::optional<std::vector<std::uint8_t>> damaged = damagedModel(part.bytes, random);
    if (!damaged) return {};
    return withPart(bytes, part.bytes, *damaged);
  }
  return {};
}

}  // namespace relprop::fuzz

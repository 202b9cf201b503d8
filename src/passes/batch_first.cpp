// Values whose first axis is not the batch. Exporters write attention with the sequence in front, or with batch and
// heads as one axis. Such a value is computed in another form, in which the batch is an axis of its own, in front:
//
//   [.., outer·N·inner, ..]  →  [N, .., outer·inner, ..]      (axis `axis` of the original; dropped when outer·inner =
//   1)
//
// Every node that has such an operand is written anew for that form; the originals are left to die. Where the original
// has the batch in front again, its readers get what was computed that way.
#include <algorithm>
#include <map>
#include <optional>

#include "graph/edit.h"
#include "graph/op_traits.h"
#include "graph/shape_inference.h"
#include "passes/rewriters.h"
#include "passes/rewrites.h"

namespace relprop {

namespace {

constexpr int kAnywhere = -1;  // a batch of 1 may be put in front of any shape

struct Place {
  int axis = 0;
  std::int64_t outer = 1, inner = 1;
  bool operator==(const Place&) const = default;
};

bool isFirst(const Place& p) {
  return p.axis == 0 && p.outer == 1 && p.inner == 1;
}

bool dropped(const Place& p) {
  return p.axis != kAnywhere && p.outer * p.inner == 1;
}

Shape formShape(const Shape& shape, const Place& p, std::int64_t batch) {
  Shape form{batch};
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (static_cast<int>(i) != p.axis)
      form.push_back(shape[i]);
    else if (!dropped(p))
      form.push_back(p.outer * p.inner);
  }
  return form;
}

// Where an axis of the original lies in its form; kNoAxis for the one that is dropped.
constexpr int kNoAxis = -1;
int formAxis(int axis, const Place& p) {
  if (p.axis == kAnywhere || axis < p.axis) return axis + 1;
  if (axis == p.axis) return dropped(p) ? kNoAxis : axis + 1;
  return dropped(p) ? axis : axis + 1;
}

std::int64_t product(const Shape& shape, std::size_t from) {
  std::int64_t count = 1;
  for (std::size_t i = from; i < shape.size(); ++i) count *= shape[i];
  return count;
}

class BatchFirst {
 public:
  BatchFirst(Graph& graph, PassContext& context)
      : graph_(graph), context_(context), replacements_(graph), whole_(context.options.wholeInput) {
    batch_ = graph.value(graph.inputs[0]).shape.empty() ? 1 : graph.value(graph.inputs[0]).shape[0];
  }

  int run() {
    std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    int rewrites = 0;
    for (Node& node : nodes) {
      graph_.nodes.push_back(node);
      rewrites += rewrite(node);
    }
    if (whole_)
      for (ValueId output : graph_.outputs)
        if (displaced(output)) replacements_.add(output, forms_.at(output).value);
    replacements_.apply(graph_);
    return rewrites;
  }

 private:
  struct Form {
    Place place;
    ValueId value;
  };

  const Shape& shape(ValueId id) const { return graph_.value(id).shape; }
  bool displaced(ValueId id) const { return forms_.count(id) != 0; }

  // The form of any value that is not a constant.
  std::optional<Form> form(ValueId id) const {
    const auto found = forms_.find(id);
    if (found != forms_.end()) return found->second;
    if (whole_ && id != graph_.inputs[0]) return std::nullopt;
    const bool plain = !graph_.isConstant(id) && !shape(id).empty() && shape(id)[0] == batch_;
    return plain ? std::optional(Form{{}, id}) : std::nullopt;
  }

  bool anyDisplaced(const Node& node) const {
    return std::any_of(node.inputs.begin(), node.inputs.end(),
                       [&](ValueId id) { return id != kNoValue && displaced(id); });
  }

  ValueId reshaped(ValueId id, const Shape& to, const std::string& name) {
    if (shape(id) == to) return id;
    return appendNode(graph_, makeNode(name, Op::Reshape, {id}), to);
  }

  // The original's output is `value`, placed so.
  bool record(const Node& original, ValueId value, const Place& place) {
    const ValueId output = original.outputs[0];
    const bool first = isFirst(place) || (batch_ == 1 && !shape(output).empty() && shape(output)[0] == 1);
    if (first && !whole_)
      replacements_.add(output, reshaped(value, shape(output), original.name));
    else
      forms_[output] = {place, value};
    return true;
  }

  bool emit(const Node& original, std::vector<ValueId> inputs, std::map<std::string, Attribute> attrs,
            const Place& place) {
    Node node = original;
    node.inputs = std::move(inputs);
    node.attrs = std::move(attrs);
    return record(original, appendNode(graph_, node, formShape(shape(original.outputs[0]), place, batch_)), place);
  }

  // A batch of 1 is moved to where the form of another operand has it.
  std::optional<ValueId> placed(ValueId id, const Place& place) {
    const std::optional<Form> own = form(id);
    if (own && own->place == place) return own->value;
    if (!own || batch_ != 1) return std::nullopt;
    return reshaped(own->value, formShape(shape(id), place, 1), graph_.value(id).name + "/batch");
  }

  // An operand that is broadcast to `rank` axes, in the form that goes with `place` of the result.
  std::optional<ValueId> operand(ValueId id, const Place& place, std::size_t rank) {
    const int lead = static_cast<int>(rank - shape(id).size()), own = place.axis - lead;
    if (!graph_.isConstant(id)) {
      if (lead == 0) return placed(id, place);
      if (place.axis == kAnywhere) return spread(id, rank);
      return own < 0 ? std::nullopt : placed(id, {own, place.outer, place.inner});
    }
    if (place.axis == kAnywhere || own < 0) return id;
    if (shape(id)[static_cast<std::size_t>(own)] != 1) return std::nullopt;
    if (!dropped(place)) return id;
    Constant constant = *graph_.value(id).constant;
    constant.shape.erase(constant.shape.begin() + own);
    return graph_.addConstant(graph_.value(id).name, std::move(constant));
  }

  // The form of an operand of fewer axes than the result, where the batch of 1 is in front of them all.
  std::optional<ValueId> spread(ValueId id, std::size_t rank) {
    const std::optional<Form> own = form(id);
    if (!own) return std::nullopt;
    Shape to = shape(id);
    to.insert(to.begin(), rank + 1 - to.size(), 1);
    return reshaped(own->value, to, graph_.value(id).name + "/spread");
  }

  bool elementwise(const Node& node) {
    if (!anyDisplaced(node)) return false;
    const std::size_t rank = shape(node.outputs[0]).size();
    Place place;
    for (ValueId id : node.inputs)
      if (displaced(id) && (shape(id).size() == rank || form(id)->place.axis == kAnywhere)) place = form(id)->place;
    std::vector<ValueId> inputs;
    for (ValueId id : node.inputs) {
      const std::optional<ValueId> in = operand(id, place, rank);
      if (!in) return false;
      inputs.push_back(*in);
    }
    return emit(node, inputs, node.attrs, place);
  }

  // Weights and parameters are the same for all axes but the last ones.
  bool alongLast(const Node& node) {
    if (!displaced(node.inputs[0])) return false;
    const std::optional<Form> x = form(node.inputs[0]);
    const int rank = static_cast<int>(shape(node.inputs[0]).size());
    const int first = node.op == Op::LayerNormalization ? static_cast<int>(node.intAttr("axis", 0)) : rank - 1;
    if (x->place.axis >= first) return false;
    std::vector<ValueId> inputs = node.inputs;
    inputs[0] = x->value;
    std::map<std::string, Attribute> attrs = node.attrs;
    if (node.op == Op::LayerNormalization) attrs["axis"] = static_cast<std::int64_t>(formAxis(first, x->place));
    return emit(node, inputs, attrs, x->place);
  }

  bool softmax(const Node& node) {
    if (!displaced(node.inputs[0])) return false;
    const std::optional<Form> x = form(node.inputs[0]);
    const int axis = static_cast<int>(node.intAttr("axis", 0));
    if (axis == x->place.axis) return false;
    return emit(node, {x->value}, {{"axis", static_cast<std::int64_t>(formAxis(axis, x->place))}}, x->place);
  }

  bool matMul(const Node& node) {
    const Shape out = shape(node.outputs[0]);
    if (!anyDisplaced(node)) return false;
    const Place place = form(node.inputs[displaced(node.inputs[0]) ? 0 : 1])->place;
    if (place.axis >= static_cast<int>(out.size()) - 2) return false;
    const auto operand = [&](ValueId id) {
      if (place.axis == kAnywhere && !graph_.isConstant(id)) return spread(id, out.size());
      return shape(id).size() == out.size() ? placed(id, place) : std::nullopt;
    };
    const std::optional<ValueId> a = operand(node.inputs[0]), b = operand(node.inputs[1]);
    return a && b && emit(node, {*a, *b}, {}, place);
  }

  bool transpose(const Node& node) {
    const Shape perm = node.intsAttr("perm");
    const std::optional<Form> x = form(node.inputs[0]);
    if (!x || (!displaced(node.inputs[0]) && perm[0] == 0)) return false;
    Place place = x->place;
    Shape formPerm{0};
    for (std::size_t i = 0; i < perm.size(); ++i) {
      const int from = formAxis(static_cast<int>(perm[i]), x->place);
      if (from != kNoAxis) formPerm.push_back(from);
      if (static_cast<int>(perm[i]) == x->place.axis) place.axis = static_cast<int>(i);
    }
    if (std::is_sorted(formPerm.begin(), formPerm.end())) return record(node, x->value, place);
    return emit(node, {x->value}, {{"perm", formPerm}}, place);
  }

  // Where a batch that repeats every `stride`·N elements lies in a shape.
  std::optional<Place> placeOf(std::int64_t stride, const Shape& to) const {
    if (whole_) return Place{kAnywhere, 1, 1};
    for (std::size_t i = 0; i < to.size(); ++i) {
      const std::int64_t after = product(to, i + 1), whole = to[i] * after;
      if (batch_ == 1 && to[i] != 1) continue;
      if (stride % after != 0 || whole % (batch_ * stride) != 0) continue;
      return Place{static_cast<int>(i), whole / (batch_ * stride), stride / after};
    }
    return batch_ == 1 ? std::optional(Place{kAnywhere, 1, 1}) : std::nullopt;
  }

  bool reshape(const Node& node) {
    const ValueId in = node.inputs[0];
    const Shape& to = shape(node.outputs[0]);
    const std::optional<Form> x = form(in);
    const bool stays = !displaced(in) && !to.empty() && to[0] == batch_;
    if (!x || stays || node.inputs.size() != 1) return false;
    const bool known = x->place.axis != kAnywhere;
    const std::int64_t stride =
        known ? x->place.inner * product(shape(in), static_cast<std::size_t>(x->place.axis) + 1) : elementCount(to);
    const std::optional<Place> place = placeOf(stride, to);
    return place && record(node, reshaped(x->value, formShape(to, *place, batch_), node.name), *place);
  }

  bool slice(const Node& node) {
    if (!displaced(node.inputs[0])) return false;
    const std::optional<Form> x = form(node.inputs[0]);
    std::map<std::string, Attribute> attrs{
        {"axes", Shape{0}}, {"starts", Shape{0}}, {"ends", Shape{batch_}}, {"steps", Shape{1}}};
    const std::vector<SliceRange> ranges = sliceRanges(graph_, node);
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      const int axis = formAxis(static_cast<int>(i), x->place);
      const bool whole = ranges[i].count() == shape(node.inputs[0])[i] && ranges[i].step == 1;
      const bool batch = static_cast<int>(i) == x->place.axis;
      if (batch && !whole) return false;
      if (axis == kNoAxis) continue;
      append(attrs, "axes", axis);
      append(attrs, "starts", ranges[i].start);
      append(attrs, "ends", batch ? x->place.outer * x->place.inner : ranges[i].end);
      append(attrs, "steps", ranges[i].step);
    }
    return emit(node, {x->value}, attrs, x->place);
  }

  static void append(std::map<std::string, Attribute>& attrs, const char* key, std::int64_t value) {
    std::get<Shape>(attrs[key]).push_back(value);
  }

  // A constant beside values that have a batch of 1 in front.
  std::optional<ValueId> constantPart(ValueId id, const Place& place) {
    if (place.axis != kAnywhere) return std::nullopt;
    Constant constant = *graph_.value(id).constant;
    constant.shape.insert(constant.shape.begin(), 1);
    return graph_.addConstant(graph_.value(id).name, std::move(constant));
  }

  bool concat(const Node& node) {
    const auto moved = std::find_if(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return displaced(id); });
    if (moved == node.inputs.end()) return false;
    const Place place = form(*moved)->place;
    const int axis = static_cast<int>(node.intAttr("axis", 0));
    std::vector<ValueId> inputs;
    for (ValueId id : node.inputs) {
      const std::optional<ValueId> in = graph_.isConstant(id) ? constantPart(id, place) : placed(id, place);
      if (!in || axis == place.axis) return false;
      inputs.push_back(*in);
    }
    return emit(node, inputs, {{"axis", static_cast<std::int64_t>(formAxis(axis, place))}}, place);
  }

  static void shift(std::map<std::string, Attribute>& attrs, const char* key) {
    attrs[key] = std::get<std::int64_t>(attrs[key]) + 1;
  }

  // Nothing is a batch: ops that name their axes name the next ones, and all others see row after row as an image.
  bool first(const Node& node) {
    const std::optional<Form> x = node.inputs.empty() ? std::nullopt : form(node.inputs[0]);
    if (!x || !displaced(node.inputs[0]) || x->place.axis != kAnywhere || batch_ != 1) return false;
    std::map<std::string, Attribute> attrs = node.attrs;
    if (node.op == Op::Take) {
      const ValueId line = reshaped(x->value, shape(node.inputs[0]), node.name + "/line");
      return emit(node, {line}, attrs, {0, 1, 1});
    }
    if (node.op == Op::Resize && node.has("axis")) {
      shift(attrs, "axis");
      return emit(node, {x->value}, attrs, x->place);
    }
    if (node.op == Op::Pad && node.inputs.size() == 1) {
      Shape& pads = std::get<Shape>(attrs["pads"]);
      pads.insert(pads.begin() + static_cast<std::ptrdiff_t>(pads.size() / 2), 0);
      pads.insert(pads.begin(), 0);
      return emit(node, {x->value}, attrs, x->place);
    }
    return rowByRow(node, *x);
  }

  // Row `row` of what has a batch of 1 in front, as an image.
  ValueId rowOf(const Node& node, const Form& x, std::int64_t row) {
    const Shape whole = shape(x.value);
    const Node part = sliceAlong(node.name + "/row" + std::to_string(row), x.value, whole, 1, {row, row + 1, 1});
    Shape cut = whole;
    cut[1] = 1;
    cut.erase(cut.begin());
    const ValueId slice = appendNode(graph_, part, formShape(cut, x.place, 1));
    return reshaped(slice, cut, part.name + "/image");
  }

  bool rowByRow(const Node& node, const Form& x) {
    constexpr std::int64_t kNodesOfARow = 4;  // its slice, that as an image, what comes of it, and that in its form
    const Shape out = shape(node.outputs[0]);
    if (out.empty() || shape(node.inputs[0]).size() < 2 || out[0] != shape(node.inputs[0])[0]) return false;
    chargeNodes(node, kNodesOfARow * out[0], context_);
    Shape image = out;
    image[0] = 1;
    Node joined = makeNode(node.name + "/rows", Op::Concat);
    joined.attrs["axis"] = std::int64_t{1};
    for (std::int64_t row = 0; row < out[0]; ++row) {
      Node one = node;
      one.name += "/" + std::to_string(row);
      one.inputs[0] = rowOf(node, x, row);
      const ValueId y = appendNode(graph_, one, image);
      joined.inputs.push_back(reshaped(y, formShape(image, x.place, 1), one.name + "/form"));
    }
    return record(node, appendNode(graph_, joined, formShape(out, x.place, 1)), x.place);
  }

  bool rewrite(const Node& node) {
    switch (traitsOf(node.op).batch) {
      case Batch::Unsaid:
        return false;
      case Batch::First:
        return first(node);
      case Batch::Anywhere:
        return elementwise(node);
      case Batch::Leading:
        return alongLast(node);
      case Batch::OffAxis:
        return softmax(node);
      case Batch::Stack:
        return matMul(node);
      case Batch::Permuted:
        return transpose(node);
      case Batch::Regrouped:
        return reshape(node);
      case Batch::Sliced:
        return slice(node);
      case Batch::Joined:
        return concat(node);
    }
    return false;
  }

  Graph& graph_;
  PassContext& context_;
  Replacements replacements_;
  std::int64_t batch_;
  std::map<ValueId, Form> forms_;
  bool whole_;  // no value has a batch, but for the input
};

}  // namespace

int moveBatchFirst(Graph& graph, PassContext& context) {
  return BatchFirst(graph, context).run();
}

}  // namespace relprop

// Attention and RotaryEmbedding of opset 23 as products, sums and a softmax. Inputs are N×S×(H·D), with the number of
// heads as attribute, or N×H×S×D.
#include <cmath>
#include <limits>

#include "onnx/composites.h"

namespace relprop::onnx_import {

namespace {

using Ints = std::vector<std::int64_t>;

std::string ints(Composer& c, Ints values) {
  return c.constant(std::move(values));
}

std::string extent(Composer& c, const std::string& x, std::int64_t axis) {
  Composer::Attributes range{{"start", axis}};
  if (axis != -1) range.emplace_back("end", axis + 1);
  return c.add("Shape", {x}, range);
}

std::string sliced(Composer& c, const std::string& x, std::int64_t start, std::int64_t end, std::int64_t axis,
                   std::int64_t step = 1) {
  return c.add("Slice", {x, ints(c, {start}), ints(c, {end}), ints(c, {axis}), ints(c, {step})});
}

constexpr std::int64_t kToTheEnd = std::numeric_limits<std::int64_t>::max();

// N×S×(H·D) as N×H×S×D; what is that already stays.
std::string byHead(Composer& c, const std::string& x, std::int64_t heads) {
  if (heads == 0) return x;
  return c.add("Transpose", {c.add("Reshape", {x, ints(c, {0, 0, heads, -1})})}, {{"perm", Ints{0, 2, 1, 3}}});
}

std::string behindPast(Composer& c, std::size_t past, const std::string& x, std::size_t output) {
  const std::string name = c.wanted(output) ? c.out(output) : "";
  if (c.has(past)) return c.add("Concat", {c.in(past), x}, {{"axis", std::int64_t{2}}}, name);
  return name.empty() ? x : c.add("Identity", {x}, {}, name);
}

// Each head of keys and values as often as there are heads of queries for it.
std::string repeated(Composer& c, const std::string& x, const std::string& queries) {
  const std::string times = c.add("Div", {extent(c, queries, 1), extent(c, x, 1)});
  const std::string shape = c.add("Concat", {extent(c, x, 0), extent(c, x, 1), times, extent(c, x, 2), extent(c, x, 3)},
                                  {{"axis", std::int64_t{0}}});
  const std::string wide = c.add("Expand", {c.add("Unsqueeze", {x, ints(c, {2})}), shape});
  const std::string flat = c.add("Concat", {extent(c, x, 0), extent(c, queries, 1), extent(c, x, 2), extent(c, x, 3)},
                                 {{"axis", std::int64_t{0}}});
  return c.add("Reshape", {wide, flat});
}

// 0 … count − 1 with `before` axes in front and `behind` axes behind, as floats.
std::string positions(Composer& c, const std::string& count, const Ints& added) {
  const std::string number = c.add("Squeeze", {count, ints(c, {0})});
  const std::string range = c.add("Range", {c.constant(std::int64_t{0}), number, c.constant(std::int64_t{1})});
  return c.add("Unsqueeze", {range, ints(c, added)});
}

std::string maskedBy(Composer& c, const std::string& forbidden) {
  return c.add("Where", {forbidden, c.constant(-std::numeric_limits<float>::infinity()), c.constant(0.0f)});
}

// Queries see no keys that come later than they do, counted from the end of the past or of what is no padding.
std::string causal(Composer& c, const std::string& queries, const std::string& keys) {
  const std::string rows = positions(c, extent(c, queries, 2), {0, 1, 3}),
                    columns = positions(c, extent(c, keys, 2), {0, 1, 2});
  std::string first = rows;
  if (c.has(4)) first = c.add("Add", {rows, extent(c, c.in(4), 2)});
  if (!c.has(4) && c.has(6)) {
    const std::string offset = c.add("Sub", {c.in(6), extent(c, queries, 2)});
    first = c.add("Add", {rows, c.add("Unsqueeze", {offset, ints(c, {1, 2, 3})})});
  }
  return maskedBy(c, c.add("Less", {first, columns}));
}

std::string padding(Composer& c, const std::string& keys) {
  const std::string lengths = c.add("Unsqueeze", {c.in(6), ints(c, {1, 2, 3})});
  const std::string inside = c.add("Less", {positions(c, extent(c, keys, 2), {0, 1, 2}), lengths});
  return maskedBy(c, c.add("Not", {inside}));
}

// A mask for fewer keys than there are forbids the rest.
std::string givenMask(Composer& c, const std::string& keys) {
  const std::string bias = c.add("MaskAsBias", {c.in(3)});
  const std::string missing = c.add("Sub", {extent(c, keys, 2), extent(c, bias, -1)});
  const std::string pads = c.add("Concat", {ints(c, {0}), missing}, {{"axis", std::int64_t{0}}});
  const std::string forbidden = c.constant(-std::numeric_limits<float>::infinity());
  return c.add("Pad", {bias, pads, forbidden, ints(c, {-1})});
}

// What is added to the scores; empty: nothing.
std::string biasOf(Composer& c, const std::string& queries, const std::string& keys) {
  std::string bias;
  const auto also = [&](const std::string& more) { bias = bias.empty() ? more : c.add("Add", {bias, more}); };
  if (c.has(3)) also(givenMask(c, keys));
  if (c.intAttr("is_causal", 0) != 0) also(causal(c, queries, keys));
  if (c.has(6)) also(padding(c, keys));
  return bias;
}

std::string scaledQueries(Composer& c, const std::string& queries) {
  const RawAttribute* given = c.attribute("scale");
  if (given) return c.add("Mul", {queries, c.constant(c.floatAttr("scale", 1.0f))});
  const std::string width = c.add("Cast", {extent(c, queries, 3)}, {{"to", std::int64_t{1}}});
  return c.add("Div", {queries, c.add("Sqrt", {width})});
}

// Rows that may look at nothing look at nothing.
std::string withoutDeadRows(Composer& c, const std::string& weights, const std::string& bias) {
  if (bias.empty()) return weights;
  const std::string most = c.add("ReduceMax", {bias, ints(c, {-1})});
  const std::string dead = c.add("Equal", {most, c.constant(-std::numeric_limits<float>::infinity())});
  return c.add("Where", {dead, c.constant(0.0f), weights});
}

void attention(Composer& c) {
  const std::int64_t queryHeads = c.intAttr("q_num_heads", 0), heads = c.intAttr("kv_num_heads", 0);
  const std::string q = byHead(c, c.in(0), queryHeads);
  const std::string k = behindPast(c, 4, byHead(c, c.in(1), heads), 1);
  const std::string v = behindPast(c, 5, byHead(c, c.in(2), heads), 2);
  const bool same = queryHeads == heads && heads != 0;
  const std::string keys = same ? k : repeated(c, k, q), values = same ? v : repeated(c, v, q);
  std::string stages[4];
  stages[0] = c.add("MatMul", {scaledQueries(c, q), c.add("Transpose", {keys}, {{"perm", Ints{0, 1, 3, 2}}})});
  const float cap = c.floatAttr("softcap", 0.0f);
  stages[1] = stages[0];
  if (cap != 0.0f)
    stages[1] = c.add("Mul", {c.add("Tanh", {c.add("Div", {stages[0], c.constant(cap)})}), c.constant(cap)});
  const std::string bias = biasOf(c, q, k);
  stages[2] = bias.empty() ? stages[1] : c.add("Add", {stages[1], bias});
  stages[3] = withoutDeadRows(c, c.add("Softmax", {stages[2]}, {{"axis", std::int64_t{-1}}}), bias);
  const std::string y = c.add("MatMul", {stages[3], values});
  if (heads == 0)
    c.add("Identity", {y}, {}, c.out(0));
  else
    c.add("Reshape", {c.add("Transpose", {y}, {{"perm", Ints{0, 2, 1, 3}}}), ints(c, {0, 0, -1})}, {}, c.out(0));
  const std::int64_t mode = c.intAttr("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3) c.refuse("qk_matmul_output_mode " + std::to_string(mode));
  if (c.wanted(3)) c.add("Identity", {stages[mode]}, {}, c.out(3));
}

// (x1, x2) turned by the angle of its position: (cos·x1 − sin·x2, sin·x1 + cos·x2).
std::pair<std::string, std::string> turned(Composer& c, const std::string& a, const std::string& b) {
  const auto table = [&](std::size_t input) {
    const std::string rows = c.has(3) ? c.add("Gather", {c.in(input), c.in(3)}) : c.in(input);
    return c.add("Unsqueeze", {rows, ints(c, {2})});
  };
  const std::string cosine = table(1), sine = table(2);
  return {c.add("Sub", {c.add("Mul", {a, cosine}), c.add("Mul", {b, sine})}),
          c.add("Add", {c.add("Mul", {a, sine}), c.add("Mul", {b, cosine})})};
}

std::string rotated(Composer& c, const std::string& x) {
  const Composer::Attributes last{{"axis", std::int64_t{-1}}};
  if (c.intAttr("interleaved", 0) != 0) {
    const auto [real, imaginary] = turned(c, sliced(c, x, 0, kToTheEnd, -1, 2), sliced(c, x, 1, kToTheEnd, -1, 2));
    const std::string behind = ints(c, {-1});
    const std::string pairs =
        c.add("Concat", {c.add("Unsqueeze", {real, behind}), c.add("Unsqueeze", {imaginary, behind})}, last);
    return c.add("Reshape", {pairs, c.add("Shape", {x})});
  }
  const std::string a = c.fresh(), b = c.fresh();
  c.addNode("Split", {x}, {{"axis", std::int64_t{-1}}, {"num_outputs", std::int64_t{2}}}, {a, b});
  const auto [real, imaginary] = turned(c, a, b);
  return c.add("Reshape", {c.add("Concat", {real, imaginary}, last), c.add("Shape", {x})});
}

void rotaryEmbedding(Composer& c) {
  const std::int64_t heads = c.intAttr("num_heads", 0), width = c.intAttr("rotary_embedding_dim", 0);
  if (width < 0 || width % 2 != 0) c.refuse("rotary_embedding_dim " + std::to_string(width), "an even number, or 0");
  const Ints swap{0, 2, 1, 3};
  const std::string x =
      heads ? c.add("Reshape", {c.in(0), ints(c, {0, 0, heads, -1})}) : c.add("Transpose", {c.in(0)}, {{"perm", swap}});
  std::string y = rotated(c, width ? sliced(c, x, 0, width, -1) : x);
  if (width) y = c.add("Concat", {y, sliced(c, x, width, kToTheEnd, -1)}, {{"axis", std::int64_t{-1}}});
  if (heads)
    c.add("Reshape", {y, c.add("Shape", {c.in(0)})}, {}, c.out(0));
  else
    c.add("Transpose", {y}, {{"perm", swap}}, c.out(0));
}

// clang-format off
constexpr Composite kAttention[] = {
    {"", "Attention", "q k v mask past_k past_v lengths", "",
     "is_causal:i kv_num_heads:i q_num_heads:i qk_matmul_output_mode:i scale:f softcap:f softmax_precision:i-",
     nullptr, attention},
    {"", "RotaryEmbedding", "x cos sin positions", "",
     "interleaved:i num_heads:i rotary_embedding_dim:i", nullptr, rotaryEmbedding},
};
// clang-format on

}  // namespace

std::span<const Composite> attentionComposites() {
  return kAttention;
}

}  // namespace relprop::onnx_import

// The intermediate representation: a directed acyclic graph of nodes over values.
//
// Life of a graph: the importer produces it with symbolic sizes (extent -1) and ONNX semantics; `specialise` (passes/)
// fixes the input shape, folds constants, infers every shape and rewrites to the canonical form below, which is all
// the engine has to know.
//
// Canonical form (after passes; every shape static, nodes in topological order, no dead nodes):
//   Conv        inputs x, W[O, I/g, k...], optional b ([O], or [O, spatial...] when a folded BN makes it vary at the
//   border);
//               attrs strides, pads (begin..., end...), dilations (ints, one a spatial axis), group. 1 or 2 spatial
//               axes.
//   Dense       inputs x[..., I], W[O, I], optional b[O]: y = x Wᵀ + b. Gemm and MatMul with a constant become this.
//   Affine      inputs x[N, C, ...], scale[C], shift[C]: y = scale·x + shift by channel (a BatchNormalization that
//   stayed).
//   Relu, LeakyRelu{alpha}, PRelu(x, slope), Elu{alpha}, Clip{min,max floats}, Sigmoid, HardSigmoid{alpha,beta},
//   HardSwish, Tanh, Erf, Softplus, Softsign, Sqrt, Gelu{approximate "none"|"tanh"}
//   Neg, Abs, Exp, Log, Reciprocal, Sign, Floor, Ceil, Round, Sin, Cos, Pow(x, constant exponent), Not
//   Max, Min, Where   a choice between operands (Where: of computed booleans, 0 or 1), with numpy broadcasting
//   Greater, Less, GreaterOrEqual, LessOrEqual, Equal, And, Or, Xor   0 or 1, with numpy broadcasting
//   Take(x){indices}  y = x[indices] within each image, both flat; −1 stands for `value`. What gathers, scatters, tiles
//               and pads by other than constants becomes this.
//   FakeQuantize{scale, zero_point, low, high}: (clamp(round(x/scale) + zero_point, low, high) − zero_point)·scale;
//               DynamicFakeQuantize: the same to 8 bits, with the scale that each image's least and greatest value give
//   Softmax{axis}  axis ≥ 0; opset < 13's flattening semantics are rewritten with Reshape
//   MaxPool, AveragePool {kernel_shape, strides, pads, dilations, count_include_pad}; 1 or 2 spatial axes; the output
//               shape tells whether the last window hangs over (ceil_mode). Global pools and ReduceMean become
//               AveragePool/MaxPool (with Transpose/Reshape around where needed).
//   LayerNormalization{axis, epsilon}   inputs x, constant scale and bias of x's shape from `axis` (≥ 1) on, over which
//               mean and variance are taken.
//   Add, Sub, Mul, Div   two inputs with numpy broadcasting; either may be constant. Pow becomes products and Sqrt.
//   MatMul      two dynamic inputs only, of at least 3 axes.
//   Concat{axis}   axis ≥ 0; operands may be constant
//   Slice{axes, starts, ends, steps}  every axis listed, 0 ≤ start, steps ≠ 0 (Split becomes Slices)
//   Pad{pads, value}  constant mode, pads (begin of every axis, end of every axis), ≥ 0 (negative pads become Slice)
//   Transpose{perm}, Reshape (Flatten, Squeeze, Unsqueeze, Reshape; the output value's shape says it all)
//   Resize{mode "nearest"|"linear", coordinate "half_pixel"|"asymmetric"|"align_corners"|"pytorch_half_pixel",
//          rounding "floor"|"ceil"|"round_prefer_floor"|"round_prefer_ceil", scales (floats, one an axis)}
//   LRN{size, alpha, beta, bias}
//   Identity, Dropout and everything computed from constants alone are gone. The first axis of every dynamic value is
//   the batch; constants are the same for all its images.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "relprop/tensor.h"

namespace relprop {

enum class DType { Float, Int64, Bool, Other };  // half, bfloat16 and double weights are Float; all integers are Int64

// Which of the integers that Int64 stands for: what is computed of them wraps around at their ends.
struct IntegerKind {
  int bits = 64;
  bool isSigned = true;
  bool operator==(const IntegerKind&) const = default;
};

// GCC 12 warns that Op::Shape shadows the type Shape, which a scoped enumerator does not.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
enum class Op {
  Conv,
  Gemm,
  MatMul,
  BatchNormalization,
  Relu,
  LeakyRelu,
  PRelu,
  Elu,
  Clip,
  Sigmoid,
  HardSigmoid,
  HardSwish,
  Tanh,
  Erf,
  Gelu,
  Softplus,
  Softsign,
  Mish,
  Sqrt,
  Pow,
  Softmax,
  MaxPool,
  AveragePool,
  GlobalAveragePool,
  GlobalMaxPool,
  ReduceMean,
  Add,
  Sub,
  Mul,
  Div,
  Concat,
  Split,
  Slice,
  Pad,
  Flatten,
  Reshape,
  Transpose,
  Squeeze,
  Unsqueeze,
  Identity,
  Dropout,
  LRN,
  LayerNormalization,
  Constant,
  ConstantOfShape,
  Shape,
  Gather,
  Cast,
  Equal,
  Where,
  Expand,
  Resize,
  Upsample,
  Neg,
  Abs,
  Exp,
  Log,
  Reciprocal,
  Sign,
  Floor,
  Ceil,
  Round,
  Sin,
  Cos,
  Max,
  Min,
  Mod,
  Greater,
  Less,
  GreaterOrEqual,
  LessOrEqual,
  And,
  Or,
  Xor,
  Not,
  IsNaN,
  IsInf,
  ReduceSum,
  ReduceMax,
  ReduceMin,
  ReduceProd,
  ArgMax,
  ArgMin,
  TopK,
  LogSoftmax,
  ConvTranspose,
  Tile,
  DepthToSpace,
  SpaceToDepth,
  GatherElements,
  GatherND,
  ScatterElements,
  ScatterND,
  Trilu,
  CumSum,
  Size,
  Range,
  OneHot,
  NonZero,
  CastLike,
  CenterCropPad,
  EyeLike,
  ReverseSequence,
  Einsum,
  QuantizeLinear,
  DequantizeLinear,
  DynamicQuantizeLinear,
  Dense,  // canonical only, as all that follow
  Affine,
  Take,
  FakeQuantize,
  DynamicFakeQuantize
};
#pragma GCC diagnostic pop
inline constexpr std::size_t kOpCount =
    static_cast<std::size_t>(Op::DynamicFakeQuantize) + 1;  // what is known of each: op_table.h

const char* opName(Op op);                         // "Conv"
bool opFromName(const std::string& name, Op& op);  // false when unknown

// A constant's payload. Exactly one of `floats`, `ints` is set, by dtype (Bool uses ints).
struct Constant {
  DType dtype = DType::Float;
  Shape shape;
  std::shared_ptr<const std::vector<float>> floats;
  std::shared_ptr<const std::vector<std::int64_t>> ints;
};

// A file of a few bytes may stand for no more nodes than this, be it by functions that are written out or by passes
// that make one for every row.
inline constexpr std::int64_t kMaxNodes = std::int64_t{1} << 17;

using ValueId = int;
inline constexpr ValueId kNoValue = -1;  // an absent optional input

struct Value {
  std::string name;
  DType dtype = DType::Float;
  Shape shape;  // -1: symbolic extent; meaningful when hasShape
  bool hasShape = false;
  std::shared_ptr<const Constant> constant;  // set for initialisers and folded values
  IntegerKind integers = {};                 // where dtype is Int64
};

using Attribute =
    std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>, Constant>;

struct Node {
  std::string name;  // unique; made from op and position when the file has none
  Op op = Op::Identity;
  std::vector<ValueId> inputs, outputs;
  std::map<std::string, Attribute> attrs;
  std::vector<std::string> folded;  // names of nodes that passes merged into this one, for printing

  std::int64_t intAttr(const std::string& key, std::int64_t fallback) const;
  float floatAttr(const std::string& key, float fallback) const;
  std::string stringAttr(const std::string& key, const std::string& fallback) const;
  std::vector<std::int64_t> intsAttr(const std::string& key, std::vector<std::int64_t> fallback = {}) const;
  std::vector<float> floatsAttr(const std::string& key) const;
  bool has(const std::string& key) const { return attrs.count(key) != 0; }
};

// Nodes are in topological order. Values are never removed (ids stay valid); nodes may be.
struct Graph {
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs, outputs;         // dynamic inputs (initialisers are not listed), graph outputs
  std::map<std::string, std::string> metadata;  // the file's metadata_props
  std::int64_t opset = 13;

  ValueId addValue(Value value);
  ValueId addConstant(const std::string& name, Constant constant);
  bool isConstant(ValueId id) const {
    return id != kNoValue && values[static_cast<std::size_t>(id)].constant != nullptr;
  }
  Value& value(ValueId id) { return values[static_cast<std::size_t>(id)]; }
  const Value& value(ValueId id) const { return values[static_cast<std::size_t>(id)]; }
};

// Index of the node that produces each value (-1: input or constant), and of the nodes that read it (once a use).
struct Uses {
  std::vector<int> producer;
  std::vector<std::vector<int>> consumers;
};
Uses usesOf(const Graph& graph);

}  // namespace relprop

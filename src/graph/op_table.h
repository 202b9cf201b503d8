// One row an op, in the order of the enum: what all the code but the importer knows of it. Rows are made for an
// arithmetic E, for the sake of the formulas; for traits alone see op_traits.h.
#pragma once

#include <array>

#include "graph/elementwise.h"
#include "graph/op_traits.h"

namespace relprop {

template <class E>
struct OpRow {
  Op op = Op::Conv;
  const char* name = "";
  OpTraits traits;
  Formula<E> formula;  // of elementwise ops
};

namespace op_rows {

using namespace formula;
using enum OpKind;

template <template <class> class F, class E>
inline constexpr Formula<E> of = {F<E>::value, F<E>::derivative};

// clang-format off
template <class E>
inline constexpr std::array<OpRow<E>, kOpCount> kOps = {{
    {Op::Conv, "Conv", {Linear, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Gemm, "Gemm", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::MatMul, "MatMul", {MatMul, Sign::AsAll, Gate::No, Batch::Stack}, {}},
    {Op::BatchNormalization, "BatchNormalization", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Relu, "Relu", {Activation, Sign::NonNegative, Gate::No, Batch::Anywhere}, of<Relu, E>},
    {Op::LeakyRelu, "LeakyRelu", {Activation, Sign::AsFirst, Gate::No, Batch::Anywhere}, of<LeakyRelu, E>},
    {Op::PRelu, "PRelu", {Activation, Sign::Any, Gate::No, Batch::Anywhere}, of<PRelu, E>},
    {Op::Elu, "Elu", {Activation, Sign::Any, Gate::No, Batch::Anywhere}, of<Elu, E>},
    {Op::Clip, "Clip", {Activation, Sign::ByBounds, Gate::Yes, Batch::Anywhere}, of<Clip, E>},
    {Op::Sigmoid, "Sigmoid", {Activation, Sign::NonNegative, Gate::Yes, Batch::Anywhere}, of<Sigmoid, E>},
    {Op::HardSigmoid, "HardSigmoid", {Activation, Sign::NonNegative, Gate::Yes, Batch::Anywhere}, of<HardSigmoid, E>},
    {Op::HardSwish, "HardSwish", {Activation, Sign::Any, Gate::No, Batch::Anywhere}, of<HardSwish, E>},
    {Op::Tanh, "Tanh", {Activation, Sign::Any, Gate::Yes, Batch::Anywhere}, of<Tanh, E>},
    {Op::Erf, "Erf", {Activation, Sign::Any, Gate::Yes, Batch::Anywhere}, of<Erf, E>},
    {Op::Gelu, "Gelu", {Activation, Sign::Any, Gate::No, Batch::Anywhere}, of<Gelu, E>},
    {Op::Softplus, "Softplus", {Activation, Sign::NonNegative, Gate::No, Batch::Anywhere}, of<Softplus, E>},
    {Op::Softsign, "Softsign", {Activation, Sign::AsFirst, Gate::Yes, Batch::Anywhere}, of<Softsign, E>},
    {Op::Mish, "Mish", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Sqrt, "Sqrt", {Activation, Sign::NonNegative, Gate::No, Batch::Anywhere}, of<Sqrt, E>},
    {Op::Pow, "Pow", {Activation, Sign::AsFirst, Gate::No, Batch::Anywhere}, of<Pow, E>},
    {Op::Softmax, "Softmax", {Softmax, Sign::NonNegative, Gate::Yes, Batch::OffAxis}, {}},
    {Op::MaxPool, "MaxPool", {MaxPool, Sign::AsFirst, Gate::No, Batch::First}, {}},
    {Op::AveragePool, "AveragePool", {AveragePool, Sign::AsFirst, Gate::No, Batch::First}, {}},
    {Op::GlobalAveragePool, "GlobalAveragePool", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::GlobalMaxPool, "GlobalMaxPool", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::ReduceMean, "ReduceMean", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Add, "Add", {Sum, Sign::AsAll, Gate::No, Batch::Anywhere}, of<Add, E>},
    {Op::Sub, "Sub", {Sum, Sign::Any, Gate::No, Batch::Anywhere}, of<Sub, E>},
    {Op::Mul, "Mul", {Product, Sign::AsAll, Gate::No, Batch::Anywhere}, of<Mul, E>},
    {Op::Div, "Div", {Product, Sign::Any, Gate::No, Batch::Anywhere}, of<Div, E>},
    {Op::Concat, "Concat", {Move, Sign::AsAll, Gate::No, Batch::Joined}, {}},
    {Op::Split, "Split", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Slice, "Slice", {Move, Sign::AsFirst, Gate::No, Batch::Sliced}, {}},
    {Op::Pad, "Pad", {Move, Sign::ByFilling, Gate::No, Batch::First}, {}},
    {Op::Flatten, "Flatten", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Reshape, "Reshape", {Reshape, Sign::AsFirst, Gate::No, Batch::Regrouped}, {}},
    {Op::Transpose, "Transpose", {Move, Sign::AsFirst, Gate::No, Batch::Permuted}, {}},
    {Op::Squeeze, "Squeeze", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Unsqueeze, "Unsqueeze", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Identity, "Identity", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Dropout, "Dropout", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::LRN, "LRN", {LocalResponse, Sign::AsFirst, Gate::No, Batch::First}, {}},
    {Op::LayerNormalization, "LayerNormalization", {LayerNorm, Sign::Any, Gate::No, Batch::Leading}, {}},
    {Op::Constant, "Constant", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::ConstantOfShape, "ConstantOfShape", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Shape, "Shape", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Gather, "Gather", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Cast, "Cast", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Equal, "Equal", {Comparison, Sign::NonNegative, Gate::Yes, Batch::Anywhere}, of<Equal, E>},
    {Op::Where, "Where", {Choice, Sign::AsAll, Gate::No, Batch::Anywhere}, of<Where, E>},
    {Op::Expand, "Expand", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Resize, "Resize", {Resize, Sign::AsFirst, Gate::No, Batch::First}, {}},
    {Op::Upsample, "Upsample", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Neg, "Neg", {Activation, Sign::Any, Gate::No, Batch::Anywhere}, of<Neg, E>},
    {Op::Abs, "Abs", {Activation, Sign::NonNegative, Gate::No, Batch::Anywhere}, of<Abs, E>},
    {Op::Exp, "Exp", {Activation, Sign::NonNegative, Gate::No, Batch::Anywhere}, of<Exp, E>},
    {Op::Log, "Log", {Activation, Sign::Any, Gate::No, Batch::Anywhere}, of<Log, E>},
    {Op::Reciprocal, "Reciprocal", {Activation, Sign::AsFirst, Gate::No, Batch::Anywhere}, of<Reciprocal, E>},
    {Op::Sign, "Sign", {Activation, Sign::AsFirst, Gate::Yes, Batch::Anywhere}, of<SignOf, E>},
    {Op::Floor, "Floor", {Activation, Sign::AsFirst, Gate::No, Batch::Anywhere}, of<Floor, E>},
    {Op::Ceil, "Ceil", {Activation, Sign::AsFirst, Gate::No, Batch::Anywhere}, of<Ceil, E>},
    {Op::Round, "Round", {Activation, Sign::AsFirst, Gate::No, Batch::Anywhere}, of<Round, E>},
    {Op::Sin, "Sin", {Activation, Sign::Any, Gate::Yes, Batch::Anywhere}, of<Sin, E>},
    {Op::Cos, "Cos", {Activation, Sign::Any, Gate::Yes, Batch::Anywhere}, of<Cos, E>},
    {Op::Max, "Max", {Choice, Sign::AsAll, Gate::No, Batch::Anywhere}, of<Max, E>},
    {Op::Min, "Min", {Choice, Sign::AsAll, Gate::No, Batch::Anywhere}, of<Min, E>},
    {Op::Mod, "Mod", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Greater, "Greater", {Comparison, Sign::NonNegative, Gate::Yes, Batch::Anywhere}, of<Greater, E>},
    {Op::Less, "Less", {Comparison, Sign::NonNegative, Gate::Yes, Batch::Anywhere}, of<Less, E>},
    {Op::GreaterOrEqual, "GreaterOrEqual", {Comparison, Sign::NonNegative, Gate::Yes, Batch::Anywhere}, of<GreaterOrEqual, E>},
    {Op::LessOrEqual, "LessOrEqual", {Comparison, Sign::NonNegative, Gate::Yes, Batch::Anywhere}, of<LessOrEqual, E>},
    {Op::And, "And", {Comparison, Sign::NonNegative, Gate::Yes, Batch::Anywhere}, of<And, E>},
    {Op::Or, "Or", {Comparison, Sign::NonNegative, Gate::Yes, Batch::Anywhere}, of<Or, E>},
    {Op::Xor, "Xor", {Comparison, Sign::NonNegative, Gate::Yes, Batch::Anywhere}, of<Xor, E>},
    {Op::Not, "Not", {Comparison, Sign::NonNegative, Gate::Yes, Batch::Anywhere}, of<Not, E>},
    {Op::IsNaN, "IsNaN", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::IsInf, "IsInf", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::ReduceSum, "ReduceSum", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::ReduceMax, "ReduceMax", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::ReduceMin, "ReduceMin", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::ReduceProd, "ReduceProd", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::ArgMax, "ArgMax", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::ArgMin, "ArgMin", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::TopK, "TopK", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::LogSoftmax, "LogSoftmax", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::ConvTranspose, "ConvTranspose", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Tile, "Tile", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::DepthToSpace, "DepthToSpace", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::SpaceToDepth, "SpaceToDepth", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::GatherElements, "GatherElements", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::GatherND, "GatherND", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::ScatterElements, "ScatterElements", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::ScatterND, "ScatterND", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Trilu, "Trilu", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::CumSum, "CumSum", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Size, "Size", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Range, "Range", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::OneHot, "OneHot", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::NonZero, "NonZero", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::CastLike, "CastLike", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::CenterCropPad, "CenterCropPad", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::EyeLike, "EyeLike", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::ReverseSequence, "ReverseSequence", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Einsum, "Einsum", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::QuantizeLinear, "QuantizeLinear", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::DequantizeLinear, "DequantizeLinear", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::DynamicQuantizeLinear, "DynamicQuantizeLinear", {Rewritten, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Dense, "Dense", {Linear, Sign::Any, Gate::No, Batch::Leading}, {}},
    {Op::Affine, "Affine", {Affine, Sign::Any, Gate::No, Batch::First}, {}},
    {Op::Take, "Take", {Move, Sign::ByFilling, Gate::No, Batch::First}, {}},
    {Op::FakeQuantize, "FakeQuantize", {Activation, Sign::AsFirst, Gate::No, Batch::Anywhere}, of<FakeQuantize, E>},
    {Op::DynamicFakeQuantize, "DynamicFakeQuantize", {Reshape, Sign::AsFirst, Gate::No, Batch::First}, {}},
}};
// clang-format on

}  // namespace op_rows

using op_rows::kOps;

template <class E>
const OpRow<E>& rowOf(Op op) {
  return kOps<E>[static_cast<std::size_t>(op)];
}

// Is it the row of `op`, with every column said, and formulas exactly where the op is elementwise?
template <class E>
bool isComplete(const OpRow<E>& row, Op op) {
  const OpTraits& t = row.traits;
  const bool said =
      t.kind != OpKind::Unsaid && t.sign != Sign::Unsaid && t.gate != Gate::Unsaid && t.batch != Batch::Unsaid;
  const bool wanted = isElementwise(t.kind);
  const bool formulas = (row.formula.value != nullptr) == wanted && (row.formula.derivative != nullptr) == wanted;
  return row.op == op && *row.name != '\0' && said && formulas;
}

}  // namespace relprop

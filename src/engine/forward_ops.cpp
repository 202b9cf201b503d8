#include "engine/forward_ops.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>

#include "engine/elementwise.h"
#include "graph/op_traits.h"
#include "relprop/error.h"

namespace relprop {
namespace {

Expr cutTo(const Expr& z, float most) {
  return std::isinf(most) ? positive(z) : clamp(z, 0, most);
}

// A bound that rounding would move lies with values below it then, whose derivative is another one.
bool keeps(Element element, float most) {
  return element == Element::Float32 || std::isinf(most) || fromBfloat16(toBfloat16(most)) == most;
}

// Where rules need no more than what is left when z has been cut, it is stored as the next layer reads it.
Expr conv(Forward& f, const Node& node, std::optional<float> cut) {
  const LinearNode l = f.linear(node);
  const BufferView x = f.operand(l.input);
  const bool image = !l.biasImage.empty(), inside = cut && !image;
  const Element operand = f.plan().backend().operand();
  const TensorDesc d = f.desc(l.output).as(inside && keeps(operand, *cut) ? operand : Element::Float32);
  const BufferView out{f.plan().addBuffer(d, node.name), d};
  const LinearKernelSpec spec{.shape = l.shape,
                              .srcBlock = x.desc.block,
                              .dstBlock = d.block,
                              .weights = l.weights,
                              .bias = l.bias,
                              .relu = inside,
                              .most = cut.value_or(std::numeric_limits<float>::infinity()),
                              .operands = operand,
                              .in = x.desc.element,
                              .out = d.element};
  f.plan().addKernel(node.name, f.plan().backend().linearForward(spec), {x}, {out}, l.shape.flops());
  if (!image) return load(out);
  const Expr z = load(out) + imageConstant(l.biasImage, out.desc);
  return load(f.materialise(cut ? cutTo(z, *cut) : z, node.name + " (bias)"));
}

Expr dense(Forward& f, const Node& node) {
  const LinearNode l = f.linear(node);
  const BufferView x = f.plain(f.buffer(l.input), node.name);
  const BufferView out = f.freshPlain(f.graph().value(l.output).shape, node.name);
  Backend& backend = f.plan().backend();
  const LinearKernelSpec packed{.shape = l.shape, .weights = l.weights, .bias = l.bias, .operands = backend.operand()};
  if (backend.readsDenseInPlace(l.shape.n))
    f.plan().addDense(node.name, backend.denseForward({l.shape.n, l.shape.ic, l.shape.oc, l.weights, l.bias}), {x},
                      out);
  else
    f.plan().addKernel(node.name, backend.linearForward(packed), {x}, {out}, l.shape.flops());
  return load(f.canonical(out, node.name));
}

Expr affine(Forward& f, const Node& node) {
  const TensorDesc d = f.desc(node.inputs[0]);
  const auto constant = [&](int k) {
    return channelConstant(*f.graph().value(node.inputs[static_cast<std::size_t>(k)]).constant->floats, d);
  };
  return f.value(node.inputs[0]) * constant(1) + constant(2);
}

Expr pool(Forward& f, const Node& node) {
  const PoolShape p = f.pool(node);
  const BufferView x = f.buffer(node.inputs[0]), out = f.fresh(f.graph().value(node.outputs[0]).shape, node.name);
  Backend& backend = f.plan().backend();
  f.plan().addKernel(node.name, node.op == Op::MaxPool ? backend.maxPool(p) : backend.averagePool(p), {x}, {out});
  return load(out);
}

Expr lrn(Forward& f, const Node& node) {
  const BufferView x = f.buffer(node.inputs[0]), out = f.fresh(x.desc.shape, node.name);
  f.plan().addKernel(node.name, f.plan().backend().lrn(lrnOf(node, x.desc)), {x}, {out});
  return load(out);
}

Expr layerNorm(Forward& f, const Node& node) {
  const BufferView x = f.plain(f.buffer(node.inputs[0]), node.name), out = f.freshPlain(x.desc.shape, node.name);
  f.plan().addKernel(node.name, f.plan().backend().layerNorm(layerNormOf(f.graph(), node)), {x}, {out});
  return load(f.canonical(out, node.name));
}

Expr matMul(Forward& f, const Node& node) {
  const MatmulOperands o = matmulOf(f.graph(), node);
  const auto operand = [&](std::size_t k) {
    const Expr e = f.broadcast(node.inputs[k], o.shapes[k]);
    return f.plain(f.materialise(e, node.name), node.name);
  };
  const BufferView a = operand(0), b = operand(1);
  const BufferView out = f.freshPlain(f.graph().value(node.outputs[0]).shape, node.name);
  f.plan().addKernel(node.name, f.plan().backend().matmul(o.spec), {a, b}, {out}, o.spec.flops());
  return load(f.canonical(out, node.name));
}

Expr softmax(Forward& f, const Node& node) {
  const SoftmaxExtents e = softmaxOf(f.graph(), node);
  const BufferView x = f.plain(f.buffer(node.inputs[0]), node.name), out = f.freshPlain(x.desc.shape, node.name);
  f.plan().addKernel(node.name, f.plan().backend().softmax(e.outer, e.extent, e.inner), {x}, {out});
  return load(f.canonical(out, node.name));
}

// Slice, Pad, Concat, Transpose: strided boxes into a plain buffer.
Expr move(Forward& f, const Node& node) {
  const BufferView out = f.freshPlain(f.graph().value(node.outputs[0]).shape, node.name);
  Backend& backend = f.plan().backend();
  if (node.op == Op::Pad)
    f.plan().addKernel(node.name + " (fill)", backend.fill(out.desc.floats(), node.floatAttr("value", 0)), {}, {out});
  for (const Move& m : movesOf(f.graph(), node)) {
    const BufferView x = f.plain(f.buffer(node.inputs[static_cast<std::size_t>(m.input)]), node.name);
    f.plan().addKernel(node.name, backend.copy(m.copy), {x}, {out});
  }
  return load(f.canonical(out, node.name));
}

// Channels last: each part is a column of every position.
Expr concatColumns(Forward& f, const Node& node, const TensorDesc& d) {
  const BufferView out = f.fresh(d.shape, node.name);
  std::int64_t offset = 0;
  for (ValueId id : node.inputs) {
    const CopySpec copy = columnsCopy(f.desc(id), d, offset);
    f.plan().addKernel(node.name, f.plan().backend().copy(copy), {f.buffer(id)}, {out});
    offset += f.desc(id).channels();
  }
  return load(out);
}

Expr concat(Forward& f, const Node& node) {
  const Shape& shape = f.graph().value(node.outputs[0]).shape;
  const TensorDesc d = f.descOf(shape);
  if (concatenatesColumns(f, node)) return concatColumns(f, node, d);
  bool whole = node.intAttr("axis", 1) == 1 && d.block > 1;
  for (ValueId id : node.inputs) {
    const TensorDesc part = f.desc(id);
    whole = whole && part.block == d.block && !part.padded();
  }
  if (!whole) return move(f, node);
  // Blocks of channels are never split: each part is one contiguous piece of every row.
  const BufferView out = f.fresh(shape, node.name);
  std::int64_t offset = 0;
  for (ValueId id : node.inputs) {
    const Expr part = f.value(id);
    f.plan().addProgram(node.name, {{{part, {out.buffer, part->desc, offset, d.rowFloats()}}}, {}});
    offset += part->desc.rowFloats();
  }
  return load(out);
}

Expr reshape(Forward& f, const Node& node) {
  const Shape& shape = f.graph().value(node.outputs[0]).shape;
  const BufferView x = f.plain(f.buffer(node.inputs[0]), node.name);
  return load(f.canonical(x.reshaped({shape, 1}), node.name));
}

Expr resize(Forward& f, const Node& node) {
  const ResizeAxes a = resizeAxesOf(f.graph(), node);
  const BufferView x = f.plain(f.buffer(node.inputs[0]), node.name);
  const BufferView out = f.freshPlain(f.graph().value(node.outputs[0]).shape, node.name);
  f.plan().addKernel(node.name, f.plan().backend().resize(a.planes, a.h, a.w), {x}, {out});
  return load(f.canonical(out, node.name));
}

// A gather within each image, by the same kernel; what is filled in is added.
Expr take(Forward& f, const Node& node) {
  const Expr moved = resize(f, node);
  const float value = node.floatAttr("value", 0.0f);
  if (value == 0.0f) return moved;
  std::vector<float> filling;
  for (const std::int64_t index : node.intsAttr("indices")) filling.push_back(index < 0 ? value : 0.0f);
  return moved + imageConstant(std::move(filling), moved->desc);
}

// The greatest element of each image, or 0 where all are smaller.
BufferView greatest(Forward& f, const Expr& e, const std::string& name) {
  const BufferView x = f.plain(f.materialise(e, name), name);
  const std::int64_t rows = x.desc.shape[0], count = elementCount(x.desc.shape) / rows;
  PoolShape p;
  p.n = rows, p.iw = p.kw = count;
  const BufferView most = f.freshPlain({rows, 1, 1, 1}, name);
  f.plan().addKernel(name, f.plan().backend().maxPool(p), {x.reshaped({{rows, 1, 1, count}, 1})}, {most});
  return f.materialise(positive(load(most)), name);
}

// A number an image, repeated for all its elements.
Expr repeated(Forward& f, const Expr& e, const Shape& shape, const std::string& name) {
  const BufferView one = f.materialise(e, name), all = f.freshPlain(shape, name);
  Shape from(shape.size(), 1);
  from[0] = shape[0];
  f.plan().addKernel(name, f.plan().backend().copy(broadcastCopy(from, shape)), {one}, {all});
  return load(f.canonical(all, name));
}

// DynamicQuantizeLinear and back: 8 bits from the least to the greatest value of the image, 0 among them.
Expr dynamicFakeQuantize(Forward& f, const Node& node) {
  constexpr float kLevels = 255;
  const Expr x = f.value(node.inputs[0]);
  const Shape& shape = f.graph().value(node.inputs[0]).shape;
  const Expr high = load(greatest(f, x, node.name + " greatest"));
  const Expr low = load(greatest(f, x * -1.0f, node.name + " least"));  // its magnitude
  const Expr step = divide(high + low, number(kLevels));
  const Expr zero = clamp(roundToEven(safeDivide(low, step)), 0, kLevels);
  const Expr s = repeated(f, step, shape, node.name + " scale"), z = repeated(f, zero, shape, node.name + " zero");
  return (clamp(roundToEven(safeDivide(x, s)) + z, 0, kLevels) - z) * s;
}

using Emit = Expr (*)(Forward&, const Node&);

// Of ops that are not elementwise.
const std::map<Op, Emit>& table() {
  static const std::map<Op, Emit> rows = {{Op::Dense, dense},
                                          {Op::Affine, affine},
                                          {Op::LayerNormalization, layerNorm},
                                          {Op::MatMul, matMul},
                                          {Op::MaxPool, pool},
                                          {Op::AveragePool, pool},
                                          {Op::LRN, lrn},
                                          {Op::Softmax, softmax},
                                          {Op::Slice, move},
                                          {Op::Pad, move},
                                          {Op::Transpose, move},
                                          {Op::Concat, concat},
                                          {Op::Reshape, reshape},
                                          {Op::Resize, resize},
                                          {Op::Take, take},
                                          {Op::DynamicFakeQuantize, dynamicFakeQuantize}};
  return rows;
}

}  // namespace

bool isForwardOp(Op op) {
  return op == Op::Conv || isElementwise(op) || table().count(op) != 0;
}

Expr forwardOp(Forward& forward, const Node& node, std::optional<float> cut) {
  if (node.op == Op::Conv) return conv(forward, node, cut);
  if (isElementwise(node.op)) return elementwiseValue(forward, node);
  const auto row = table().find(node.op);
  if (row == table().end())
    throw Error(ErrorCode::UnsupportedModel, node.name, opName(node.op), "an op with a forward rule",
                "see `relprop inspect`");
  return row->second(forward, node);
}

}  // namespace relprop

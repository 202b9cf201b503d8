// Operands of elementwise nodes, broadcast as numpy does.
#include "engine/forward.h"
#include "kernels/copied.h"

namespace relprop {
namespace {

// Values of a constant broadcast to `image`, whose batch axis has extent 1 or is absent.
std::vector<float> expandImage(const Constant& c, const Shape& image) {
  std::vector<float> out(static_cast<std::size_t>(elementCount(image)));
  forEachCopied(broadcastCopy(c.shape, image), [&](std::size_t from, std::size_t to) { out[to] = (*c.floats)[from]; });
  return out;
}

// Does the constant vary along the channel axis (1) only?
bool isPerChannel(const Constant& c, const Shape& shape) {
  const std::size_t lead = shape.size() - c.shape.size();
  for (std::size_t i = 0; i < c.shape.size(); ++i)
    if (c.shape[i] != 1 && lead + i != 1) return false;
  return true;
}

}  // namespace

Expr Forward::constantOperand(const Constant& c, const Shape& shape) {
  const TensorDesc d = descOf(shape);
  if (c.floats->size() == 1) return number((*c.floats)[0]);
  if (isPerChannel(c, shape) && static_cast<std::int64_t>(c.floats->size()) == d.channels())
    return channelConstant(*c.floats, d);
  return imageOperand(c, shape);
}

Expr Forward::imageOperand(const Constant& c, const Shape& shape) const {
  Shape image = shape;
  image[0] = 1;
  plan_.requirePart(kBytesOfImageElement * elementCount(image), "a constant spread to " + toString(shape));
  return imageConstant(expandImage(c, image), descOf(shape));
}

Expr Forward::broadcast(ValueId id, const Shape& shape) {
  const Value& v = graph_.value(id);
  if (v.constant) return constantOperand(*v.constant, shape);
  if (v.shape == shape) return value(id);
  const BufferView from = plain(buffer(id), v.name), to = freshPlain(shape, v.name);
  plan_.addKernel(v.name + " (broadcast)", plan_.backend().copy(broadcastCopy(v.shape, shape)), {from}, {to});
  return load(canonical(to, v.name));
}

}  // namespace relprop

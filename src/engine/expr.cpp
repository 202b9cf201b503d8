#include "engine/expr.h"

#include <algorithm>
#include <new>

namespace relprop {
namespace {

// Takes out the operands that nobody else reads. Without room for them they stay, and are freed with the formula.
void takeOperands(ExprNode& formula, std::vector<Expr>& alone) {
  try {
    for (Expr* operand : {&formula.a, &formula.b})
      if (operand->use_count() == 1) alone.push_back(std::move(*operand));
  } catch (const std::bad_alloc&) {
  }
}

// A formula may be as deep as a network is: its operands are freed one after the other, not each within the one that
// is made of it.
struct FreeFormula {
  void operator()(ExprNode* formula) const {
    std::vector<Expr> alone;
    takeOperands(*formula, alone);
    delete formula;
    while (!alone.empty()) {
      const Expr next = std::move(alone.back());
      alone.pop_back();
      takeOperands(const_cast<ExprNode&>(*next), alone);  // made by make, so none is const itself
    }
  }
};

constexpr int kDeep = 64, kLarge = 4096;

Expr make(ExprNode node) {
  node.size = 1;
  for (const Expr* operand : {&node.a, &node.b})
    if (*operand) {
      node.depth = std::max(node.depth, (*operand)->depth + 1);
      node.size = std::min(node.size + (*operand)->size, kLarge + 1);
    }
  return {new ExprNode(std::move(node)), FreeFormula()};
}

// Where one operand has fewer rows, several rows of the result share one of its rows.
const TensorDesc& joint(const Expr& a, const Expr& b) {
  if (a->desc.shape.empty() || b->desc.shape.empty()) return a->desc.shape.empty() ? b->desc : a->desc;
  return a->desc.rows() < b->desc.rows() ? b->desc : a->desc;
}

}  // namespace

bool isLong(const Expr& formula) {
  return formula->depth > kDeep || formula->size > kLarge;
}

Expr load(const BufferView& view) {
  return make(
      {.op = Elt::Load, .a = {}, .b = {}, .view = view, .constant = {}, .desc = view.desc.as(Element::Float32)});
}

Expr channelConstant(const std::vector<float>& perChannel, const TensorDesc& desc) {
  auto values = std::make_shared<std::vector<float>>(perChannel);
  values->resize(static_cast<std::size_t>((desc.channels() + desc.block - 1) / desc.block * desc.block));
  return make({.op = Elt::LoadChannel, .a = {}, .b = {}, .view = {}, .constant = values, .desc = desc});
}

Expr imageConstant(std::vector<float> image, const TensorDesc& desc) {
  const auto loaded = [&desc](std::shared_ptr<const std::vector<float>> values) {
    return make({.op = Elt::LoadImage, .a = {}, .b = {}, .view = {}, .constant = std::move(values), .desc = desc});
  };
  TensorDesc one = desc;
  one.shape[0] = 1;
  if (one.block == 1) return loaded(std::make_shared<std::vector<float>>(std::move(image)));
  auto values = std::make_shared<std::vector<float>>(static_cast<std::size_t>(one.rowFloats()));
  for (std::int64_t c = 0; c < desc.channels(); ++c)
    for (std::int64_t i = 0; i < desc.spatial(); ++i)
      (*values)[static_cast<std::size_t>(physicalIndex(one, 0, c, i))] =
          image[static_cast<std::size_t>(c * desc.spatial() + i)];
  return loaded(std::move(values));
}

Expr rowScalar(ScalarId id) {
  return make({.op = Elt::LoadScalar, .a = {}, .b = {}, .view = {}, .scalar = id, .constant = {}, .desc = {}});
}

Expr shiftNonZero(const Expr& a, ScalarId by) {
  return make({.op = Elt::Shift, .a = a, .b = {}, .view = {}, .scalar = by, .constant = {}, .desc = a->desc});
}

Expr number(float value) {
  return make({.op = Elt::Immediate, .a = {}, .b = {}, .imm = value, .view = {}, .constant = {}, .desc = {}});
}

Expr unary(Elt op, const Expr& a, float imm) {
  return make({.op = op, .a = a, .b = {}, .imm = imm, .view = {}, .constant = {}, .desc = a->desc});
}

Expr binary(Elt op, const Expr& a, const Expr& b) {
  ExprNode node{.op = op, .a = a, .b = b, .view = {}, .constant = {}, .desc = joint(a, b)};
  return make(std::move(node));
}

Expr operator+(const Expr& a, const Expr& b) {
  return binary(Elt::Add, a, b);
}
Expr operator-(const Expr& a, const Expr& b) {
  return binary(Elt::Sub, a, b);
}
Expr operator*(const Expr& a, const Expr& b) {
  return binary(Elt::Mul, a, b);
}
Expr operator*(const Expr& a, float k) {
  return k == 1.0f ? a : unary(Elt::MulImm, a, k);
}
Expr operator+(const Expr& a, float k) {
  return k == 0.0f ? a : unary(Elt::AddImm, a, k);
}
Expr divide(const Expr& a, const Expr& b) {
  return binary(Elt::Div, a, b);
}
Expr safeDivide(const Expr& a, const Expr& b) {
  return binary(Elt::SafeDiv, a, b);
}

Expr magnitudeShare(const Expr& a, const Expr& b) {
  return binary(Elt::Share, a, b);
}

Expr stabilise(const Expr& z, float epsilon) {
  return unary(Elt::Stab, z, epsilon);
}

}  // namespace relprop

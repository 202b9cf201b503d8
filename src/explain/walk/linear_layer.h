// A convolution or dense layer as rules use it: with parts of its input and weights, forwards and backwards. How it is
// executed (which kernel, in which layout, with which weights in one pass) is not seen from outside.
#pragma once

#include <map>
#include <optional>

#include "explain/walk/input_parts.h"
#include "explain/walk/walk.h"

namespace relprop {

// Messages that go back through the same weights and are multiplied by the same input part: their numerators are added.
struct Route {
  InputPart in;
  WeightPart weight;
  float sign;
  Expr s;
};

class LinearLayer {
 public:
  LinearLayer(Walk& walk, const Node& node, const LinearRule& rule);

  bool hasBias() const { return !l_.bias.empty() || !l_.biasImage.empty(); }
  Expr z() { return f_.value(l_.output); }  // as the forward pass recorded it
  Expr bias(BiasPart part);
  // Σ sign·part(x)·part(w) of the terms, without bias.
  Expr forward(std::vector<Term> terms, const char* what);
  // Σ sign·part(x)·(part(w)ᵀs) of the routes given. sums: taken along by the program that stores the numerators s.
  Expr backward(const std::vector<Route>& given, std::vector<ProgramRequest::Reduce> sums);

 private:
  using Parts = std::vector<std::pair<WeightPart, float>>;  // with the sign of each

  const Shape& relevanceShape() const { return walk_.graph().value(l_.input).shape; }  // of the input
  const Shape& outputShape() const { return f_.graph().value(l_.output).shape; }
  std::string named(const char* what) const { return node_.name + " " + what; }
  // Dense layers work on plain layouts, convolutions on those that values have.
  BufferView layout(const BufferView& v) { return l_.shape.dense ? f_.plain(v, node_.name) : v; }
  BufferView fresh(const Shape& shape, const char* what);

  std::vector<float> tiled(const std::vector<float>& b) const;
  SharedFloats weights(WeightPart part, float sign) const;
  LinearKernelSpec spec(WeightPart part, float sign, int src, int dst, Element in) const;
  std::optional<DenseSpec> denseInPlace(const Parts& parts, std::int64_t rows) const;
  bool isOfAnyWalk(const std::vector<Term>& terms) const;
  Expr sharedSum(const std::vector<Term>& terms, const char* what);
  Expr computed(const std::vector<Term>& terms, const char* what);
  bool forwardInPlace(const std::vector<Term>& terms, const char* what, const BufferView& out);

  std::vector<BufferView> stored(const std::vector<Route>& routes, std::vector<ProgramRequest::Reduce> sums);
  std::map<InputPart, Expr> transposed(const std::vector<Route>& routes, const std::vector<BufferView>& s);
  std::map<InputPart, Expr> transposedInPlace(const std::vector<Route>& routes, const std::vector<BufferView>& s);
  std::vector<BufferView> transposedInStacks(const std::vector<Route>& routes, const std::vector<BufferView>& s);
  BufferView transposedTogether(const std::vector<Route>& routes, const std::vector<BufferView>& s,
                                const std::vector<BufferView>& back, std::size_t first, std::vector<bool>& done);
  void addTransposed(const Route& route, float sign, const BufferView& stored, const BufferView& sum, bool adds);
  bool stackable(std::size_t routes) const;
  std::vector<BufferView> stacked(const std::vector<WeightPart>& parts, const BufferView& s);
  std::vector<float> stackedWeights(const std::vector<WeightPart>& parts) const;
  Expr combined(const std::map<InputPart, Expr>& sums);

  Walk& walk_;
  Forward& f_;
  Plan& plan_;
  const Node& node_;
  const LinearNode l_;
  LinearShape back_;  // the layer with the rows of relevance
  InputParts parts_;
  float gamma_;
};

}  // namespace relprop

#include "unit/passes/evaluate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <stdexcept>

namespace relprop::test {

namespace {

using Index = std::vector<std::int64_t>;

std::size_t sz(std::int64_t v) {
  return static_cast<std::size_t>(v);
}

// Calls f for every index of a shape.
void each(const Shape& shape, const std::function<void(const Index&)>& f) {
  Index index(shape.size(), 0);
  for (std::int64_t n = elementCount(shape); n > 0; --n) {
    f(index);
    for (std::size_t a = shape.size(); a-- > 0;) {
      if (++index[a] < shape[a]) break;
      index[a] = 0;
    }
  }
}

double& at(Array& array, const Index& index) {
  std::int64_t p = 0;
  for (std::size_t a = 0; a < index.size(); ++a) p = p * array.shape[a] + index[a];
  return array.data.at(sz(p));
}

const double& at(const Array& array, const Index& index) {
  return at(const_cast<Array&>(array), index);
}

// Element of an operand that is repeated to the rank and extents of `index`.
double broadcastAt(const Array& array, const Index& index) {
  Index own(array.shape.size());
  for (std::size_t a = 0; a < own.size(); ++a) own[a] = array.shape[a] == 1 ? 0 : index[index.size() - own.size() + a];
  return at(array, own);
}

struct Call {
  const Node& node;
  std::vector<const Array*> in;  // null: absent
  std::vector<Shape> out;
  const Array& x() const { return *in.at(0); }
  bool has(std::size_t i) const { return i < in.size() && in[i]; }
  Array zeros() const { return {out[0], std::vector<double>(sz(elementCount(out[0])), 0.0)}; }
  Index ints(std::size_t i, const char* name) const {
    if (!has(i)) return node.intsAttr(name);
    return Index(in[i]->data.begin(), in[i]->data.end());
  }
  bool given(std::size_t i, const char* name) const { return has(i) || node.has(name); }
};

using Arrays = std::vector<Array>;

Arrays mapped(const Call& c, const std::function<double(double)>& f) {
  Array y = c.x();
  for (double& v : y.data) v = f(v);
  return {y};
}

Arrays binary(const Call& c) {
  Array y = c.zeros();
  each(y.shape, [&](const Index& i) {
    const double a = broadcastAt(*c.in[0], i), b = broadcastAt(*c.in[1], i);
    const Op op = c.node.op;
    at(y, i) = op == Op::Add   ? a + b
               : op == Op::Sub ? a - b
               : op == Op::Mul ? a * b
               : op == Op::Pow ? std::pow(a, b)
                               : a / b;
  });
  return {y};
}

// Windows along one axis, decoded from the definition: SAME pads follow from the number of windows.
struct Axis {
  std::int64_t in, kernel, stride, dilation, begin, end;
};

std::vector<Axis> axesOf(const Call& c, const Index& kernel) {
  std::vector<Axis> axes;
  const std::size_t n = kernel.size();
  const Index strides = c.node.intsAttr("strides", Index(n, 1)), dilations = c.node.intsAttr("dilations", Index(n, 1));
  const Index pads = c.node.intsAttr("pads", Index(2 * n, 0));
  const std::string mode = c.node.stringAttr("auto_pad", "NOTSET");
  for (std::size_t a = 0; a < n; ++a) {
    Axis axis{c.x().shape[a + 2], kernel[a], strides[a], dilations[a], pads[a], pads[n + a]};
    if (mode == "VALID") axis.begin = axis.end = 0;
    if (mode.rfind("SAME", 0) == 0) {
      const std::int64_t total = std::max<std::int64_t>(
          0, (c.out[0][a + 2] - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1 - axis.in);
      axis.begin = mode == "SAME_UPPER" ? total / 2 : (total + 1) / 2;
      axis.end = total - axis.begin;
    }
    axes.push_back(axis);
  }
  return axes;
}

// For each tap of the window at `out` (spatial part of an index from axis 2 on): its spatial position, whether it is
// inside the input, and whether it is inside the input with its padding.
void eachTap(const std::vector<Axis>& axes, const Index& out,
             const std::function<void(const Index& tap, const Index& position, bool inside, bool padded)>& f) {
  Shape kernel;
  for (const Axis& a : axes) kernel.push_back(a.kernel);
  each(kernel, [&](const Index& tap) {
    Index position(axes.size());
    bool inside = true, padded = true;
    for (std::size_t a = 0; a < axes.size(); ++a) {
      position[a] = out[a + 2] * axes[a].stride - axes[a].begin + tap[a] * axes[a].dilation;
      inside &= position[a] >= 0 && position[a] < axes[a].in;
      padded &= position[a] >= -axes[a].begin && position[a] < axes[a].in + axes[a].end;
    }
    f(tap, position, inside, padded);
  });
}

Index joined(std::int64_t a, std::int64_t b, const Index& rest) {
  Index index{a, b};
  index.insert(index.end(), rest.begin(), rest.end());
  return index;
}

Arrays conv(const Call& c) {
  const Array& w = *c.in[1];
  const std::vector<Axis> axes = axesOf(c, Index(w.shape.begin() + 2, w.shape.end()));
  const std::int64_t group = c.node.intAttr("group", 1), perGroup = w.shape[0] / group;
  const std::int64_t inputStep = elementCount(Shape(c.x().shape.begin() + 2, c.x().shape.end()));
  const std::int64_t weightStep = elementCount(Shape(w.shape.begin() + 2, w.shape.end()));
  Array y = c.zeros();
  each(y.shape, [&](const Index& o) {
    double sum = 0;
    if (c.has(2)) sum = c.in[2]->shape.size() == 1 ? at(*c.in[2], {o[1]}) : at(*c.in[2], Index(o.begin() + 1, o.end()));
    eachTap(axes, o, [&](const Index& tap, const Index& p, bool inside, bool) {
      if (!inside) return;
      const double* x = &at(c.x(), joined(o[0], o[1] / perGroup * w.shape[1], p));
      const double* weight = &at(w, joined(o[1], 0, tap));
      for (std::int64_t i = 0; i < w.shape[1]; ++i) sum += x[i * inputStep] * weight[i * weightStep];
    });
    at(y, o) = sum;
  });
  return {y};
}

Arrays pool(const Call& c) {
  const std::vector<Axis> axes = axesOf(c, c.node.intsAttr("kernel_shape"));
  const bool max = c.node.op == Op::MaxPool, includePad = c.node.intAttr("count_include_pad", 0) != 0;
  Array y = c.zeros();
  each(y.shape, [&](const Index& o) {
    double best = -std::numeric_limits<double>::infinity(), sum = 0;
    int count = 0;
    eachTap(axes, o, [&](const Index&, const Index& p, bool inside, bool padded) {
      const double v = inside ? at(c.x(), joined(o[0], o[1], p)) : 0.0;
      if (inside) best = std::max(best, v);
      sum += v;
      count += includePad ? padded : inside;
    });
    at(y, o) = max ? best : sum / count;
  });
  return {y};
}

Arrays globalPool(const Call& c) {
  const bool max = c.node.op == Op::GlobalMaxPool;
  const std::size_t count = c.x().data.size() / sz(elementCount(c.out[0]));
  Array y = c.zeros();
  for (std::size_t o = 0; o < y.data.size(); ++o) {
    const auto from = c.x().data.begin() + static_cast<std::ptrdiff_t>(o * count),
               to = from + static_cast<std::ptrdiff_t>(count);
    y.data[o] = max ? *std::max_element(from, to) : std::accumulate(from, to, 0.0) / static_cast<double>(count);
  }
  return {y};
}

std::size_t axisOf(std::int64_t axis, std::size_t rank) {
  return sz(axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis);
}

Arrays reduceMean(const Call& c) {
  std::vector<char> reduced(c.x().shape.size(), 0);
  for (std::int64_t axis : c.ints(1, "axes")) reduced[axisOf(axis, reduced.size())] = 1;
  const bool nothing = c.node.intAttr("noop_with_empty_axes", 0) != 0;
  if (c.ints(1, "axes").empty() && !nothing) reduced.assign(reduced.size(), 1);
  Array kept{c.x().shape, {}};
  for (std::size_t a = 0; a < reduced.size(); ++a)
    if (reduced[a]) kept.shape[a] = 1;
  kept.data.assign(sz(elementCount(kept.shape)), 0.0);
  each(c.x().shape, [&](const Index& i) {
    Index to = i;
    for (std::size_t a = 0; a < to.size(); ++a)
      if (reduced[a]) to[a] = 0;
    at(kept, to) += at(c.x(), i);
  });
  for (double& v : kept.data) v *= static_cast<double>(kept.data.size()) / static_cast<double>(c.x().data.size());
  kept.shape = c.out[0];
  return {kept};
}

Arrays dense(const Call& c) {
  Array y = c.zeros();
  each(y.shape, [&](const Index& o) {
    double sum = c.has(2) ? at(*c.in[2], {o.back()}) : 0.0;
    Index i = o;
    for (i.back() = 0; i.back() < c.x().shape.back(); ++i.back())
      sum += at(c.x(), i) * at(*c.in[1], {o.back(), i.back()});
    at(y, o) = sum;
  });
  return {y};
}

Arrays gemm(const Call& c) {
  const bool ta = c.node.intAttr("transA", 0) != 0, tb = c.node.intAttr("transB", 0) != 0;
  const double alpha = c.node.floatAttr("alpha", 1), beta = c.node.floatAttr("beta", 1);
  Array y = c.zeros();
  each(y.shape, [&](const Index& o) {
    double sum = 0;
    for (std::int64_t k = 0; k < c.x().shape[ta ? 0 : 1]; ++k)
      sum += at(c.x(), ta ? Index{k, o[0]} : Index{o[0], k}) * at(*c.in[1], tb ? Index{o[1], k} : Index{k, o[1]});
    at(y, o) = alpha * sum + (c.has(2) ? beta * broadcastAt(*c.in[2], o) : 0.0);
  });
  return {y};
}

Arrays matMul(const Call& c) {
  Array a = *c.in[0], b = *c.in[1], y = c.zeros();
  if (a.shape.size() == 1) a.shape.insert(a.shape.begin(), 1), y.shape.insert(y.shape.end() - (b.shape.size() > 1), 1);
  if (b.shape.size() == 1) b.shape.push_back(1), y.shape.push_back(1);
  const std::int64_t inner = a.shape.back();
  each(y.shape, [&](const Index& o) {
    Index i = o, j = o;
    for (std::int64_t k = 0; k < inner; ++k) {
      i[o.size() - 1] = k;
      j[o.size() - 2] = k;
      at(y, o) += broadcastAt(a, i) * broadcastAt(b, j);
    }
  });
  y.shape = c.out[0];
  return {y};
}

Arrays batchNorm(const Call& c) {
  Array y = c.x();
  each(y.shape, [&](const Index& i) {
    const Index ch{i[1]};
    double& v = at(y, i);
    v = (v - at(*c.in[3], ch)) / std::sqrt(at(*c.in[4], ch) + static_cast<double>(c.node.floatAttr("epsilon", 1e-5f))) *
            at(*c.in[1], ch) +
        at(*c.in[2], ch);
  });
  return {y};
}

Arrays affine(const Call& c) {
  Array y = c.x();
  each(y.shape, [&](const Index& i) { at(y, i) = at(y, i) * at(*c.in[1], {i[1]}) + at(*c.in[2], {i[1]}); });
  return {y};
}

Arrays softmax(const Call& c) {
  const Shape& s = c.x().shape;
  const std::size_t axis = axisOf(c.node.intAttr("axis", -1), s.size());
  const bool flat = c.node.intAttr("flatten", 0) != 0;
  Array sums{s, {}};
  for (std::size_t a = 0; a < s.size(); ++a)
    if (a == axis || (flat && a > axis)) sums.shape[a] = 1;
  sums.data.assign(sz(elementCount(sums.shape)), 0.0);
  auto group = [&](Index i) {
    for (std::size_t a = 0; a < i.size(); ++a)
      if (sums.shape[a] == 1) i[a] = 0;
    return i;
  };
  each(s, [&](const Index& i) { at(sums, group(i)) += std::exp(at(c.x(), i)); });
  Array y = c.x();
  each(s, [&](const Index& i) { at(y, i) = std::exp(at(y, i)) / at(sums, group(i)); });
  return {y};
}

Arrays concat(const Call& c) {
  Array y = c.zeros();
  const std::size_t axis = axisOf(c.node.intAttr("axis", 1), y.shape.size());
  std::int64_t from = 0;
  for (const Array* part : c.in) {
    each(part->shape, [&](Index i) {
      const double v = at(*part, i);
      i[axis] += from;
      at(y, i) = v;
    });
    from += part->shape[axis];
  }
  return {y};
}

Arrays split(const Call& c) {
  const std::size_t axis = axisOf(c.node.intAttr("axis", 0), c.x().shape.size());
  std::int64_t from = 0;
  Arrays parts;
  for (const Shape& shape : c.out) {
    Array part{shape, std::vector<double>(sz(elementCount(shape)))};
    each(shape, [&](const Index& i) {
      Index source = i;
      source[axis] += from;
      at(part, i) = at(c.x(), source);
    });
    from += shape[axis];
    parts.push_back(part);
  }
  return parts;
}

Arrays slice(const Call& c) {
  const std::size_t rank = c.x().shape.size();
  Index starts = c.ints(1, "starts"), steps(starts.size(), 1), axes(starts.size());
  std::iota(axes.begin(), axes.end(), 0);
  if (c.given(3, "axes")) axes = c.ints(3, "axes");
  if (c.given(4, "steps")) steps = c.ints(4, "steps");
  Index from(rank, 0), by(rank, 1);
  for (std::size_t k = 0; k < starts.size(); ++k) {
    const std::size_t a = axisOf(axes[k], rank);
    const std::int64_t extent = c.x().shape[a], start = starts[k] < 0 ? starts[k] + extent : starts[k];
    by[a] = steps[k];
    from[a] = std::clamp<std::int64_t>(start, 0, steps[k] > 0 ? extent : extent - 1);
  }
  Array y = c.zeros();
  each(y.shape, [&](const Index& i) {
    Index source(rank);
    for (std::size_t a = 0; a < rank; ++a) source[a] = from[a] + i[a] * by[a];
    at(y, i) = at(c.x(), source);
  });
  return {y};
}

Arrays pad(const Call& c) {
  const std::size_t rank = c.x().shape.size();
  const Index pads = c.ints(1, "pads");
  Index before(rank, 0);
  for (std::size_t k = 0; k < pads.size() / 2; ++k) before[c.has(3) ? axisOf(c.ints(3, "axes")[k], rank) : k] = pads[k];
  const double value = c.has(2) ? c.in[2]->data[0] : static_cast<double>(c.node.floatAttr("value", 0));
  Array y = c.zeros();
  each(y.shape, [&](const Index& i) {
    Index source = i;
    bool inside = true;
    for (std::size_t a = 0; a < rank; ++a) {
      source[a] -= before[a];
      inside &= source[a] >= 0 && source[a] < c.x().shape[a];
    }
    at(y, i) = inside ? at(c.x(), source) : value;
  });
  return {y};
}

Arrays reshape(const Call& c) {
  return {{c.out[0], c.x().data}};
}

Arrays transpose(const Call& c) {
  Index perm(c.x().shape.size());
  std::iota(perm.rbegin(), perm.rend(), 0);
  perm = c.node.intsAttr("perm", perm);
  Array y = c.zeros();
  each(y.shape, [&](const Index& i) {
    Index source(i.size());
    for (std::size_t a = 0; a < i.size(); ++a) source[sz(perm[a])] = i[a];
    at(y, i) = at(c.x(), source);
  });
  return {y};
}

Arrays gather(const Call& c) {
  const std::size_t axis = axisOf(c.node.intAttr("axis", 0), c.x().shape.size()), k = c.in[1]->shape.size();
  Array y = c.zeros();
  each(y.shape, [&](const Index& i) {
    const auto middle = i.begin() + static_cast<std::ptrdiff_t>(axis);
    Index source(i.begin(), middle);
    std::int64_t index =
        static_cast<std::int64_t>(at(*c.in[1], Index(middle, middle + static_cast<std::ptrdiff_t>(k))));
    source.push_back(index < 0 ? index + c.x().shape[axis] : index);
    source.insert(source.end(), middle + static_cast<std::ptrdiff_t>(k), i.end());
    at(y, i) = at(c.x(), source);
  });
  return {y};
}

Arrays lrn(const Call& c) {
  const std::int64_t size = c.node.intAttr("size", 1);
  Array y = c.x();
  each(y.shape, [&](const Index& i) {
    double sum = 0;
    for (std::int64_t ch = i[1] - (size - 1) / 2; ch <= i[1] + size / 2; ++ch)
      if (ch >= 0 && ch < y.shape[1]) {
        Index j = i;
        j[1] = ch;
        sum += at(c.x(), j) * at(c.x(), j);
      }
    const double alpha = c.node.floatAttr("alpha", 1e-4f), beta = c.node.floatAttr("beta", 0.75f);
    at(y, i) /= std::pow(c.node.floatAttr("bias", 1.0f) + alpha / static_cast<double>(size) * sum, beta);
  });
  return {y};
}

Arrays prelu(const Call& c) {
  Array y = c.x();
  each(y.shape, [&](const Index& i) { at(y, i) *= at(y, i) < 0 ? broadcastAt(*c.in[1], i) : 1.0; });
  return {y};
}

Arrays clip(const Call& c) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double low = c.has(1)            ? c.in[1]->data[0]
                     : c.node.has("min") ? static_cast<double>(c.node.floatAttr("min", 0))
                                         : -infinity;
  const double high = c.has(2)            ? c.in[2]->data[0]
                      : c.node.has("max") ? static_cast<double>(c.node.floatAttr("max", 0))
                                          : infinity;
  return mapped(c, [&](double v) { return std::min(std::max(v, low), high); });
}

// Nearest only, with the coordinates that the tests use.
Arrays weighted(const Call& c);

Arrays resize(const Call& c) {
  if (c.node.has("weights")) return weighted(c);
  const std::string fallback = c.node.stringAttr("coordinate", "half_pixel");
  const bool half = c.node.stringAttr("coordinate_transformation_mode", fallback) == "half_pixel";
  const std::string rounding = c.node.stringAttr("nearest_mode", c.node.stringAttr("rounding", "round_prefer_floor"));
  Array y = c.zeros();
  each(y.shape, [&](const Index& i) {
    Index source(i.size());
    for (std::size_t a = 0; a < i.size(); ++a) {
      const double scale = static_cast<double>(y.shape[a]) / static_cast<double>(c.x().shape[a]);
      const double p = half ? (static_cast<double>(i[a]) + 0.5) / scale - 0.5 : static_cast<double>(i[a]) / scale;
      const double r = rounding == "floor" ? std::floor(p) : std::ceil(p - 0.5);
      source[a] = std::clamp<std::int64_t>(static_cast<std::int64_t>(r), 0, c.x().shape[a] - 1);
    }
    at(y, i) = at(c.x(), source);
  });
  return {y};
}

Arrays activation(const Call& c) {
  const double alpha = c.node.floatAttr("alpha", c.node.op == Op::LeakyRelu ? 0.01f
                                                 : c.node.op == Op::Elu     ? 1.0f
                                                                            : 0.2f);
  const double beta = c.node.floatAttr("beta", 0.5f);
  static const std::map<Op, double (*)(double, double, double)> functions = {
      {Op::Relu, [](double v, double, double) { return std::max(v, 0.0); }},
      {Op::LeakyRelu, [](double v, double a, double) { return v < 0 ? a * v : v; }},
      {Op::Elu, [](double v, double a, double) { return v < 0 ? a * std::expm1(v) : v; }},
      {Op::Sigmoid, [](double v, double, double) { return 1 / (1 + std::exp(-v)); }},
      {Op::HardSigmoid, [](double v, double a, double b) { return std::clamp(a * v + b, 0.0, 1.0); }},
      {Op::HardSwish, [](double v, double, double) { return v * std::clamp(v / 6 + 0.5, 0.0, 1.0); }},
      {Op::Tanh, [](double v, double, double) { return std::tanh(v); }},
      {Op::Erf, [](double v, double, double) { return std::erf(v); }},
      {Op::Sqrt, [](double v, double, double) { return std::sqrt(v); }},
      {Op::Exp, [](double v, double, double) { return std::exp(v); }},
      {Op::Log, [](double v, double, double) { return std::log(v); }},
      {Op::Softplus, [](double v, double, double) { return std::log1p(std::exp(v)); }},
      {Op::Softsign, [](double v, double, double) { return v / (1 + std::abs(v)); }},
      {Op::Neg, [](double v, double, double) { return -v; }},
      {Op::Abs, [](double v, double, double) { return std::abs(v); }},
      {Op::Exp, [](double v, double, double) { return std::exp(v); }},
      {Op::Log, [](double v, double, double) { return std::log(v); }},
      {Op::Reciprocal, [](double v, double, double) { return 1 / v; }},
      {Op::Sign, [](double v, double, double) { return v > 0   ? 1.0
                                                       : v < 0 ? -1.0
                                                               : 0.0; }},
      {Op::Floor, [](double v, double, double) { return std::floor(v); }},
      {Op::Ceil, [](double v, double, double) { return std::ceil(v); }},
      {Op::Round, [](double v, double, double) { return std::nearbyint(v); }},
      {Op::Sin, [](double v, double, double) { return std::sin(v); }},
      {Op::Cos, [](double v, double, double) { return std::cos(v); }},
      {Op::Not, [](double v, double, double) { return v == 0 ? 1.0 : 0.0; }},
      {Op::Mish, [](double v, double, double) { return v * std::tanh(std::log1p(std::exp(v))); }}};
  return mapped(c, [&](double v) { return functions.at(c.node.op)(v, alpha, beta); });
}

// ---- quantised values, by the definitions of the standard: integers between QuantizeLinear and DequantizeLinear
#include "unit/passes/evaluate_more.inc.h"

Arrays expand(const Call& c) {
  Array y = c.zeros();
  each(y.shape, [&](const Index& i) { at(y, i) = broadcastAt(c.x(), i); });
  return {y};
}

Arrays logSoftmax(const Call& c) {
  Arrays y = softmax(c);
  for (double& v : y[0].data) v = std::log(v);
  return y;
}

using Function = Arrays (*)(const Call&);

Function functionOf(Op op) {
  static const std::map<Op, Function> functions = {{Op::Conv, conv},
                                                   {Op::MaxPool, pool},
                                                   {Op::AveragePool, pool},
                                                   {Op::GlobalAveragePool, globalPool},
                                                   {Op::GlobalMaxPool, globalPool},
                                                   {Op::ReduceMean, reduceMean},
                                                   {Op::Dense, dense},
                                                   {Op::Gemm, gemm},
                                                   {Op::MatMul, matMul},
                                                   {Op::BatchNormalization, batchNorm},
                                                   {Op::Affine, affine},
                                                   {Op::Softmax, softmax},
                                                   {Op::LogSoftmax, logSoftmax},
                                                   {Op::Concat, concat},
                                                   {Op::Split, split},
                                                   {Op::Slice, slice},
                                                   {Op::Pad, pad},
                                                   {Op::Reshape, reshape},
                                                   {Op::Flatten, reshape},
                                                   {Op::Squeeze, reshape},
                                                   {Op::Unsqueeze, reshape},
                                                   {Op::Identity, reshape},
                                                   {Op::Dropout, reshape},
                                                   {Op::Cast, reshape},
                                                   {Op::Transpose, transpose},
                                                   {Op::Gather, gather},
                                                   {Op::LRN, lrn},
                                                   {Op::PRelu, prelu},
                                                   {Op::Clip, clip},
                                                   {Op::Resize, resize},
                                                   {Op::Take, take},
                                                   {Op::Upsample, resize},
                                                   {Op::Add, binary},
                                                   {Op::Sub, binary},
                                                   {Op::Mul, binary},
                                                   {Op::Div, binary},
                                                   {Op::Pow, binary},
                                                   {Op::Gelu, gelu},
                                                   {Op::LayerNormalization, layerNorm},
                                                   {Op::Expand, expand},
                                                   {Op::Max, comparison},
                                                   {Op::Min, comparison},
                                                   {Op::Greater, comparison},
                                                   {Op::Less, comparison},
                                                   {Op::GreaterOrEqual, comparison},
                                                   {Op::LessOrEqual, comparison},
                                                   {Op::Equal, comparison},
                                                   {Op::And, comparison},
                                                   {Op::Or, comparison},
                                                   {Op::Xor, comparison},
                                                   {Op::Where, where},
                                                   {Op::QuantizeLinear, quantizeLinear},
                                                   {Op::DequantizeLinear, dequantizeLinear},
                                                   {Op::DynamicQuantizeLinear, dynamicQuantizeLinear},
                                                   {Op::FakeQuantize, fakeQuantize},
                                                   {Op::DynamicFakeQuantize, dynamicFakeQuantize}};
  const auto it = functions.find(op);
  return it == functions.end() ? activation : it->second;
}

Array arrayOf(const Constant& constant) {
  if (constant.floats) return {constant.shape, {constant.floats->begin(), constant.floats->end()}};
  return {constant.shape, {constant.ints->begin(), constant.ints->end()}};
}

}  // namespace

Array runGraph(const Graph& graph, const Array& input) {
  std::map<ValueId, Array> values{{graph.inputs.at(0), input}};
  auto valueOf = [&](ValueId id) -> const Array* {
    if (id == kNoValue) return nullptr;
    if (!values.count(id)) values[id] = arrayOf(*graph.value(id).constant);
    return &values[id];
  };
  for (const Node& node : graph.nodes) {
    Call call{node, {}, {}};
    for (ValueId id : node.inputs) call.in.push_back(valueOf(id));
    for (ValueId id : node.outputs) call.out.push_back(graph.value(id).shape);
    Arrays results = functionOf(node.op)(call);
    for (std::size_t i = 0; i < results.size(); ++i) values[node.outputs[i]] = std::move(results[i]);
  }
  return *valueOf(graph.outputs.at(0));
}

}  // namespace relprop::test

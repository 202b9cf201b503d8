// Quantised files from end to end: the forward pass gives what the file's integers give, relevance goes through the
// dequantised layers as it does in the network of floats.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "relprop/explain.h"
#include "unit/core/failure.h"
#include "unit/explainer/network.h"

namespace relprop::onnx_test {
namespace quantised_test {

using ::testing::HasSubstr;

// Integers with what they stand for.
struct Quantised {
  Shape shape;
  Ints values;
  Floats scales;  // one, or one for each place of the first axis
  std::int64_t zero = 0;
  double real(std::size_t i) const {
    const std::size_t each = values.size() / scales.size();
    return static_cast<double>(values[i] - zero) * scales[i / each];
  }
};

struct Grid {
  float scale;
  std::int64_t zero;
};

Quantised weights(const Shape& shape, float frequency) {
  Quantised w{shape, Ints(static_cast<std::size_t>(elementCount(shape))), {}, 0};
  for (std::size_t i = 0; i < w.values.size(); ++i) w.values[i] = std::llround(110 * wave(i, frequency));
  for (std::int64_t c = 0; c < shape[0]; ++c) w.scales.push_back(0.002f + 0.0003f * static_cast<float>(c));
  return w;
}

// ---- the arithmetic of the file, in integers
Quantised requantised(const Shape& shape, const std::vector<double>& reals, Grid to) {
  Quantised q{shape, {}, {to.scale}, to.zero};
  for (double v : reals) q.values.push_back(std::clamp<std::int64_t>(std::llrint(v / to.scale) + to.zero, 0, 255));
  return q;
}

Quantised conv(const Quantised& x, const Quantised& w, const Ints& bias, Grid to) {
  const std::int64_t C = x.shape[1], H = x.shape[2], W = x.shape[3], O = w.shape[0], pad = w.shape[2] / 2;
  std::vector<double> out;
  for (std::int64_t o = 0; o < O; ++o)
    for (std::int64_t y = 0; y < H; ++y)
      for (std::int64_t u = 0; u < W; ++u) {
        std::int64_t sum = bias[static_cast<std::size_t>(o)];
        for (std::int64_t c = 0; c < C; ++c)
          for (std::int64_t i = -pad; i <= pad; ++i)
            for (std::int64_t j = -pad; j <= pad; ++j) {
              if (y + i < 0 || y + i >= H || u + j < 0 || u + j >= W) continue;
              const auto at = static_cast<std::size_t>((c * H + y + i) * W + u + j);
              const auto k = static_cast<std::size_t>(((o * C + c) * w.shape[2] + i + pad) * w.shape[3] + j + pad);
              sum += (x.values[at] - x.zero) * w.values[k];
            }
        out.push_back(static_cast<double>(sum) * x.scales[0] * w.scales[static_cast<std::size_t>(o)]);
      }
  return requantised({1, O, H, W}, out, to);
}

Quantised sum(const Quantised& a, const Quantised& b, Grid to) {
  std::vector<double> out;
  for (std::size_t i = 0; i < a.values.size(); ++i) out.push_back(a.real(i) + b.real(i));
  return requantised(a.shape, out, to);
}

Quantised joined(const Quantised& a, const Quantised& b, Grid to) {
  std::vector<double> out;
  for (const Quantised* part : {&a, &b})
    for (std::size_t i = 0; i < part->values.size(); ++i) out.push_back(part->real(i));
  return requantised({1, a.shape[1] + b.shape[1], a.shape[2], a.shape[3]}, out, to);
}

Quantised maxPool(const Quantised& x) {
  const std::int64_t C = x.shape[1], H = x.shape[2], W = x.shape[3];
  Quantised y{{1, C, H / 2, W / 2}, {}, x.scales, x.zero};
  for (std::int64_t c = 0; c < C; ++c)
    for (std::int64_t i = 0; i < H / 2; ++i)
      for (std::int64_t j = 0; j < W / 2; ++j) {
        std::int64_t most = -1000;
        for (std::int64_t d : {0, 1, 2, 3})
          most = std::max(most, x.values[static_cast<std::size_t>((c * H + 2 * i + d / 2) * W + 2 * j + d % 2)]);
        y.values.push_back(most);
      }
  return y;
}

Quantised globalAverage(const Quantised& x, Grid to) {
  const auto plane = static_cast<std::size_t>(x.shape[2] * x.shape[3]);
  std::vector<double> out(static_cast<std::size_t>(x.shape[1]));
  for (std::size_t i = 0; i < x.values.size(); ++i) out[i / plane] += x.real(i) / static_cast<double>(plane);
  return requantised({1, x.shape[1], 1, 1}, out, to);
}

std::vector<double> product(const Quantised& x, const Quantised& w, const Ints& bias) {
  std::vector<double> out;
  const auto I = static_cast<std::size_t>(w.shape[1]);
  for (std::size_t o = 0; o < static_cast<std::size_t>(w.shape[0]); ++o) {
    std::int64_t total = bias[o];
    for (std::size_t i = 0; i < I; ++i) total += (x.values[i] - x.zero) * w.values[o * I + i];
    out.push_back(static_cast<double>(total) * x.scales[0] * w.scales[o]);
  }
  return out;
}

// ---- one network in three forms
constexpr Grid kX{0.008f, 128}, kFirst{0.006f, 0}, kSecond{0.01f, 131}, kSum{0.012f, 0}, kThird{0.009f, 0},
    kJoined{0.012f, 0}, kMean{0.004f, 0}, kScores{0.01f, 120};
const Quantised kW1 = weights({5, 3, 3, 3}, 0.7f), kW2 = weights({5, 5, 3, 3}, 1.3f), kW3 = weights({4, 5, 1, 1}, 2.1f),
                kW4 = weights({6, 9}, 0.9f);
const Ints kB1{900, -400, 50, 0, 200}, kB2{-300, 10, 500, 40, -90}, kB3{100, -20, 30, 60}, kB4{40, 900, -60, 0, 20, 8};

Floats integerLogits() {
  const Tensor input = picture();
  const Quantised x = requantised(kPicture, {input.data.begin(), input.data.end()}, kX);
  const Quantised first = conv(x, kW1, kB1, kFirst);
  const Quantised pooled = maxPool(sum(first, conv(first, kW2, kB2, kSecond), kSum));
  const Quantised mean = globalAverage(joined(pooled, conv(pooled, kW3, kB3, kThird), kJoined), kMean);
  const Quantised scores = requantised({1, 6}, product(mean, kW4, kB4), kScores);
  Floats logits;
  for (std::size_t i = 0; i < 6; ++i) logits.push_back(static_cast<float>(scores.real(i)));
  return logits;
}

class QuantisedNetwork : public Network {
 public:
  std::vector<std::string> grid(Grid g) { return {floats({}, {g.scale}), integers(kUint8, {}, {g.zero})}; }
  std::vector<std::string> weights(const Quantised& w) {
    return {integers(kInt8, w.shape, w.values), floats({w.shape[0]}, w.scales),
            integers(kInt8, {w.shape[0]}, Ints(w.scales.size()))};
  }
};

// As a file of operators on integers.
Model ofIntegers() {
  QuantisedNetwork n;
  const auto layer = [&](const std::string& x, Grid from, const Quantised& w, const Ints& bias, Grid to) {
    const std::int64_t pad = w.shape[2] / 2;
    const std::string b = n.integers(kInt32, {w.shape[0]}, bias);
    return n.add("QLinearConv", {{x}, n.grid(from), n.weights(w), n.grid(to), {b}}, {{"pads", Ints(4, pad)}});
  };
  const std::string x = n.add("QuantizeLinear", {{"x"}, n.grid(kX)});
  const std::string first = layer(x, kX, kW1, kB1, kFirst), second = layer(first, kFirst, kW2, kB2, kSecond);
  const std::string total =
      n.add("QLinearAdd", {{first}, n.grid(kFirst), {second}, n.grid(kSecond), n.grid(kSum)}, {}, kMicrosoft);
  const std::string pooled = n.add("MaxPool", {{total}}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
  const std::string third = layer(pooled, kSum, kW3, kB3, kThird);
  const std::string both = n.add("QLinearConcat", {n.grid(kJoined), {pooled}, n.grid(kSum), {third}, n.grid(kThird)},
                                 {{"axis", 1}}, kMicrosoft);
  const std::string mean =
      n.add("QLinearGlobalAveragePool", {{both}, n.grid(kJoined), n.grid(kMean)}, {{"channels_last", 0}}, kMicrosoft);
  const std::string flat = n.add("Flatten", {{mean}}), bias = n.integers(kInt32, {6}, kB4);
  const std::string scores =
      n.add("QGemm", {{flat}, n.grid(kMean), n.weights(kW4), {bias}, n.grid(kScores)}, {{"transB", 1}}, kMicrosoft);
  return n.model(n.add("DequantizeLinear", {{scores}, n.grid(kScores)}));
}

// The same with operators on floats; `rounds`: between QuantizeLinear and DequantizeLinear.
Model ofFloats(bool rounds) {
  QuantisedNetwork n;
  const auto q = [&](const std::string& x, Grid g) {
    if (!rounds) return g.zero == 0 ? n.add("Relu", {{x}}) : x;
    return n.add("DequantizeLinear", {{n.add("QuantizeLinear", {{x}, n.grid(g)})}, n.grid(g)});
  };
  const auto weights = [&](const Quantised& w) { return n.add("DequantizeLinear", {n.weights(w)}, {{"axis", 0}}); };
  const auto bias = [&](const Ints& values, Grid x, const Quantised& w) {
    Floats scales = w.scales;
    for (float& s : scales) s *= x.scale;
    const Shape shape{w.shape[0]};
    return n.add("DequantizeLinear", {{n.integers(kInt32, shape, values), n.floats(shape, scales)}}, {{"axis", 0}});
  };
  const auto layer = [&](const std::string& x, Grid from, const Quantised& w, const Ints& b) {
    return n.add("Conv", {{x, weights(w), bias(b, from, w)}}, {{"pads", Ints(4, w.shape[2] / 2)}});
  };
  const std::string x = q("x", kX), first = q(layer(x, kX, kW1, kB1), kFirst);
  const std::string total = q(n.add("Add", {{first, q(layer(first, kFirst, kW2, kB2), kSecond)}}), kSum);
  const std::string pooled = n.add("MaxPool", {{total}}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
  const std::string third = q(layer(pooled, kSum, kW3, kB3), kThird);
  const std::string both = q(n.add("Concat", {{pooled, third}}, {{"axis", 1}}), kJoined);
  const std::string mean = n.add("Flatten", {{q(n.add("GlobalAveragePool", {{both}}), kMean)}});
  return n.model(q(n.add("Gemm", {{mean, weights(kW4), bias(kB4, kMean, kW4)}}, {{"transB", 1}}), kScores));
}

Explanation explained(const Model& model, const std::string& method) {
  return Explainer(model, with(method)).explain(picture()).at(0);
}

double cosine(const Floats& a, const Floats& b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) ab += a[i] * b[i], aa += a[i] * a[i], bb += b[i] * b[i];
  return ab / std::sqrt(aa * bb);
}

TEST(Quantised, LogitsAreThoseOfTheIntegers) {
  const Floats expected = integerLogits();
  ASSERT_GT(*std::max_element(expected.begin(), expected.end()), *std::min_element(expected.begin(), expected.end()));
  for (const Model& model : {ofIntegers(), ofFloats(true)}) {
    const Floats logits = Explainer(model, with("gradient")).forward(picture()).data;
    ASSERT_EQ(logits.size(), expected.size());
    for (std::size_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(logits[i], expected[i], 1e-5) << i;
  }
}

TEST(Quantised, BothFormsOfAFileHaveTheSameMap) {
  for (const char* method : {"gradient", "guided-backprop", "lrp-zplus", "rap", "epsilon-plus-flat", "deeplift"})
    EXPECT_EQ(explained(ofIntegers(), method).relevance.data, explained(ofFloats(true), method).relevance.data)
        << method;
}

TEST(Quantised, MapsAreLikeThoseOfTheFloats) {
  for (const auto& [method, least] : std::map<std::string, double>{{"gradient", 0.9},
                                                                   {"guided-backprop", 0.9},
                                                                   {"deconvnet", 0.9},
                                                                   {"deeplift", 0.9},
                                                                   {"lrp-zplus", 0.98},
                                                                   {"rap", 0.98},
                                                                   {"epsilon-plus-flat", 0.98},
                                                                   {"grad-cam", 0.98}})
    EXPECT_GT(cosine(explained(ofFloats(false), method).relevance.data, explained(ofIntegers(), method).relevance.data),
              least)
        << method;
}

TEST(Quantised, RelevanceIsConserved) {
  const Explanation map = explained(ofIntegers(), "rap");
  EXPECT_NEAR(map.sum, map.seed, 1e-4 * std::abs(map.seed));
}

TEST(Quantised, ConvolutionsOfChannelsThatLieLast) {
  QuantisedNetwork n;
  const std::string x =
      n.add("Transpose", {{n.add("QuantizeLinear", {{"x"}, n.grid(kX)})}}, {{"perm", Ints{0, 2, 3, 1}}});
  const std::string bias = n.integers(kInt32, {5}, kB1);
  const std::string y = n.add("QLinearConv", {{x}, n.grid(kX), n.weights(kW1), n.grid(kFirst), {bias}},
                              {{"pads", Ints(4, 1)}, {"kernel_shape", Ints{3, 3}}, {"channels_last", 1}}, kMicrosoft);
  const std::string back = n.add("Transpose", {{y}}, {{"perm", Ints{0, 3, 1, 2}}});
  const std::string flat = n.add("Flatten", {{n.add("DequantizeLinear", {{back}, n.grid(kFirst)})}});
  const Floats got = Explainer(n.model(flat), with("gradient")).forward(picture()).data;
  const Tensor input = picture();
  const Quantised expected = conv(requantised(kPicture, {input.data.begin(), input.data.end()}, kX), kW1, kB1, kFirst);
  ASSERT_EQ(got.size(), expected.values.size());
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected.real(i), 1e-5) << i;
}

// ---- operators that are elementwise or pool: as the operator on the real numbers, rounded
struct RealOperator {
  std::string quantised, real;
  std::vector<NamedAttribute> attributes;
  bool two = false;
};

TEST(Quantised, OperatorsAreThoseOnTheNumbersRounded) {
  const std::vector<NamedAttribute> window{{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}};
  const std::vector<RealOperator> operators = {{"QLinearAdd", "Add", {}, true},
                                               {"QLinearMul", "Mul", {}, true},
                                               {"QLinearSigmoid", "Sigmoid", {}},
                                               {"QLinearLeakyRelu", "LeakyRelu", {{"alpha", 0.2f}}},
                                               {"QLinearAveragePool", "AveragePool", window}};
  const Grid to{0.011f, 110};
  for (const RealOperator& o : operators) {
    const auto finish = [](Network& n, const std::string& y) { return n.model(n.add("Flatten", {{y}})); };
    QuantisedNetwork a, b;
    const std::string qa = a.add("QuantizeLinear", {{"x"}, a.grid(kX)}),
                      qb = b.add("QuantizeLinear", {{"x"}, b.grid(kX)});
    std::vector<std::vector<std::string>> inputs{{qa}, a.grid(kX)};
    if (o.two) inputs.insert(inputs.end(), {{qa}, a.grid(kX)});
    inputs.push_back(a.grid(to));
    const std::string ya = a.add(o.quantised, inputs, o.attributes, kMicrosoft);
    const std::string real = b.add("DequantizeLinear", {{qb}, b.grid(kX)});
    const std::string yb = b.add(o.real, {o.two ? std::vector{real, real} : std::vector{real}}, o.attributes);
    const std::string rounded = b.add("QuantizeLinear", {{yb}, b.grid(to)});
    const Model first = finish(a, a.add("DequantizeLinear", {{ya}, a.grid(to)}));
    const Model second = finish(b, b.add("DequantizeLinear", {{rounded}, b.grid(to)}));
    EXPECT_EQ(Explainer(first, with("gradient")).forward(picture()).data,
              Explainer(second, with("gradient")).forward(picture()).data)
        << o.quantised;
  }
}

// ---- dynamic quantisation

Quantised dynamicallyQuantised(const Floats& x) {
  const float low = std::min(0.0f, *std::min_element(x.begin(), x.end()));
  const float high = std::max(0.0f, *std::max_element(x.begin(), x.end()));
  const float scale = (high - low) / 255;
  const Grid grid{scale, std::llrint(-low / scale)};
  return requantised({1, static_cast<std::int64_t>(x.size())}, {x.begin(), x.end()}, grid);
}

// Weights I×O, with a scale a column.
std::vector<std::string> columns(QuantisedNetwork& n, const Quantised& w) {
  const std::int64_t O = w.shape[0], I = w.shape[1];
  Ints turned;
  for (std::int64_t i = 0; i < I; ++i)
    for (std::int64_t o = 0; o < O; ++o) turned.push_back(w.values[static_cast<std::size_t>(o * I + i)]);
  return {n.integers(kInt8, {I, O}, turned), n.floats({O}, w.scales), n.integers(kInt8, {O}, Ints(w.scales.size()))};
}

TEST(Quantised, DynamicScalesInAllForms) {
  const Quantised w = weights({7, 192}, 1.7f);
  const Floats bias{0.1f, -0.2f, 0.3f, 0, 0.5f, -0.6f, 0.7f};
  const std::vector<double> products = product(dynamicallyQuantised(picture().data), w, Ints(7));
  std::vector<Model> models;
  for (const char* form : {"MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul"}) {
    QuantisedNetwork n;
    const std::string x = n.add("Flatten", {{"x"}}), b = n.floats({7}, bias);
    const std::vector<std::string> c = columns(n, w);
    if (form == std::string("DynamicQuantizeMatMul")) {
      models.push_back(n.model(n.add(form, {{x}, c, {b}}, {}, kMicrosoft)));
      continue;
    }
    n.builder.node("DynamicQuantizeLinear", {x}, {"q", "s", "z"});
    if (form == std::string("MatMulIntegerToFloat")) {
      models.push_back(n.model(n.add(form, {{"q", c[0], "s", c[1], "z", c[2], b}}, {}, kMicrosoft)));
      continue;
    }
    const std::string numbers = n.add("Cast", {{n.add(form, {{"q", c[0], "z", c[2]}})}}, {{"to", 1}});
    const std::string real = n.add("Mul", {{numbers, n.add("Mul", {{"s", c[1]}})}});
    models.push_back(n.model(n.add("Add", {{real, b}})));
  }
  for (const Model& model : models) {
    const Floats got = Explainer(model, with("gradient")).forward(picture()).data;
    for (std::size_t o = 0; o < 7; ++o) EXPECT_NEAR(got[o], products[o] + bias[o], 2e-5) << o;
    const Explanation map = explained(model, "lrp-0");
    EXPECT_NEAR(map.sum, map.seed - bias[static_cast<std::size_t>(map.target)], 1e-3);
  }
}

// ---- what is refused
TEST(Quantised, RefusesIntegerTypesThatAreNotKnown) {
  QuantisedNetwork n;
  const std::string zero = n.integers(kInt32, {}, {0});
  EXPECT_EQ(test::failureOf([&] {
              n.model(n.add("QuantizeLinear", {{"x", n.floats({}, {0.1f}), zero}}));
            }).code(),
            ErrorCode::UnsupportedModel);
}

}  // namespace quantised_test
}  // namespace relprop::onnx_test

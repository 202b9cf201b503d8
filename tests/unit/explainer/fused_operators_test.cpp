// What onnxruntime's optimiser writes is what the operators that it replaced compute.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "relprop/error.h"
#include "unit/core/failure.h"
#include "unit/explainer/network.h"

namespace relprop::onnx_test {
namespace fused_operators_test {

using Write = std::function<std::string(Network&)>;

// Both of x; the operator as it is written by onnxruntime, and as several others.
struct FusedCase {
  std::string name;
  Write fused, plain;
};
std::ostream& operator<<(std::ostream& out, const FusedCase& c) {
  return out << c.name;
}

std::string values(Network& n, const Shape& shape, float frequency) {
  Floats list(static_cast<std::size_t>(elementCount(shape)));
  for (std::size_t i = 0; i < list.size(); ++i) list[i] = wave(i, frequency);
  return n.floats(shape, list);
}

std::string number(Network& n, float value) {
  return n.floats({}, {value});
}

std::vector<std::string> convInputs(Network& n, const std::string& x = "x", std::int64_t channels = 3) {
  return {x, values(n, {4, channels, 3, 3}, 0.7f), values(n, {4}, 1.9f)};
}

const std::vector<NamedAttribute> kPads{{"pads", Ints(4, 1)}};

std::string conv(Network& n) {
  return n.add("Conv", {convInputs(n)}, kPads);
}

FusedCase fusedConv(const std::string& activation, const Floats& parameters, const Write& plain) {
  return {"FusedConv" + activation,
          [=](Network& n) {
            std::vector<NamedAttribute> attributes = kPads;
            attributes.emplace_back("activation", activation.c_str());
            if (!parameters.empty()) attributes.emplace_back("activation_params", parameters);
            return n.add("FusedConv", {convInputs(n)}, attributes, kMicrosoft);
          },
          plain};
}

// 1×8×3×8 and its rows.
std::string rows(Network& n) {
  return n.add("Transpose", {{"x"}}, {{"perm", Ints{0, 2, 1, 3}}});
}

Write matMul(bool fused, bool turnFirst, bool turnSecond, float alpha) {
  return [=](Network& n) {
    const std::string a = turnFirst ? "x" : n.add("Transpose", {{"x"}}, {{"perm", Ints{0, 1, 3, 2}}});
    const std::string b = turnSecond ? values(n, {5, 8}, 0.3f) : values(n, {8, 5}, 0.3f);
    if (fused)
      return n.add("FusedMatMul", {{a, b}}, {{"transA", turnFirst}, {"transB", turnSecond}, {"alpha", alpha}},
                   kMicrosoft);
    const std::string left = turnFirst ? n.add("Transpose", {{a}}, {{"perm", Ints{0, 1, 3, 2}}}) : a;
    const std::string right = turnSecond ? n.add("Transpose", {{b}}, {{"perm", Ints{1, 0}}}) : b;
    return n.add("Mul", {{n.add("MatMul", {{left, right}}), number(n, alpha)}});
  };
}

std::string gelu(Network& n, const std::string& x, bool tanh) {
  if (!tanh) {
    const std::string erf = n.add("Erf", {{n.add("Div", {{x, number(n, std::sqrt(2.0f))}})}});
    return n.add("Mul", {{n.add("Mul", {{x, n.add("Add", {{erf, number(n, 1)}})}}), number(n, 0.5f)}});
  }
  const std::string cube = n.add("Mul", {{n.add("Mul", {{n.add("Mul", {{x, x}}), x}}), number(n, 0.044715f)}});
  const std::string inner = n.add("Mul", {{n.add("Add", {{x, cube}}), number(n, std::sqrt(2 / 3.14159265f))}});
  const std::string gate = n.add("Add", {{n.add("Tanh", {{inner}}), number(n, 1)}});
  return n.add("Mul", {{n.add("Mul", {{x, gate}}), number(n, 0.5f)}});
}

std::string plus(Network& n, const std::string& x, const Shape& shape) {
  return n.add("Add", {{x, values(n, shape, 2.3f)}});
}

Write normalised(bool skip, bool bias) {
  return [=](Network& n) {
    std::string sum = rows(n);
    if (skip) sum = n.add("Add", {{sum, n.add("Mul", {{sum, sum}})}});
    if (bias) sum = plus(n, sum, {8});
    return n.add("LayerNormalization", {{sum, values(n, {8}, 0.9f), values(n, {8}, 1.1f)}}, {{"epsilon", 1e-3f}});
  };
}

// x/√(mean(x²) + ε)·scale
std::string rms(Network& n, const std::string& x) {
  const std::string mean = n.add("ReduceMean", {{n.add("Mul", {{x, x}})}}, {{"axes", Ints{-1}}});
  const std::string root = n.add("Sqrt", {{n.add("Add", {{mean, number(n, 1e-3f)}})}});
  return n.add("Mul", {{n.add("Div", {{x, root}}), values(n, {8}, 0.9f)}});
}

std::vector<FusedCase> convolutions() {
  return {
      fusedConv("", {}, conv),
      fusedConv("Relu", {}, [](Network& n) { return n.add("Relu", {{conv(n)}}); }),
      fusedConv("Tanh", {}, [](Network& n) { return n.add("Tanh", {{conv(n)}}); }),
      fusedConv("Sigmoid", {}, [](Network& n) { return n.add("Sigmoid", {{conv(n)}}); }),
      fusedConv("LeakyRelu", {0.3f},
                [](Network& n) {
                  return n.add("LeakyRelu", {{conv(n)}}, {{"alpha", 0.3f}});
                }),
      fusedConv("HardSigmoid", {0.3f, 0.4f},
                [](Network& n) {
                  return n.add("HardSigmoid", {{conv(n)}}, {{"alpha", 0.3f}, {"beta", 0.4f}});
                }),
      fusedConv("Clip", {-0.2f, 0.5f},
                [](Network& n) {
                  return n.add("Clip", {{conv(n), number(n, -0.2f), number(n, 0.5f)}});
                }),
      {"FusedConvSum",
       [](Network& n) {
         const std::string first = conv(n);
         return n.add("FusedConv", {convInputs(n, first, 4), {first}}, {{"pads", Ints(4, 1)}, {"activation", "Relu"}},
                      kMicrosoft);
       },
       [](Network& n) {
         const std::string first = conv(n), second = n.add("Conv", {convInputs(n, first, 4)}, kPads);
         return n.add("Relu", {{n.add("Add", {{second, first}})}});
       }},
  };
}

std::vector<FusedCase> products() {
  const auto gemm = [](const char* op, Network& n, std::vector<NamedAttribute> more, const char* domain) {
    more.insert(more.end(), {{"alpha", 0.5f}, {"beta", 2.0f}, {"transB", 1}});
    return n.add(op, {{n.add("Flatten", {{"x"}}), values(n, {5, 192}, 0.1f), values(n, {5}, 0.4f)}}, more, domain);
  };
  return {
      {"FusedGemm",
       [=](Network& n) {
         return gemm("FusedGemm", n, {{"activation", "LeakyRelu"}, {"activation_alpha", 0.2f}}, kMicrosoft);
       },
       [=](Network& n) {
         return n.add("LeakyRelu", {{gemm("Gemm", n, {}, "")}}, {{"alpha", 0.2f}});
       }},
      {"FusedMatMul", matMul(true, false, false, 0.5f), matMul(false, false, false, 0.5f)},
      {"FusedMatMulTransA", matMul(true, true, false, 1), matMul(false, true, false, 1)},
      {"FusedMatMulTransB", matMul(true, false, true, 2), matMul(false, false, true, 2)},
  };
}

std::vector<FusedCase> activations() {
  return {
      {"Gelu", [](Network& n) { return n.add("Gelu", {{"x"}}, {}, kMicrosoft); },
       [](Network& n) { return gelu(n, "x", false); }},
      {"BiasGelu",
       [](Network& n) {
         return n.add("BiasGelu", {{"x", values(n, {8}, 2.3f)}}, {}, kMicrosoft);
       },
       [](Network& n) { return gelu(n, plus(n, "x", {8}), false); }},
      {"FastGelu", [](Network& n) { return n.add("FastGelu", {{"x"}}, {}, kMicrosoft); },
       [](Network& n) { return gelu(n, "x", true); }},
      {"FastGeluBias",
       [](Network& n) {
         return n.add("FastGelu", {{"x", values(n, {8}, 2.3f)}}, {}, kMicrosoft);
       },
       [](Network& n) { return gelu(n, plus(n, "x", {8}), true); }},
      {"QuickGelu",
       [](Network& n) {
         return n.add("QuickGelu", {{"x"}}, {{"alpha", 1.5f}}, kMicrosoft);
       },
       [](Network& n) {
         const std::string gate = n.add("Sigmoid", {{n.add("Mul", {{"x", number(n, 1.5f)}})}});
         return n.add("Mul", {{"x", gate}});
       }},
  };
}

std::vector<FusedCase> normalisations() {
  const auto skip = [](Network& n, const char* op, bool simple, bool bias) {
    const std::string x = rows(n);
    std::vector<std::string> inputs{x, n.add("Mul", {{x, x}}), values(n, {8}, 0.9f)};
    if (!simple) inputs.push_back(values(n, {8}, 1.1f));
    if (bias) inputs.push_back(values(n, {8}, 2.3f));
    return n.add(op, {inputs}, {{"epsilon", 1e-3f}}, kMicrosoft);
  };
  return {
      {"SkipLayerNormalization", [=](Network& n) { return skip(n, "SkipLayerNormalization", false, false); },
       normalised(true, false)},
      {"SkipLayerNormalizationBias", [=](Network& n) { return skip(n, "SkipLayerNormalization", false, true); },
       normalised(true, true)},
      {"SkipSimplifiedLayerNormalization",
       [=](Network& n) { return skip(n, "SkipSimplifiedLayerNormalization", true, true); },
       [](Network& n) {
         const std::string x = rows(n);
         return rms(n, plus(n, n.add("Add", {{x, n.add("Mul", {{x, x}})}}), {8}));
       }},
      {"LayerNormalization",
       [](Network& n) {
         return n.add("LayerNormalization", {{rows(n), values(n, {8}, 0.9f), values(n, {8}, 1.1f)}},
                      {{"epsilon", 1e-3f}}, kMicrosoft);
       },
       normalised(false, false)},
      {"SimplifiedLayerNormalization",
       [](Network& n) {
         return n.add("SimplifiedLayerNormalization", {{rows(n), values(n, {8}, 0.9f)}}, {{"epsilon", 1e-3f}});
       },
       [](Network& n) { return rms(n, rows(n)); }},
  };
}

class Fused : public ::testing::TestWithParam<FusedCase> {};

TEST_P(Fused, IsWhatItReplaced) {
  Network fused(17), plain(17);
  const Floats got = scoresOf(fused, GetParam().fused(fused)), expected = scoresOf(plain, GetParam().plain(plain));
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-5) << i;
}

std::string nameOf(const ::testing::TestParamInfo<FusedCase>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Convolutions, Fused, ::testing::ValuesIn(convolutions()), nameOf);
INSTANTIATE_TEST_SUITE_P(Products, Fused, ::testing::ValuesIn(products()), nameOf);
INSTANTIATE_TEST_SUITE_P(Activations, Fused, ::testing::ValuesIn(activations()), nameOf);
INSTANTIATE_TEST_SUITE_P(Normalisations, Fused, ::testing::ValuesIn(normalisations()), nameOf);

TEST(FusedRefusals, NameWhatIsNotKnown) {
  const auto refused = [](const std::vector<NamedAttribute>& attributes) {
    Network n;
    const std::string y = n.add("FusedConv", {convInputs(n)}, attributes, kMicrosoft);
    return std::string(test::failureOf([&] { n.model(y); }).what());
  };
  EXPECT_THAT(refused({{"activation", "Softmax"}}), ::testing::HasSubstr("activation 'Softmax'"));
  EXPECT_THAT(refused({{"activation", "Clip"}}), ::testing::HasSubstr("activation_params"));
  EXPECT_THAT(refused({{"activations", "Relu"}}), ::testing::HasSubstr("activations"));
}

}  // namespace fused_operators_test
}  // namespace relprop::onnx_test

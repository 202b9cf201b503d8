// The numbers of docs/toy.md: the engine on the network that comes along, every share redone by hand, and the page.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <regex>

#include "relprop/explain.h"
#include "support/temporary_folder.h"

namespace relprop::test {
namespace {

const std::filesystem::path kTop = std::filesystem::path(__FILE__).parent_path() / "../../..";

struct ToyRelevance {
  std::vector<double> inputs, hidden;
};

ToyRelevance toyByEngine(const std::string& method, bool reference) {
  ExplainOptions options;
  options.method = method, options.threads = 1, options.reference = reference;
  options.at = {"hidden"};
  const Tensor x = readNpy(kTop / "examples/toy/input.npy");
  const Explanation e = Explainer(Model::load(kTop / "examples/toy/toy.onnx"), options).explain(x)[0];
  EXPECT_FLOAT_EQ(e.logits.at(0), 6);
  const std::vector<float>& hidden = e.layers.at(0).relevance.data;
  return {{e.relevance.data.begin(), e.relevance.data.end()}, {hidden.begin(), hidden.end()}};
}

// z₁ = 4 + 4 − 2 (of x₁, x₂, x₃), z₂ = 8 − 1 − 1 (of x₁, x₃, x₄), f = 12 − 6.
struct ToyCase {
  std::string method;
  ToyRelevance byHand;
};
std::ostream& operator<<(std::ostream& out, const ToyCase& c) {
  return out << c.method;
}

ToyCase toyEpsilon() {
  const double h1 = 12 / 6.0 * 6, h2 = -6 / 6.0 * 6;
  return {"lrp-epsilon",
          {{4 / 6.0 * h1 + 8 / 6.0 * h2, 4 / 6.0 * h1, -2 / 6.0 * h1 - 1 / 6.0 * h2, -1 / 6.0 * h2}, {h1, h2}}};
}
ToyCase toyAlphaTwo() {
  const double h1 = 2 * 12 / 12.0 * 6, h2 = -1 * 6 / 6.0 * 6;
  return {
      "lrp-alpha2beta1",
      {{2 * 4 / 8.0 * h1 + 2 * 8 / 8.0 * h2, 2 * 4 / 8.0 * h1, -2 / 2.0 * h1 - 1 / 2.0 * h2, -1 / 2.0 * h2}, {h1, h2}}};
}
ToyCase toyAlphaOne() {
  const double h1 = 12 / 12.0 * 6;
  return {"lrp-alpha1beta0", {{4 / 8.0 * h1, 4 / 8.0 * h1, 0, 0}, {h1, 0}}};
}
ToyCase toyRap() {
  const double h1 = 12 * 6 / 18.0, h2 = 6 * 6 / 18.0;             // |R| · ΣR/Σ|R|
  const double v1 = h1 * 2 / (8 + 2.0), v2 = h2 * 2 / (8 + 2.0);  // R · N/(P + N)
  std::vector<double> r = {4 / 8.0 * h1 + 8 / 8.0 * h2, 4 / 8.0 * h1, 2 / 2.0 * v1 + 1 / 2.0 * v2, 1 / 2.0 * v2};
  const double shift = (std::accumulate(r.begin(), r.end(), 0.0) - (h1 + h2)) / 4;
  for (double& value : r) value -= shift;
  return {"rap:first=none", {r, {h1, h2}}};
}

std::vector<ToyCase> toyCases() {
  return {toyEpsilon(), toyAlphaTwo(), toyAlphaOne(), toyRap()};
}

// As the page writes them: two digits, no zeros behind, a minus sign.
std::string toyText(double value) {
  const std::string text = fmt::format("{:g}", std::round(value * 100) / 100 + 0.0);
  return std::regex_replace(text, std::regex("-"), "−");
}

// Inputs by how much their paths carry, |x_i w_ij v_j| summed: 4·2 + 8·1, 4·2, 2·2 + 1·1, 1·1.
constexpr std::array<double, 4> kPaths = {16, 8, 5, 1};

class Toy : public ::testing::TestWithParam<ToyCase> {};

TEST_P(Toy, IsWhatTheHandComputes) {
  const ToyRelevance& wanted = GetParam().byHand;
  for (const bool reference : {true, false}) {
    const ToyRelevance got = toyByEngine(GetParam().method, reference);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(got.inputs.at(i), wanted.inputs.at(i), 2e-5) << i;
    for (std::size_t j = 0; j < 2; ++j) EXPECT_NEAR(got.hidden.at(j), wanted.hidden.at(j), 2e-5) << j;
  }
}

TEST_P(Toy, KeepsTheSumOfTheScore) {
  const ToyRelevance got = toyByEngine(GetParam().method, false);
  EXPECT_NEAR(std::accumulate(got.inputs.begin(), got.inputs.end(), 0.0), 6, 2e-5);
  EXPECT_NEAR(std::accumulate(got.hidden.begin(), got.hidden.end(), 0.0), 6, 2e-5);
}

TEST_P(Toy, StandsInThePage) {
  const std::vector<std::uint8_t> page = readFile(kTop / "docs/toy.md");
  const ToyRelevance r = toyByEngine(GetParam().method, false);
  std::string row = "| `" + GetParam().method + "` |";
  for (const std::vector<double>& layer : {r.inputs, r.hidden})
    for (const double value : layer) row += " " + toyText(value) + " |";
  EXPECT_THAT(std::string(page.begin(), page.end()), ::testing::HasSubstr(row));
}

INSTANTIATE_TEST_SUITE_P(All, Toy, ::testing::ValuesIn(toyCases()));

// What the paper complains of: x₁ carries most and f falls without it, and yet it gets what an input without weights
// gets, less than x₄, which carries least.
TEST(ToyNetwork, RelevanceOfBothSignsCancels) {
  Explainer explainer(Model::load(kTop / "examples/toy/toy.onnx"), {.threads = 1});
  EXPECT_FLOAT_EQ(explainer.forward(Tensor({1, 4}, {2, 2, 1, 1})).data[0], 6);
  EXPECT_FLOAT_EQ(explainer.forward(Tensor({1, 4}, {0, 2, 1, 1})).data[0], 4);
  for (const char* method : {"lrp-epsilon", "lrp-alpha2beta1"}) {
    const std::vector<double> r = toyByEngine(method, false).inputs;
    EXPECT_NEAR(r[0], 0, 2e-5) << method;
    EXPECT_GT(r[3], 0.9) << method;
  }
}

TEST(ToyNetwork, OnlyRapHasTheOrderOfWhatPathsCarry) {
  for (const ToyCase& c : toyCases()) {
    const std::vector<double> r = toyByEngine(c.method, false).inputs;
    bool same = true;
    for (std::size_t i = 0; i < 4; ++i)
      for (std::size_t j = 0; j < 4; ++j) same &= kPaths[i] <= kPaths[j] || r[i] > r[j] + 1e-4;
    EXPECT_EQ(same, c.method == "rap:first=none") << c.method;
  }
  const std::vector<double> r = toyByEngine("rap:first=none", false).inputs;
  EXPECT_LT(r[3], 0) << "what takes part least is below 0";
}

}  // namespace
}  // namespace relprop::test

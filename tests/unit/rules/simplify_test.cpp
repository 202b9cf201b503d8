// What is left of a rule at a layer.
#include "rules/simplify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/rule.h"

namespace relprop::test {
namespace {

constexpr LinearFacts kAnyInput{false, true}, kNonNegative{true, true}, kWithoutBias{false, false};

std::string termText(const Term& t) {
  static const char* const in[] = {"x", "x+", "x-", "1", "x-l", "x-h"};
  static const char* const weight[] = {"w", "w+", "w-", "|w|", "w+gw+", "w+gw-", "w2", "1", "a", "wa"};
  static const char* const bias[] = {"", "+b", "+b+", "+b-", "+b+gb+", "+b+gb-", "+b2"};
  return (t.sign < 0 ? "-" : "") + std::string(in[static_cast<int>(t.in)]) + "*" + weight[static_cast<int>(t.weight)] +
         bias[static_cast<int>(t.bias)];
}

std::vector<std::string> texts(const std::vector<Term>& terms) {
  std::vector<std::string> all;
  for (const Term& t : terms) all.push_back(termText(t));
  return all;
}

LinearRule at(const LinearFacts& layer, const std::string& rule) {
  return simplified(parseRule(rule).terms, layer);
}

using testing::ElementsAre;

TEST(Simplify, NothingVanishesWhereInputsHaveBothSigns) {
  const LinearRule r = at(kAnyInput, "zplus");
  EXPECT_THAT(texts(r.denominators[0].terms), ElementsAre("x+*w++b+", "x-*w-"));
  EXPECT_THAT(texts(r.messages[0].back), ElementsAre("x+*w+", "x-*w-"));
}

TEST(Simplify, NegativePartsVanishAndPositiveOnesAreTheInputWhereItIsNotNegative) {
  const LinearRule r = at(kNonNegative, "zplus");
  EXPECT_THAT(texts(r.denominators[0].terms), ElementsAre("x*w++b+"));
  EXPECT_THAT(texts(r.messages[0].back), ElementsAre("x*w+"));
}

// The remaining terms keep their signs, and a message of nothing but x⁻ has no way back.
TEST(Simplify, SignsStayAndMessagesMayEndUpEmpty) {
  LinearRule rule;
  rule.denominators.push_back(
      {{{InputPart::Pos, WeightPart::Neg, BiasPart::Neg, -1}, {InputPart::Neg, WeightPart::Pos}}});
  rule.messages.push_back({1, Take::All, {0}, {{InputPart::Neg, WeightPart::W}}});
  const LinearRule r = simplified(rule, kNonNegative);
  EXPECT_THAT(texts(r.denominators[0].terms), ElementsAre("-x*w-+b-"));
  EXPECT_TRUE(r.messages[0].back.empty());
}

TEST(Simplify, PartsThatDoNotDependOnTheSignOfTheInputStay) {
  for (const char* rule : {"zbox", "flat", "wsquare", "gradient", "epsilon"}) {
    const LinearRule before = at(kAnyInput, rule), after = at(kNonNegative, rule);
    ASSERT_EQ(before.denominators.size(), after.denominators.size()) << rule;
    for (std::size_t i = 0; i < before.denominators.size(); ++i)
      EXPECT_EQ(texts(before.denominators[i].terms), texts(after.denominators[i].terms)) << rule;
    for (std::size_t i = 0; i < before.messages.size(); ++i)
      EXPECT_EQ(texts(before.messages[i].back), texts(after.messages[i].back)) << rule;
  }
}

TEST(Simplify, BiasIsDroppedOutOfEveryDenominator) {
  EXPECT_THAT(texts(at(kAnyInput, "epsilon").denominators[0].terms), ElementsAre("x*w+b"));
  EXPECT_THAT(texts(at(kAnyInput, "epsilon:bias=drop").denominators[0].terms), ElementsAre("x*w"));
  EXPECT_THAT(texts(at(kAnyInput, "epsilon:bias=spread").denominators[0].terms), ElementsAre("x*w+b"));
  EXPECT_THAT(texts(at(kWithoutBias, "epsilon:bias=spread").denominators[0].terms), ElementsAre("x*w"));
}

// The convolution of a denominator is saved where it is what the forward pass has computed.
TEST(Simplify, OnlyTheLayersOwnSumIsTheLayerItself) {
  const auto itself = [](const LinearFacts& layer, const std::string& rule) {
    return isLayerItself(at(layer, rule).denominators[0].terms, layer);
  };
  EXPECT_TRUE(itself(kAnyInput, "epsilon"));
  EXPECT_TRUE(itself(kWithoutBias, "epsilon"));
  EXPECT_TRUE(itself(kWithoutBias, "epsilon:bias=drop"));
  EXPECT_FALSE(itself(kAnyInput, "epsilon:bias=drop"));  // z has a bias, the denominator none
  EXPECT_FALSE(itself(kNonNegative, "zplus"));
  EXPECT_FALSE(isLayerItself({{InputPart::X, WeightPart::W, BiasPart::B, -1}}, kAnyInput));
  EXPECT_TRUE(isLayerItself({{InputPart::X, WeightPart::W, BiasPart::B}}, kAnyInput));
  EXPECT_FALSE(isLayerItself({{InputPart::Neg, WeightPart::W, BiasPart::B}}, kAnyInput));
  EXPECT_FALSE(isLayerItself({}, kWithoutBias));
}

}  // namespace
}  // namespace relprop::test

// Rules as text: parsing, printing, and what is refused.
#include "rules/rule.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/list.h"
#include "unit/core/failure.h"

namespace relprop {
namespace {

using testing::HasSubstr;

Error failure(const std::string& text) {
  SCOPED_TRACE("'" + text + "'");
  return test::failureOf([&] { parseRule(text); });
}

TEST(Rule, EveryRuleHasATextThatParsesToItself) {
  for (const RuleInfo& info : ruleList()) {
    const Rule rule = parseRule(info.name);
    EXPECT_EQ(rule.name, info.name);
    EXPECT_EQ(parseRule(rule.text).text, rule.text);
    EXPECT_FALSE(rule.roles.empty()) << info.name << " may stand nowhere";
    EXPECT_STRNE(info.summary, "");
  }
}

TEST(Rule, TextNamesEveryParameter) {
  EXPECT_EQ(parseRule("epsilon:0").text, "epsilon:epsilon=0,bias=keep");
  EXPECT_EQ(parseRule("epsilon:bias=drop,epsilon=0.5").text, "epsilon:epsilon=0.5,bias=drop");
  EXPECT_EQ(parseRule("gamma:0.5").text, "gamma:gamma=0.5,stabilizer=0,bias=keep");
  EXPECT_EQ(parseRule("alphabeta:alpha=3").text, "alphabeta:alpha=3,beta=2,stabilizer=1e-06,bias=keep");
  EXPECT_EQ(parseRule("zbox:image").text, "zbox:bounds=image,stabilizer=1e-06");
  EXPECT_EQ(parseRule("rap").text, "rap");
}

TEST(Rule, ParametersReachTheRule) {
  EXPECT_FLOAT_EQ(parseRule("gamma:0.5").terms.gamma, 0.5f);
  EXPECT_EQ(parseRule("zplus:bias=spread").terms.bias, BiasMode::Spread);
  EXPECT_EQ(parseRule("epsilon:bias=drop").terms.bias, BiasMode::Drop);
  EXPECT_TRUE(parseRule("zbox:bounds=image").terms.imageBounds);
  EXPECT_FALSE(parseRule("zbox:range").terms.imageBounds);
  EXPECT_EQ(parseRule("average:window=2").window, 2);
  EXPECT_FLOAT_EQ(parseRule("proportional:stabilizer=0.25").epsilon, 0.25f);
  EXPECT_FALSE(parseRule("ratio:identity_skip=off").identitySkip);
  EXPECT_TRUE(parseRule("symmetric").identitySkip);
  EXPECT_FLOAT_EQ(parseRule("epsilon:epsilon=0.125").terms.denominators.at(0).epsilon, 0.125f);
}

TEST(Rule, LinearRulesStandAtLinearNodesOnly) {
  for (const char* name : {"epsilon", "zplus", "alphabeta", "contrast", "gamma", "zbox", "wsquare", "flat", "gradient",
                           "rap", "rap-signed", "rap-top", "rap-summary", "rap-summary-top"}) {
    const Rule rule = parseRule(name);
    EXPECT_TRUE(rule.linear) << name;
    EXPECT_EQ(rule.roles, std::vector<Role>{Role::Linear}) << name;
  }
}

TEST(Rule, OthersStandWhereTheyMeanSomething) {
  for (const char* name : {"pass", "jacobian", "winner", "average", "proportional", "ratio", "symmetric", "gate"})
    EXPECT_FALSE(parseRule(name).fits(Role::Linear)) << name;
  EXPECT_TRUE(parseRule("winner").fits(Role::MaxPool));
  EXPECT_FALSE(parseRule("winner").fits(Role::AveragePool));
  EXPECT_TRUE(parseRule("proportional").fits(Role::Residual));
  EXPECT_TRUE(parseRule("proportional").fits(Role::AveragePool));
  EXPECT_FALSE(parseRule("ratio").fits(Role::AveragePool));
  EXPECT_FALSE(parseRule("pass").fits(Role::Move)) << "a move changes the shape";
}

TEST(RuleError, UnknownNameListsRulesAndTheNearest) {
  const Error e = failure("epsilom");
  EXPECT_EQ(e.code(), ErrorCode::InvalidRule);
  EXPECT_THAT(e.hint(), HasSubstr("'epsilon'"));
  for (const RuleInfo& info : ruleList()) EXPECT_THAT(e.expected(), HasSubstr(info.name));
}

TEST(RuleError, FarFetchedNameHasNoSuggestion) {
  const Error e = failure("quantumfoam");
  EXPECT_EQ(e.code(), ErrorCode::InvalidRule);
  EXPECT_EQ(e.hint(), "");
}

TEST(RuleError, UnknownKeyNamesTheNearest) {
  const Error e = failure("gamma:gama=1");
  EXPECT_EQ(e.code(), ErrorCode::InvalidRule);
  EXPECT_THAT(e.hint(), HasSubstr("'gamma'"));
}

TEST(RuleError, KeyOfARuleWithoutParameters) {
  const Error e = failure("winner:window=2");
  EXPECT_EQ(e.code(), ErrorCode::InvalidRule);
  EXPECT_THAT(e.got(), HasSubstr("window"));
}

TEST(RuleError, NumbersHaveToBeFinite) {
  for (const char* text :
       {"epsilon:nan", "epsilon:inf", "epsilon:-inf", "epsilon:1e99", "gamma:abc", "gamma:1x", "epsilon:epsilon="})
    EXPECT_EQ(failure(text).code(), ErrorCode::InvalidRule) << text;
}

TEST(RuleError, WordsHaveToBeAmongTheChoices) {
  const Error e = failure("zplus:bias=sprad");
  EXPECT_EQ(e.code(), ErrorCode::InvalidRule);
  EXPECT_THAT(e.hint(), HasSubstr("'spread'"));
  EXPECT_EQ(failure("zbox:bounds=pixels").code(), ErrorCode::InvalidRule);
}

TEST(RuleError, MalformedText) {
  for (const char* text : {"", ":", "epsilon:", "epsilon:,", "epsilon:=1", "epsilon:1,", "epsilon:1,2",
                           "epsilon:epsilon=1,epsilon=2", "rap:1"})
    EXPECT_EQ(failure(text).code(), ErrorCode::InvalidRule) << "'" << text << "'";
}

TEST(RuleError, AlphaMinusBetaIsOne) {
  EXPECT_EQ(failure("alphabeta:alpha=2,beta=2").code(), ErrorCode::InvalidRule);
  EXPECT_EQ(failure("alphabeta:alpha=0.5").code(), ErrorCode::InvalidRule) << "beta would be negative";
  EXPECT_EQ(parseRule("alphabeta:alpha=1").terms.messages.size(), 1u) << "nothing is taken away with beta 0";
}

// Below 0 a denominator passes through 0 where it is to be kept from it.
TEST(RuleError, StabilisersAndGammaAreFromZeroToAMillion) {
  for (const char* name : {"epsilon:epsilon", "zplus:stabilizer", "alphabeta:stabilizer", "contrast:stabilizer",
                           "gamma:stabilizer", "gamma:gamma", "zbox:stabilizer", "wplus:stabilizer", "ones:stabilizer",
                           "wsquare:stabilizer", "flat:stabilizer", "rap-summary:stabilizer", "attention:stabilizer",
                           "average:stabilizer", "proportional:stabilizer", "residual-gamma:gamma"}) {
    for (const char* value : {"-1e-9", "1e7", "1e38"}) {
      const Error e = failure(fmt::format("{}={}", name, value));
      EXPECT_EQ(e.code(), ErrorCode::InvalidRule) << name;
      EXPECT_EQ(e.expected(), "a number from 0 to 1000000") << name;
    }
    EXPECT_NO_THROW(parseRule(fmt::format("{}=0", name))) << name;
    EXPECT_NO_THROW(parseRule(fmt::format("{}=1000000", name))) << name;
  }
}

TEST(RuleError, NumbersAreQuotedAsTheyWereRead) {
  EXPECT_EQ(failure("alphabeta:alpha=1.5,beta=0.00001").got(), "alpha=1.5, beta=1e-05");
  EXPECT_EQ(failure("smooth:beta=-0.5").got(), "-0.5");
  EXPECT_EQ(failure("average:window=1.5").got(), "1.5");
  EXPECT_EQ(failure("residual-gamma:gamma=-1e-9").got(), "'-1e-9'");
}

TEST(RuleTerms, MultiplesOfTheInputVanishWithIt) {
  for (const char* name : {"epsilon", "zplus", "alphabeta", "gamma", "rap", "rap-signed", "rap-top", "rap-summary"})
    EXPECT_TRUE(parseRule(name).terms.multipliesInput()) << name;
  for (const char* name : {"zbox", "wsquare", "flat", "gradient", "rap-summary-top", "epsilon:bias=spread"})
    EXPECT_FALSE(parseRule(name).terms.multipliesInput()) << name;
}

TEST(RuleTerms, SomeLookAtTheLayersOutput) {
  for (const char* name : {"epsilon", "gamma", "rap", "rap-signed"})
    EXPECT_TRUE(parseRule(name).terms.readsOutput()) << name;
  for (const char* name :
       {"zplus", "alphabeta", "zbox", "wsquare", "flat", "gradient", "rap-summary", "rap-summary-top"})
    EXPECT_FALSE(parseRule(name).terms.readsOutput()) << name;
}

TEST(RuleTerms, OnlyTheBoxNeedsBounds) {
  for (const RuleInfo& info : ruleList())
    EXPECT_EQ(parseRule(info.name).terms.usesBounds(), info.name == std::string("zbox")) << info.name;
}

}  // namespace
}  // namespace relprop

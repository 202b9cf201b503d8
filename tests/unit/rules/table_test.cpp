// Rule tables: which row a node gets.
#include "rules/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/shape_inference.h"
#include "unit/core/failure.h"
#include "unit/passes/build.h"

namespace relprop::test {
namespace {

using testing::HasSubstr;

Node& named(Build& b, const std::string& name) {
  b.graph.nodes.back().name = name;
  return b.graph.nodes.back();
}

// conv → relu → (conv, skip) → add → maxpool → reshape → dense → relu → dense
Graph residualNet() {
  Build b({1, 4, 4, 4});
  const auto conv = [&](ValueId x, const std::string& name, const std::string& weight) {
    const ValueId w = b.random({4, 4, 1, 1});
    b.graph.value(w).name = weight;
    const ValueId y = b.add(Op::Conv, {x, w});
    named(b, name);
    return y;
  };
  const ValueId stem = b.add(Op::Relu, {conv(b.x(), "/conv1/Conv", "conv1.weight")});
  const ValueId branch = conv(stem, "/layer4/layer4.0/conv1/Conv", "layer4.0.conv1.weight");
  b.add(Op::Add, {branch, stem});
  named(b, "/layer4/layer4.0/Add");
  b.add(Op::MaxPool, {b.graph.outputs[0]}, {{"kernel_shape", Ints{4, 4}}});
  inferShapes(b.graph);
  const ValueId flat = b.add(Op::Reshape, {b.graph.outputs[0]});
  b.graph.value(flat).shape = {1, 4}, b.graph.value(flat).hasShape = true;
  const ValueId w = b.random({3, 4});
  b.graph.value(w).name = "hidden.weight";
  const ValueId hidden = b.add(Op::Relu, {b.add(Op::Dense, {flat, w})});
  b.add(Op::Dense, {hidden, b.random({2, 3})});
  named(b, "/fc/Gemm");
  return b.graph;
}

class Table : public testing::Test {
 protected:
  const NodeFacts& facts(const std::string& name) const {
    for (const NodeFacts& f : facts_)
      if (f.node->name == name) return f;
    throw std::out_of_range(name);
  }
  std::string ruleAt(const RuleTable& table, const std::string& name) const {
    const Rule* rule = table.find(facts(name));
    return rule ? rule->name : "none";
  }
  Graph graph_ = residualNet();
  std::vector<NodeFacts> facts_ = nodeFacts(graph_);
};

TEST_F(Table, FactsKnowRolesFirstAndTop) {
  EXPECT_TRUE(facts("/conv1/Conv").first);
  EXPECT_FALSE(facts("/layer4/layer4.0/conv1/Conv").first);
  EXPECT_TRUE(facts("/fc/Gemm").top);
  int first = 0, top = 0;
  for (const NodeFacts& f : facts_) first += f.first, top += f.top;
  EXPECT_EQ(first, 1);
  EXPECT_EQ(top, 1);
  EXPECT_EQ(facts("/conv1/Conv").weight, "conv1.weight");
  EXPECT_EQ(facts("/layer4/layer4.0/Add").role, Role::Residual);
  EXPECT_EQ(facts("/layer4/layer4.0/Add").weight, "");
}

TEST_F(Table, FirstAndTopAreTheSameInANetOfOneLayer) {
  Build b({1, 3});
  b.add(Op::Dense, {b.x(), b.random({2, 3})});
  inferShapes(b.graph);
  const NodeFacts f = nodeFacts(b.graph).at(0);
  EXPECT_TRUE(f.first && f.top);
}

TEST_F(Table, ParallelFirstLayersAreAllFirst) {
  Build b({1, 3});
  const ValueId left = b.add(Op::Dense, {b.x(), b.random({2, 3})}), right = b.add(Op::Dense, {b.x(), b.random({2, 3})});
  b.add(Op::Add, {left, right});
  inferShapes(b.graph);
  const auto all = nodeFacts(b.graph);
  EXPECT_TRUE(all[0].first && all[1].first && all[0].top && all[1].top);
}

TEST_F(Table, RolesOfArithmeticDependOnConstants) {
  Build b({1, 3});
  b.add(Op::Add, {b.x(), b.floats({3}, {1, 2, 3})});
  b.add(Op::Mul, {b.x(), b.x()});
  b.add(Op::Sub, {b.x(), b.x()});
  b.add(Op::Div, {b.floats({3}, {1, 2, 3}), b.x()});
  const auto role = [&](std::size_t i) { return roleOf(b.graph, b.graph.nodes[i]); };
  EXPECT_EQ(role(0), Role::Affine);
  EXPECT_EQ(role(1), Role::Gate);
  EXPECT_EQ(role(2), Role::Residual);
  EXPECT_EQ(role(3), Role::Affine);
}

TEST_F(Table, FirstMatchWins) {
  const RuleTable table = {{"Conv", "zplus"}, {"*", "epsilon"}, {"Conv", "flat"}};
  EXPECT_EQ(ruleAt(table, "/conv1/Conv"), "zplus");
  EXPECT_EQ(ruleAt(table, "/fc/Gemm"), "epsilon");
}

TEST_F(Table, RowsThatMayNotStandThereArePassedOver) {
  const RuleTable table = {{"*", "ratio"}, {"*", "zplus"}};
  EXPECT_EQ(ruleAt(table, "/conv1/Conv"), "zplus");
  EXPECT_EQ(ruleAt(table, "/layer4/layer4.0/Add"), "ratio");
  EXPECT_EQ(table.find(facts("MaxPool4")), nullptr) << "no row fits a pool";
}

TEST_F(Table, KnowsWhetherARowUsesPatterns) {
  RuleTable table = {{"first", "zbox"}, {"*", "epsilon"}};
  EXPECT_FALSE(table.usesPatterns());
  for (const std::string rule : {"pattern", "pattern-attribution"}) {
    RuleTable own;
    own.prependUser({"top=gamma:0.5", "no such node=" + rule});
    EXPECT_TRUE(own.usesPatterns());
  }
}

TEST_F(Table, UserRowsComeFirstInTheirOrder) {
  RuleTable table = {{"first", "zbox"}, {"*", "epsilon"}};
  table.prependUser({"/conv1/*=flat", "*=gamma:0.5"});
  EXPECT_EQ(ruleAt(table, "/conv1/Conv"), "flat");
  EXPECT_EQ(ruleAt(table, "/fc/Gemm"), "gamma");
  ASSERT_EQ(table.print().size(), 4u);
  EXPECT_EQ(table.print()[0], "/conv1/* = flat:stabilizer=1e-06  (user)");
  EXPECT_EQ(table.print()[2], "first = zbox:bounds=range,stabilizer=1e-06");
}

TEST_F(Table, SpecialPatterns) {
  const RuleTable table = {{"first", "flat"}, {"top", "rap-top"}, {"[residual]", "ratio"}, {"[linear]", "zplus"}};
  EXPECT_EQ(ruleAt(table, "/conv1/Conv"), "flat");
  EXPECT_EQ(ruleAt(table, "/fc/Gemm"), "rap-top");
  EXPECT_EQ(ruleAt(table, "/layer4/layer4.0/conv1/Conv"), "zplus");
  EXPECT_EQ(ruleAt(table, "/layer4/layer4.0/Add"), "ratio");
}

TEST_F(Table, AnOpInAPresetIsNoName) {
  Build b({1, 3});
  b.add(Op::Mul, {b.x(), b.floats({3}, {1, 2, 3})});
  named(b, "/act/Div");
  const NodeFacts mul = nodeFacts(b.graph).at(0);
  EXPECT_EQ(RuleTable({{"Div", "rescale"}}).find(mul), nullptr);
  EXPECT_NE(RuleTable({{"Mul", "rescale"}}).find(mul), nullptr);
  RuleTable byName;
  byName.prependUser({"Div=rescale"});
  EXPECT_NE(byName.find(mul), nullptr) << "users say what their file says";
}

TEST_F(Table, NamesAsPeopleWriteThem) {
  for (const char* pattern :
       {"layer4.*", "layer4.0*", "/layer4/*", "conv1/Conv", "*conv1*", "layer4.0.conv1.weight", "layer4*conv1*",
        "conv1/*", "layer4.?/*v", "l*0/*", "layer4.?.conv1.weight", "/layer4/layer4.0/conv1/Conv"})
    EXPECT_EQ(ruleAt({{pattern, "flat"}}, "/layer4/layer4.0/conv1/Conv"), "flat") << pattern;
  for (const char* pattern : {"layer3.*", "layer4", "layer4.1*", "Conv1", "ayer4.*", "conv1/*v1"})
    EXPECT_EQ(ruleAt({{pattern, "flat"}}, "/layer4/layer4.0/conv1/Conv"), "none") << pattern;
}

// Tried behind each of them it would take as long as their square.
TEST_F(Table, NamesMayHaveAMillionSlashes) {
  graph_.nodes[0].name = std::string(1 << 20, '/');
  facts_ = nodeFacts(graph_);
  const RuleTable table = {{"[activation]", "pass"}, {"a*b", "flat"}, {"*b", "flat"}, {"?b", "flat"}, {"b", "flat"}};
  EXPECT_EQ(table.find(facts_[0]), nullptr);
  EXPECT_NE(RuleTable({{"*/", "flat"}}).find(facts_[0]), nullptr);
}

TEST_F(Table, WeightNamesMatchNodesWithoutNames) {
  const RuleTable table = {{"hidden.*", "flat"}};
  int hits = 0;
  for (const NodeFacts& f : facts_) hits += table.find(f) != nullptr;
  EXPECT_EQ(hits, 1);
}

TEST(Glob, StarsAndQuestionMarks) {
  EXPECT_TRUE(globMatches("*", ""));
  EXPECT_TRUE(globMatches("a*c", "abbbc"));
  EXPECT_TRUE(globMatches("a*b*c", "aXbYbZc"));
  EXPECT_TRUE(globMatches("?b", "ab"));
  EXPECT_TRUE(globMatches("**a", "a"));
  EXPECT_TRUE(globMatches("*ab", "aab"));
  EXPECT_FALSE(globMatches("?", ""));
  EXPECT_FALSE(globMatches("a*c", "abcd"));
  EXPECT_FALSE(globMatches("", "a"));
  EXPECT_FALSE(globMatches("A", "a"));
}

TEST(UserRow, HasToBePatternAndRule) {
  for (const char* row : {"", "=", "Conv", "Conv=", "=zplus", "Conv=zplas", "Conv=gamma:x"})
    EXPECT_EQ(codeOf([&] { RuleTable().prependUser({row}); }), ErrorCode::InvalidRule) << "'" << row << "'";
}

TEST_F(Table, UserRowThatMatchesNothingIsAnError) {
  RuleTable table = {{"*", "epsilon"}};
  table.prependUser({"Conv=zplus", "layer7.*=flat"});
  try {
    table.requireUserRowsMatch(facts_);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::InvalidRule);
    EXPECT_THAT(e.got(), HasSubstr("layer7.*=flat"));
    EXPECT_FALSE(e.hint().empty());
  }
}

TEST_F(Table, UserRowWhoseRuleCannotStandThereIsAnError) {
  RuleTable table;
  table.prependUser({"Conv=winner"});
  EXPECT_THROW(table.requireUserRowsMatch(facts_), Error);
}

TEST_F(Table, UserRowBehindOneThatTakesAllItsNodesIsIdle) {
  RuleTable table = {{"*", "epsilon"}};
  table.prependUser({"*=zplus", "Conv=flat", "Dense=gamma:0.5"});
  EXPECT_NO_THROW(table.requireUserRowsMatch(facts_));
  std::vector<const Rule*> chosen;
  for (const NodeFacts& facts : facts_) chosen.push_back(table.find(facts));
  EXPECT_THAT(table.idleUserRows(chosen),
              ::testing::ElementsAre("Conv=flat:stabilizer=1e-06", "Dense=gamma:gamma=0.5,stabilizer=0,bias=keep"));
}

TEST_F(Table, UserRowsThatMatchAreFineAndPresetsNeedNot) {
  RuleTable table = {{"layer9.*", "flat"}};
  table.prependUser({"Conv=zplus", "[maxpool]=average"});
  EXPECT_NO_THROW(table.requireUserRowsMatch(facts_));
}

}  // namespace
}  // namespace relprop::test

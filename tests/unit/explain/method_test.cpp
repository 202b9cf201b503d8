// Methods as text: parsing, printing, presets, and what is refused.
#include <gmock/gmock.h>

#include "explain/methods/method_list.h"
#include "unit/core/failure.h"
#include "unit/explain/support.h"

namespace relprop::test {
namespace {

using testing::HasSubstr;

Error failure(const std::string& text) {
  SCOPED_TRACE("'" + text + "'");
  return failureOf([&] { parseMethod(text); });
}

TEST(Methods, EveryNameParsesAndPrintsToItself) {
  for (const MethodEntry& e : methodList()) {
    const Method m = parseMethod(e.name);
    EXPECT_EQ(m.text.substr(0, m.text.find(':')), e.name);
    EXPECT_EQ(parseMethod(m.text).text, m.text);
    EXPECT_EQ(parseMethod(m.text).table.print(), m.table.print()) << e.name;
    EXPECT_STRNE(e.summary, "");
    EXPECT_STRNE(e.citation, "");
  }
}

TEST(Methods, EveryDefaultThatIsListedMayBeGiven) {
  for (const MethodEntry& e : methodList())
    for (const ParameterInfo& p : parametersOf(e)) {
      const std::string text = std::string(e.name) + ":" + p.key + "=" + p.fallback;
      EXPECT_EQ(parseMethod(text).text, parseMethod(e.name).text) << text;
      EXPECT_FALSE(p.choices.empty()) << text;
    }
}

TEST(Methods, TheSpecificationsPresetsAreThere) {
  for (const char* name :
       {"lrp-0", "lrp-epsilon", "lrp-zplus", "lrp-alpha2beta1", "lrp-alpha1beta0", "lrp-gamma", "epsilon-plus",
        "epsilon-plus-flat", "epsilon-alpha2beta1", "epsilon-alpha2beta1-flat", "epsilon-gamma-box", "deep-taylor",
        "rap", "rap-signed", "rap-summary", "gradient", "input-x-gradient", "gradient*input"})
    EXPECT_NO_THROW(parseMethod(name)) << name;
}

struct Expected {
  const char* method;
  Rows rows;  // node of the net below → rule text
};

// conv "first" → relu → conv "middle" → head
Graph threeLayers() {
  Build b({1, 3, 4, 4});
  b.add(Op::Conv, {b.x(), b.random({4, 3, 1, 1})});
  nameLast(b, "first");
  b.add(Op::Conv, {b.add(Op::Relu, {b.graph.outputs[0]}), b.random({4, 4, 1, 1})});
  nameLast(b, "middle");
  addHead(b);
  return b.graph;
}

TEST(Methods, PresetsGiveEachLayerItsRule) {
  const std::string epsilon = "epsilon:epsilon=1e-06,bias=keep", zplus = "zplus:stabilizer=1e-06,bias=keep",
                    a2b1 = "alphabeta:alpha=2,beta=1,stabilizer=1e-06,bias=keep",
                    gamma = "gamma:gamma=0.25,stabilizer=0,bias=keep", flat = "flat:stabilizer=1e-06",
                    box = "zbox:bounds=range,stabilizer=1e-06", imageBox = "zbox:bounds=image,stabilizer=0",
                    zero = "epsilon:epsilon=0,bias=keep", summary = "rap-summary:stabilizer=1e-06";
  const std::vector<Expected> all = {
      {"lrp-0", {{"first", zero}, {"middle", zero}, {"head", zero}}},
      {"lrp-epsilon", {{"first", epsilon}, {"middle", epsilon}, {"head", epsilon}}},
      {"lrp-zplus", {{"first", zplus}, {"middle", zplus}, {"head", zplus}}},
      {"lrp-alpha1beta0", {{"first", zplus}, {"middle", zplus}, {"head", zplus}}},
      {"lrp-alpha2beta1", {{"first", a2b1}, {"middle", a2b1}, {"head", a2b1}}},
      {"lrp-gamma", {{"first", gamma}, {"middle", gamma}, {"head", gamma}}},
      {"epsilon-plus", {{"first", zplus}, {"middle", zplus}, {"head", epsilon}}},
      {"epsilon-plus-flat", {{"first", flat}, {"middle", zplus}, {"head", epsilon}}},
      {"epsilon-alpha2beta1", {{"first", a2b1}, {"middle", a2b1}, {"head", epsilon}}},
      {"epsilon-alpha2beta1-flat", {{"first", flat}, {"middle", a2b1}, {"head", epsilon}}},
      {"epsilon-gamma-box", {{"first", box}, {"middle", gamma}, {"head", epsilon}}},
      {"deep-taylor", {{"first", box}, {"middle", zplus}, {"head", zplus}}},
      {"deep-taylor:first=wsquare", {{"first", "wsquare:stabilizer=1e-06,bias=keep"}, {"middle", zplus}}},
      {"lrp-zplus:bias=spread", {{"middle", "zplus:stabilizer=1e-06,bias=spread"}}},
      {"rap", {{"first", imageBox}, {"middle", "rap"}, {"head", "rap-top"}}},
      {"rap:bounds=range", {{"first", "zbox:bounds=range,stabilizer=0"}}},
      {"rap:first=none", {{"first", "rap"}}},
      {"rap-signed", {{"first", imageBox}, {"middle", "rap-signed"}, {"head", "rap-top"}}},
      {"rap-summary", {{"first", summary}, {"middle", summary}, {"head", "rap-summary-top"}}},
      {"attn-lrp", {{"first", epsilon}, {"middle", epsilon}, {"head", epsilon}}},
      {"attn-lrp:gamma=0.25", {{"first", gamma}, {"middle", gamma}, {"head", epsilon}}},
      {"gradient", {{"first", "gradient"}, {"middle", "gradient"}, {"head", "gradient"}}}};
  const Graph g = threeLayers();
  for (const Expected& e : all) {
    const Method m = parseMethod(e.method);
    for (const NodeFacts& f : nodeFacts(g))
      for (const auto& [node, rule] : e.rows) {
        if (f.node->name != node) continue;
        ASSERT_NE(m.table.find(f), nullptr) << e.method;
        EXPECT_EQ(m.table.find(f)->text, rule) << e.method << " at " << node;
      }
  }
}

std::string ruleFor(const std::string& method, Op op) {
  Build b({1, 3, 4, 4});
  const ValueId left = b.add(Op::Conv, {b.x(), b.random({3, 3, 1, 1})});
  if (op == Op::Add || op == Op::Mul)
    b.add(op, {left, b.x()});
  else
    b.add(op, {b.x()}, {{"kernel_shape", Ints{2, 2}}, {"axis", std::int64_t{1}}, {"perm", Ints{0, 1, 3, 2}}});
  const Method m = parseMethod(method);
  const Rule* rule = m.table.find(nodeFacts(b.graph).back());
  return rule ? rule->text : "none";
}

TEST(Methods, NodesWithoutWeights) {
  EXPECT_EQ(ruleFor("lrp-zplus", Op::Add), "proportional:identity_skip=on,stabilizer=1e-06");
  EXPECT_EQ(ruleFor("rap", Op::Add), "ratio:identity_skip=on");
  EXPECT_EQ(ruleFor("rap:residual=symmetric,identity_skip=off", Op::Add), "symmetric:identity_skip=off");
  EXPECT_EQ(ruleFor("lrp-epsilon:residual=ratio", Op::Add), "ratio:identity_skip=on");
  EXPECT_EQ(ruleFor("rap:residual=gamma:0.25", Op::Add), "residual-gamma:identity_skip=on,gamma=0.25");
  EXPECT_EQ(ruleFor("lrp-zplus", Op::MaxPool), "winner");
  EXPECT_EQ(ruleFor("lrp-zplus:maxpool=average", Op::MaxPool), "average:window=0,stabilizer=1e-06");
  EXPECT_EQ(ruleFor("lrp-zplus:maxpool=average:2", Op::MaxPool), "average:window=2,stabilizer=1e-06");
  EXPECT_EQ(ruleFor("rap:maxpool=proportional", Op::MaxPool), "proportional:identity_skip=on,stabilizer=0");
  EXPECT_EQ(ruleFor("rap", Op::AveragePool), "proportional:identity_skip=on,stabilizer=0");
  EXPECT_EQ(ruleFor("lrp-zplus", Op::Mul), "gate");
  EXPECT_EQ(ruleFor("lrp-zplus", Op::Relu), "pass");
  EXPECT_EQ(ruleFor("lrp-zplus", Op::LRN), "pass");
  EXPECT_EQ(ruleFor("lrp-zplus", Op::Transpose), "jacobian");
  for (const Op op : {Op::Add, Op::MaxPool, Op::AveragePool, Op::Mul, Op::Relu, Op::LRN, Op::Transpose, Op::Softmax})
    EXPECT_EQ(ruleFor("gradient", op), "jacobian") << opName(op);
}

TEST(Methods, ParametersReachTheMethod) {
  EXPECT_EQ(parseMethod("rap").seed, Seed::Logit);
  EXPECT_EQ(parseMethod("rap:seed=probability").seed, Seed::Probability);
  EXPECT_EQ(parseMethod("gradient").seed, Seed::One);
  EXPECT_TRUE(parseMethod("rap").foldBatchNorm);
  EXPECT_FALSE(parseMethod("lrp-zplus:batchnorm=pass").foldBatchNorm);
  EXPECT_EQ(parseMethod("input-x-gradient").times, Multiply::Input);
  EXPECT_EQ(parseMethod("gradient*input").times, Multiply::Input);
  EXPECT_EQ(parseMethod("gradient").times, Multiply::None);
  EXPECT_EQ(parseMethod("deeplift").times, Multiply::DifferenceToBaseline);
  EXPECT_FALSE(parseMethod("gradient").conserves);
}

TEST(MethodError, UnknownNameListsAllAndTheNearest) {
  const Error e = failure("lrp-gama");
  EXPECT_EQ(e.code(), ErrorCode::UnknownMethod);
  EXPECT_THAT(e.hint(), HasSubstr("'lrp-gamma'"));
  for (const MethodEntry& m : methodList()) EXPECT_THAT(e.expected(), HasSubstr(m.name));
  EXPECT_EQ(failure("rap,gradient").code(), ErrorCode::UnknownMethod);
  EXPECT_EQ(failure("rap,gradient").expected(), "one method");
  EXPECT_EQ(failure("").code(), ErrorCode::UnknownMethod);
  EXPECT_EQ(failure("RAP").code(), ErrorCode::UnknownMethod);
}

TEST(MethodError, UnknownKeyNamesTheNearest) {
  const Error e = failure("rap:bound=range");
  EXPECT_EQ(e.code(), ErrorCode::InvalidMethodParameter);
  EXPECT_THAT(e.hint(), HasSubstr("'bounds'"));
  EXPECT_EQ(failure("lrp-epsilon:gamma=1").code(), ErrorCode::InvalidMethodParameter) << "gamma means nothing there";
}

TEST(MethodError, ValuesHaveToFit) {
  for (const char* text : {"rap:bounds=pixels",
                           "rap:residual=half",
                           "rap:residual=gamma:",
                           "rap:residual=gamma:-1",
                           "rap:residual=gamma:1.2.3",
                           "lrp-epsilon:epsilon=nan",
                           "lrp-epsilon:epsilon=",
                           "lrp-epsilon:epsilon=x",
                           "lrp-gamma:gamma=1e99",
                           "rap:seed=two",
                           "lrp-zplus:maxpool=average:0",
                           "lrp-zplus:maxpool=average:",
                           "lrp-zplus:maxpool=average:-2",
                           "lrp-zplus:maxpool=mean",
                           "rap:",
                           "rap:bounds",
                           "rap:bounds=image,bounds=image",
                           "lrp-zplus:bias=maybe",
                           "rap:identity_skip=no",
                           "lrp-zplus:batchnorm=fuse"})
    EXPECT_EQ(failure(text).code(), ErrorCode::InvalidMethodParameter) << text;
  EXPECT_THAT(failure("rap:residual=ration").hint(), HasSubstr("'ratio'"));
}

// A placeholder such as "average:K" is refused itself.
TEST(MethodError, OnlyWordsAreSuggested) {
  EXPECT_EQ(failure("lrp-zplus:maxpool=average:K").hint(), "did you mean 'average'?");
  EXPECT_EQ(failure("lrp-zplus:maxpool=average:0").hint(), "did you mean 'average'?");
  EXPECT_EQ(failure("rap:residual=gamma:-1").hint(), "");
  EXPECT_THAT(failure("rap:residual=gamma:-1").expected(), HasSubstr("gamma:G"));
  EXPECT_EQ(failure("integrated-gradients:baseline=FILE.npz").hint(), "");
}

// The complete string is what results carry; it has to mean the same method when it is given again.
TEST(Methods, KeysBesideNoiseAreInTheCompleteStringOnce) {
  const std::string text = parseMethod("gradient:noise=0.1,samples=3,rng=4").text;
  EXPECT_EQ(text, "gradient:seed=one,noise=0.1,samples=3,rng=4");
  EXPECT_EQ(parseMethod(text).text, text);
}

}  // namespace
}  // namespace relprop::test

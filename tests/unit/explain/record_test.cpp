// Relevance at inner nodes, and questions asked at them: what is recorded is what the ledger counts and what the part
// of the network below turns into the map.
#include <algorithm>

#include "graph/edit.h"
#include "relprop/error.h"
#include "unit/core/failure.h"
#include "unit/explain/support.h"

namespace relprop::test {
namespace {

ValueId conv(Build& b, ValueId x, std::int64_t in, std::int64_t out, std::int64_t k = 3) {
  return b.add(Op::Conv, {x, b.random({out, in, k, k}, -0.5f, 0.5f), b.random({out}, -0.1f, 0.1f)},
               {{"pads", Ints{k / 2, k / 2, k / 2, k / 2}}});
}

// conv "stem" → relu "act" → pool → block with identity skip "sum" → conv "top" → relu → head
Graph blockNet(std::int64_t rows) {
  Build b({rows, 3, 8, 8});
  conv(b, b.x(), 3, 17);
  nameLast(b, "stem");
  const ValueId act = b.add(Op::Relu, {b.graph.outputs[0]});
  nameLast(b, "act");
  const ValueId pool = b.add(Op::MaxPool, {act}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
  nameLast(b, "pool");
  const ValueId branch = conv(b, b.add(Op::Relu, {conv(b, pool, 17, 17)}), 17, 17);
  b.add(Op::Add, {branch, pool});
  nameLast(b, "sum");
  conv(b, b.graph.outputs[0], 17, 9);
  nameLast(b, "top");
  b.add(Op::Relu, {b.graph.outputs[0]});
  addHead(b);
  return b.graph;
}

CompileOptions recording(const std::vector<std::string>& at, std::int64_t targets = 1) {
  CompileOptions o;
  o.at = at, o.targets = targets;
  o.walk.bounds = InputBounds{{-1, -1, -1}, {1, 1, 1}};
  return o;
}

const Doubles kSeeds = {1, 0, 0, 0.5, -0.25, 1,    -1,  0.5, 0.75,
                        0, 2, 0, 0,   0.5,   -1.5, 0.3, 0.2, 0.1};  // 2 rows, 3 targets

// ---- what is recorded
class Recording : public testing::TestWithParam<std::string> {};

TEST_P(Recording, SumsToWhatTheLedgerCountsAtEveryNode) {
  const Graph g = blockNet(2);
  for (const auto& backend : bothBackends())
    for (const std::int64_t targets : {1, 3}) {
      const auto relevanceRows = static_cast<std::size_t>(2 * targets);
      const Doubles seed(kSeeds.begin(), kSeeds.begin() + static_cast<std::ptrdiff_t>(relevanceRows * 3));
      const Explained e =
          explainWith(g, parseMethod(GetParam()), *backend, input({2, 3, 8, 8}), seed, recording({"*"}, targets));
      ASSERT_EQ(e.recorded.size(), g.nodes.size());
      ASSERT_EQ(e.ledger.size(), g.nodes.size());
      for (const Slot& s : e.ledger) {
        const auto k = static_cast<std::size_t>(std::find(e.recordedNodes.begin(), e.recordedNodes.end(), s.node) -
                                                e.recordedNodes.begin());
        ASSERT_LT(k, e.recorded.size()) << s.node;
        const std::size_t size = e.recorded[k].size() / relevanceRows;
        for (std::size_t row = 0; row < relevanceRows; ++row) {
          double total = 0, magnitude = 0;
          for (std::size_t i = row * size; i < (row + 1) * size; ++i)
            total += e.recorded[k][i], magnitude += std::abs(e.recorded[k][i]);
          EXPECT_NEAR(total, s.in[row], 1e-6 * magnitude) << s.node << ", row " << row << " on " << backend->name();
        }
      }
    }
}

TEST_P(Recording, ChangesNothing) {
  const Graph g = blockNet(2);
  const Array x = input({2, 3, 8, 8});
  const Doubles seed(kSeeds.begin(), kSeeds.begin() + 6);
  for (const auto& backend : bothBackends()) {
    const Method m = parseMethod(GetParam());
    const Doubles without = explainWith(g, m, *backend, x, seed, recording({})).relevance;
    for (const char* at : {"*", "stem", "act", "sum"})
      expectClose(explainWith(g, m, *backend, x, seed, recording({at})).relevance, without, 1e-6, at);
  }
}

// Everything passes through stem, act, pool, sum and top: what lies below turns the relevance there into the same map.
TEST_P(Recording, IsWhatTheNetworkBelowStartsFrom) {
  const Graph g = blockNet(2);
  const Array x = input({2, 3, 8, 8});
  const Doubles seed(kSeeds.begin(), kSeeds.begin() + 6);
  const Method m = parseMethod(GetParam());
  for (const auto& backend : bothBackends())
    for (const std::string name : {"act", "pool", "sum", "top"}) {
      const Explained whole = explainWith(g, m, *backend, x, seed, recording({name}));
      Graph below = g;
      for (const Node& n : g.nodes)
        if (n.name == name) below.outputs = {n.outputs[0]};
      removeDeadNodes(below);
      CompileOptions options = recording({});
      options.anyScores = true;
      expectClose(explainWith(below, m, *backend, x, whole.recorded.at(0), options).relevance, whole.relevance, 2e-6,
                  name + " on " + backend->name());
    }
}

// Of methods whose rules do not depend on which layer is the topmost.
INSTANTIATE_TEST_SUITE_P(Methods, Recording,
                         testing::Values("lrp-zplus", "lrp-zplus:residual=ratio", "lrp-epsilon:epsilon=0.5",
                                         "lrp-alpha2beta1:stabilizer=0.01,residual=ratio", "lrp-gamma:residual=ratio",
                                         "epsilon-plus-flat", "deep-taylor", "lrp-resnet", "gradient",
                                         "guided-backprop", "deconvnet"));

TEST(RecordedNodes, ComeInTheOrderAskedFor) {
  const auto backend = makeReferenceBackend();
  const Explained e = explainWith(blockNet(1), parseMethod("lrp-zplus"), *backend, input({1, 3, 8, 8}), {1, 0, 0},
                                  recording({"pool", "top", "act"}));
  EXPECT_EQ(e.recordedNodes, (std::vector<std::string>{"pool", "top", "act"}));
  EXPECT_EQ(e.recorded[0].size(), 17u * 16);
  EXPECT_EQ(e.recorded[1].size(), 9u * 16);
  EXPECT_EQ(e.recorded[2].size(), 17u * 64);
}

TEST(RecordedNodes, HaveToExistAndToBeReached) {
  const auto backend = makeReferenceBackend();
  const auto failure = [&](const Graph& g, const std::string& at) {
    return failureOf([&] {
      explainWith(g, parseMethod("lrp-zplus"), *backend, input({1, 3, 8, 8}), {1, 0, 0}, recording({at}));
    });
  };
  const Error unknown = failure(blockNet(1), "pol");
  EXPECT_EQ(unknown.code(), ErrorCode::UnknownNode);
  EXPECT_NE(unknown.hint().find("'pool'"), std::string::npos) << unknown.hint();
  Build b({1, 3, 8, 8});
  const ValueId x = b.add(Op::Relu, {b.x()});
  b.add(Op::Mul, {x, b.add(Op::Sigmoid, {x})});
  addHead(b);
  EXPECT_EQ(failure(b.graph, "Sigmoid1").code(), ErrorCode::NotSupportedByMethod) << "a gate gets no relevance";
}

// ---- what is asked
const ScoreShape kFour = {4, 1}, kPositions = {2, 3};
const std::vector<float> kScores = {0.5f, 2, -1, 1}, kMaps = {1, 2, 3, -1, 0, 4};

Doubles seedOf(const Question& q, Seed seed, const ScoreShape& shape, const std::vector<float>& scores) {
  std::vector<float> out(scores.size(), 99);
  writeSeed(q, seed, shape, scores.data(), out.data());
  return {out.begin(), out.end()};
}

Question asked(std::int64_t index, Question::Contrast contrast = Question::Contrast::None, std::int64_t against = 0) {
  Question q;
  q.index = index, q.contrast = contrast, q.against = against;
  return q;
}

double probability(std::size_t k) {
  double total = 0;
  for (float s : kScores) total += std::exp(static_cast<double>(s));
  return std::exp(static_cast<double>(kScores[k])) / total;
}

TEST(Seeds, OfAClass) {
  EXPECT_EQ(seedOf(asked(1), Seed::Logit, kFour, kScores), (Doubles{0, 2, 0, 0}));
  EXPECT_EQ(seedOf(asked(2), Seed::Logit, kFour, kScores), (Doubles{0, 0, -1, 0}));
  EXPECT_EQ(seedOf(asked(2), Seed::One, kFour, kScores), (Doubles{0, 0, 1, 0}));
  expectClose(seedOf(asked(3), Seed::Probability, kFour, kScores), {0, 0, 0, probability(3)}, 1e-7);
}

TEST(Seeds, ContrastWithTheOthersSumsToZero) {
  const Question q = asked(1, Question::Contrast::Others);
  expectClose(seedOf(q, Seed::Logit, kFour, kScores), {-2 / 3.0, 2, -2 / 3.0, -2 / 3.0}, 1e-7);
  expectClose(seedOf(q, Seed::One, kFour, kScores), {-1 / 3.0, 1, -1 / 3.0, -1 / 3.0}, 1e-7);
  const double p = probability(1);
  expectClose(seedOf(q, Seed::Probability, kFour, kScores), {-p / 3, p, -p / 3, -p / 3}, 1e-7);
}

TEST(Seeds, ContrastWithAClassTakesItsOwnScore) {
  const Question q = asked(1, Question::Contrast::Class, 3);
  EXPECT_EQ(seedOf(q, Seed::Logit, kFour, kScores), (Doubles{0, 2, 0, -1}));
  EXPECT_EQ(seedOf(q, Seed::One, kFour, kScores), (Doubles{0, 1, 0, -1}));
  expectClose(seedOf(q, Seed::Probability, kFour, kScores), {0, probability(1), 0, -probability(3)}, 1e-7);
}

TEST(Seeds, OfAVectorAndOfAll) {
  Question q;
  q.kind = Question::Kind::Vector, q.vector = {0.5f, 0, -3, 1};
  for (const Seed seed : {Seed::Logit, Seed::One, Seed::Probability})
    EXPECT_EQ(seedOf(q, seed, kFour, kScores), (Doubles{0.5, 0, -3, 1}));
  EXPECT_DOUBLE_EQ(valueOf(q, kFour, kScores.data()), 0.25 + 3 + 1);
  q = {};
  q.kind = Question::Kind::All;
  EXPECT_EQ(seedOf(q, Seed::Logit, kFour, kScores), (Doubles{0.5, 2, -1, 1}));
  EXPECT_EQ(seedOf(q, Seed::One, kFour, kScores), (Doubles{1, 1, 1, 1}));
}

TEST(Seeds, OfAChannelWithPositions) {
  EXPECT_EQ(seedOf(asked(1), Seed::Logit, kPositions, kMaps), (Doubles{0, 0, 0, -1, 0, 4}));
  EXPECT_EQ(seedOf(asked(0), Seed::One, kPositions, kMaps), (Doubles{1, 1, 1, 0, 0, 0}));
  EXPECT_EQ(seedOf(asked(0, Question::Contrast::Others), Seed::Logit, kPositions, kMaps),
            (Doubles{1, 2, 3, -1, -2, -3}));
  EXPECT_EQ(seedOf(asked(0, Question::Contrast::Class, 1), Seed::Logit, kPositions, kMaps),
            (Doubles{1, 2, 3, 1, 0, -4}));
  EXPECT_EQ(classScores(kPositions, kMaps.data()), (Doubles{6, 3}));
  EXPECT_DOUBLE_EQ(valueOf(asked(1), kPositions, kMaps.data()), 3);
  EXPECT_DOUBLE_EQ(valueOf(asked(0, Question::Contrast::Class, 1), kPositions, kMaps.data()), 3);
}

// ---- heads
ScoreShape shapeOf(HeadKind head, std::int64_t classes, std::vector<std::int64_t> kept = {}, std::int64_t scores = 0) {
  ScoreShape shape = {classes, 1};
  shape.head = head, shape.kept = std::move(kept), shape.scores = scores;
  return shape;
}

double sigmoid(double z) {
  return 1 / (1 + std::exp(-z));
}

TEST(Probabilities, AreThoseOfTheHead) {
  const Doubles softmax = {probability(0), probability(1), probability(2), probability(3)};
  for (const HeadKind head : {HeadKind::None, HeadKind::Softmax, HeadKind::LogSoftmax})
    expectClose(probabilities(shapeOf(head, 4), kScores.data()), softmax, 1e-12);
  expectClose(probabilities(shapeOf(HeadKind::Sigmoid, 4), kScores.data()),
              {sigmoid(0.5), sigmoid(2), sigmoid(-1), sigmoid(1)}, 1e-12);
  EXPECT_TRUE(std::isnan(probabilities(shapeOf(HeadKind::Regression, 1), kScores.data())[0]));
  ScoreShape maps = shapeOf(HeadKind::Softmax, 2);
  maps.positions = 2;
  EXPECT_FALSE(maps.hasProbabilities());
  for (const double p : probabilities(maps, kScores.data())) EXPECT_TRUE(std::isnan(p));
}

TEST(Probabilities, OfSomeOfTheScoresAreOverAll) {
  const ScoreShape some = shapeOf(HeadKind::Softmax, 2, {3, 1}, 4);
  expectClose(probabilities(some, kScores.data()), {probability(3), probability(1)}, 1e-12);
  EXPECT_EQ(classScores(some, kScores.data()), (Doubles{1, 2}));
  EXPECT_EQ(seedOf(asked(0), Seed::Logit, some, kScores), (Doubles{0, 0, 0, 1}));
  expectClose(seedOf(asked(1), Seed::Probability, some, kScores), {0, probability(1), 0, 0}, 1e-7);
  EXPECT_EQ(seedOf(asked(0, Question::Contrast::Others), Seed::Logit, some, kScores), (Doubles{0, -1, 0, 1}));
  EXPECT_DOUBLE_EQ(valueOf(asked(1), some, kScores.data()), 2);
  Question q;
  q.kind = Question::Kind::Vector, q.vector = {5, 6};
  EXPECT_EQ(seedOf(q, Seed::One, some, kScores), (Doubles{0, 6, 0, 5}));
}

TEST(Seeds, OfWhatIsNotAClassHaveTheOtherSign) {
  for (const Seed seed : {Seed::Logit, Seed::One, Seed::Probability})
    for (const auto contrast : {Question::Contrast::None, Question::Contrast::Others, Question::Contrast::Class}) {
      Question q = asked(1, contrast, 3);
      Doubles expected = seedOf(q, seed, kFour, kScores);
      for (double& v : expected) v = -v;
      q.negated = true;
      EXPECT_EQ(seedOf(q, seed, kFour, kScores), expected);
    }
}

TEST(Values, AreTheScoresThatTheQuestionsName) {
  EXPECT_DOUBLE_EQ(valueOf(asked(2), kFour, kScores.data()), -1);
  EXPECT_DOUBLE_EQ(valueOf(asked(1, Question::Contrast::Class, 3), kFour, kScores.data()), 1);
  EXPECT_NEAR(valueOf(asked(1, Question::Contrast::Others), kFour, kScores.data()), 2 - 0.5 / 3, 1e-6);
}

}  // namespace
}  // namespace relprop::test

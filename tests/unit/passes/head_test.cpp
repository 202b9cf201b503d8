// Where a network's head is found, and that scores, head and classes give what the network itself computes.
#include <gmock/gmock.h>

#include <functional>

#include "unit/core/failure.h"
#include "unit/passes/build.h"

namespace relprop::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using HeadGraph = std::function<ValueId(Build&, ValueId)>;  // adds what stands behind the logits

constexpr std::int64_t kRows = 2;

struct HeadCase {
  const char* name;
  HeadKind kind;
  std::int64_t logits, classes;
  bool logarithm;
  HeadGraph behind;
};

Attributes axis(std::int64_t k) {
  return {{"axis", k}};
}

ValueId softmaxOf(Build& b, ValueId z) {
  return b.add(Op::Softmax, {z}, axis(-1));
}

ValueId columns(Build& b, ValueId x, std::int64_t from, std::int64_t to, std::int64_t step = 1) {
  return b.add(Op::Slice, {x, b.ints({from}), b.ints({to}), b.ints({1}), b.ints({step})});
}

const HeadCase kHeads[] = {
    {"Softmax", HeadKind::Softmax, 4, 4, false, softmaxOf},
    {"OldSoftmax", HeadKind::Softmax, 4, 4, false,
     [](Build& b, ValueId z) {
       return b.add(Op::Softmax, {z}, {{"axis", std::int64_t{1}}, {"flatten", std::int64_t{1}}});
     }},
    {"Sigmoid", HeadKind::Sigmoid, 1, 1, false, [](Build& b, ValueId z) { return b.add(Op::Sigmoid, {z}); }},
    {"ManyLabels", HeadKind::Sigmoid, 5, 5, false,
     [](Build& b, ValueId z) { return b.add(Op::Identity, {b.add(Op::Sigmoid, {z})}); }},
    {"LogSoftmax", HeadKind::LogSoftmax, 4, 4, true,
     [](Build& b, ValueId z) { return b.add(Op::LogSoftmax, {z}, axis(1)); }},
    {"LogOfSoftmax", HeadKind::LogSoftmax, 4, 4, true,
     [](Build& b, ValueId z) { return b.add(Op::Log, {softmaxOf(b, z)}); }},
    {"LogOfClippedSoftmax", HeadKind::LogSoftmax, 4, 4, true,
     [](Build& b, ValueId z) {
       return b.add(Op::Log, {b.add(Op::Clip, {softmaxOf(b, z), b.floats({}, {1e-7f}), b.floats({}, {1 - 1e-7f})})});
     }},
    {"ExpOfLogSoftmax", HeadKind::Softmax, 4, 4, false,
     [](Build& b, ValueId z) { return b.add(Op::Exp, {b.add(Op::LogSoftmax, {z}, axis(1))}); }},
    {"Dropout", HeadKind::Softmax, 4, 4, false,
     [](Build& b, ValueId z) { return b.add(Op::Dropout, {softmaxOf(b, z)}); }},
    {"FlattenBehind", HeadKind::Softmax, 4, 4, false,
     [](Build& b, ValueId z) { return b.add(Op::Flatten, {softmaxOf(b, z)}, axis(1)); }},
    {"SqueezedToRows", HeadKind::Sigmoid, 1, 1, false,
     [](Build& b, ValueId z) {
       return b.add(Op::Squeeze, {b.add(Op::Sigmoid, {z}), b.ints({1})});
     }},
    {"WithPositions", HeadKind::Sigmoid, 3, 3, false,
     [](Build& b, ValueId z) {
       return b.add(Op::Sigmoid, {b.add(Op::Unsqueeze, {b.add(Op::Unsqueeze, {z, b.ints({2})}), b.ints({3})})});
     }},
    {"ClassesOnTheThirdAxis", HeadKind::Softmax, 4, 4, false,
     [](Build& b, ValueId z) {
       return softmaxOf(b, b.add(Op::Unsqueeze, {z, b.ints({1})}));
     }},
    {"TinyClip", HeadKind::Sigmoid, 3, 3, false,
     [](Build& b, ValueId z) {
       return b.add(Op::Clip, {b.add(Op::Sigmoid, {z}), b.floats({}, {1e-7f}), b.floats({}, {1 - 1e-7f})});
     }},
    {"FirstOfMore", HeadKind::Softmax, 6, 5, false,
     [](Build& b, ValueId z) { return columns(b, softmaxOf(b, z), 0, 5); }},
    {"WithoutBackground", HeadKind::Softmax, 6, 5, false,
     [](Build& b, ValueId z) { return columns(b, softmaxOf(b, z), 1, 6); }},
    {"Backwards", HeadKind::Softmax, 4, 4, false,
     [](Build& b, ValueId z) { return columns(b, softmaxOf(b, z), -1, -9, -1); }},
    {"OneColumn", HeadKind::Softmax, 2, 1, false,
     [](Build& b, ValueId z) {
       return b.add(Op::Gather, {softmaxOf(b, z), b.ints({1}, true)}, axis(1));
     }},
    {"OneColumnKept", HeadKind::Softmax, 2, 1, false,
     [](Build& b, ValueId z) {
       return b.add(Op::Gather, {softmaxOf(b, z), b.ints({-1})}, axis(-1));
     }},
    {"SomeLabels", HeadKind::Sigmoid, 5, 3, false,
     [](Build& b, ValueId z) {
       return b.add(Op::Gather, {b.add(Op::Sigmoid, {z}), b.ints({4, 2, 0})}, axis(1));
     }},
    {"SecondPart", HeadKind::Softmax, 5, 2, false,
     [](Build& b, ValueId z) {
       b.add(Op::Split, {softmaxOf(b, z), b.ints({3, 2})}, axis(1), 2);
       b.graph.outputs = {b.graph.nodes.back().outputs[1]};
       return b.graph.outputs[0];
     }},
    {"Turned", HeadKind::Softmax, 4, 4, false,
     [](Build& b, ValueId z) {
       const ValueId last = b.add(Op::Unsqueeze, {softmaxOf(b, z), b.ints({1})});
       return b.add(Op::Transpose, {last}, {{"perm", Ints{0, 2, 1}}});
     }},
};

class FoundHead : public testing::TestWithParam<HeadCase> {
 protected:
  FoundHead() : b_({kRows, 3}) {
    logits_ = b_.add(Op::Gemm, {b_.x(), b_.random({3, GetParam().logits}, -3, 3)});
    b_.graph.outputs = {GetParam().behind(b_, logits_)};
  }
  Specialised cut() const {
    SpecialiseOptions options;
    options.inputShape = {kRows, 3};
    options.cutHead = true;
    return specialise(b_.graph, options);
  }

  Build b_;
  ValueId logits_;
};

// One image's probabilities of its scores, written out.
std::vector<double> probabilitiesOf(HeadKind kind, std::vector<double> z) {
  double sum = 0;
  for (double& v : z) sum += v = kind == HeadKind::Sigmoid ? 1 / (1 + std::exp(-v)) : std::exp(v);
  if (kind != HeadKind::Sigmoid)
    for (double& v : z) v /= sum;
  return z;
}

TEST_P(FoundHead, GivesTheNetworksOwnProbabilities) {
  const HeadCase& expected = GetParam();
  const Specialised special = cut();
  EXPECT_EQ(special.head.kind, expected.kind);
  const Array x = randomInput({kRows, 3});
  SpecialiseOptions whole;
  whole.inputShape = x.shape;
  const Array output = runGraph(specialise(b_.graph, whole).graph, x), scores = runGraph(special.graph, x);
  ASSERT_EQ(scores.data.size(), static_cast<std::size_t>(kRows * expected.logits));
  ASSERT_EQ(output.data.size(), static_cast<std::size_t>(kRows * expected.classes));
  for (std::int64_t row = 0; row < kRows; ++row) {
    const auto from = scores.data.begin() + row * expected.logits;
    const std::vector<double> p = probabilitiesOf(expected.kind, {from, from + expected.logits});
    for (std::int64_t k = 0; k < expected.classes; ++k) {
      const auto& kept = special.head.kept;
      const double own = p[static_cast<std::size_t>(kept.empty() ? k : kept[static_cast<std::size_t>(k)])];
      const double said = output.data[static_cast<std::size_t>(row * expected.classes + k)];
      EXPECT_NEAR(expected.logarithm ? std::exp(said) : said, own, 1e-6) << "class " << k << " of row " << row;
    }
  }
}

TEST_P(FoundHead, LeavesScoresWithAnAxisOfClasses) {
  const Specialised special = cut();
  const Shape shape = special.graph.value(special.graph.outputs.at(0)).shape;
  ASSERT_GE(shape.size(), 2u);
  EXPECT_EQ(shape[1], GetParam().logits);
  EXPECT_EQ(elementCount(shape), kRows * GetParam().logits);
  EXPECT_EQ(special.head.kept.empty(),
            GetParam().logits == GetParam().classes && std::string(GetParam().name) != "Backwards");
}

INSTANTIATE_TEST_SUITE_P(Heads, FoundHead, testing::ValuesIn(kHeads),
                         [](const auto& info) { return std::string(info.param.name); });

// ---- what is no head
Head headBehind(std::int64_t numbers, const HeadGraph& behind) {
  Build b({kRows, 3});
  const ValueId z = b.add(Op::Gemm, {b.x(), b.random({3, numbers})});
  b.graph.outputs = {behind(b, z)};
  SpecialiseOptions options;
  options.inputShape = {kRows, 3};
  options.cutHead = true;
  return specialise(b.graph, options).head;
}

TEST(NoHead, SeveralScoresAreLogitsAndOneIsARegression) {
  const HeadGraph nothing = [](Build&, ValueId z) { return z; };
  EXPECT_EQ(headBehind(2, nothing).kind, HeadKind::None);
  EXPECT_EQ(headBehind(1, nothing).kind, HeadKind::Regression);
  EXPECT_EQ(headBehind(1,
                       [](Build& b, ValueId z) {
                         return b.add(Op::Squeeze, {z, b.ints({1})});
                       })
                .kind,
            HeadKind::Regression);
}

TEST(NoHead, WhatChangesTheProbabilitiesStays) {
  const auto none = [](const HeadGraph& behind) { return headBehind(4, behind).kind == HeadKind::None; };
  EXPECT_TRUE(none([](Build& b, ValueId z) { return b.add(Op::Mul, {softmaxOf(b, z), b.floats({}, {2})}); }));
  EXPECT_TRUE(none([](Build& b, ValueId z) { return b.add(Op::Add, {softmaxOf(b, z), b.floats({}, {1})}); }));
  EXPECT_TRUE(none([](Build& b, ValueId z) { return b.add(Op::Exp, {softmaxOf(b, z)}); }));
  EXPECT_TRUE(none([](Build& b, ValueId z) {
    return b.add(Op::Clip, {b.add(Op::Sigmoid, {z}), b.floats({}, {0.2f}), b.floats({}, {0.8f})});
  })) << "a range that cuts answers off";
  EXPECT_TRUE(none([](Build& b, ValueId z) { return b.add(Op::Relu, {b.add(Op::LogSoftmax, {z}, axis(1))}); }));
  EXPECT_TRUE(none([](Build& b, ValueId z) {
    const ValueId pairs = b.add(Op::Reshape, {z, b.ints({kRows, 2, 2})});
    return b.add(Op::Flatten, {softmaxOf(b, pairs)}, axis(1));
  })) << "several softmaxes";
}

// A place for each was made before anything asked for memory: 17 GB, for a file of 180 bytes.
TEST(Head, OfAsManyScoresAsAFileMayAnnounceTakesNoMemory) {
  const std::int64_t scores = (std::int64_t{1} << 31) - 1;
  SpecialiseOptions options;
  options.inputShape = {1, scores};
  options.cutHead = true;
  Build in({1, scores}), turned({1, scores});
  softmaxOf(in, in.x());
  const Head head = specialise(in.graph, options).head;
  EXPECT_EQ(head.kind, HeadKind::Softmax);
  EXPECT_TRUE(head.kept.empty());
  const ValueId last = turned.add(Op::Unsqueeze, {softmaxOf(turned, turned.x()), turned.ints({1})});
  turned.add(Op::Transpose, {last}, {{"perm", Ints{0, 2, 1}}});
  EXPECT_EQ(specialise(turned.graph, options).head.kind, HeadKind::None) << "no place is given to so many";
}

TEST(NoHead, IsCutOnlyWhenAskedFor) {
  Build b({kRows, 4});
  softmaxOf(b, b.x());
  SpecialiseOptions options;
  options.inputShape = {kRows, 4};
  EXPECT_THAT(opsOf(specialise(b.graph, options).graph), ElementsAre(Op::Softmax));
  options.cutHead = true;
  EXPECT_THAT(opsOf(specialise(b.graph, options).graph), IsEmpty());
}

}  // namespace
}  // namespace relprop::test

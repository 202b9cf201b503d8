#include <gmock/gmock.h>

#include <algorithm>
#include <functional>

#include "eval/sequence.h"
#include "unit/eval/toy_case.h"

namespace relprop::eval::test {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pointwise;

constexpr double kClose = 1e-12;

// Pictures of the profile rise, each from scratch.
std::vector<Picture> rise(ToyCase& toy, const Picture& start, const Picture& finish, std::size_t step) {
  const std::vector<std::size_t> order = naiveOrder(toy->map.values, true);
  const std::size_t steps = (toy.pixels() + step - 1) / step;
  std::vector<Picture> pictures;
  for (std::size_t k = 0; k <= steps; ++k) {
    const auto end = static_cast<std::ptrdiff_t>(std::min(k * step, toy.pixels()));
    pictures.push_back(toy.with(start, finish, {order.begin(), order.begin() + end}));
  }
  return pictures;
}

// Pictures of the profile lrp-resnet, by masks.
std::vector<Picture> lrpResnet(ToyCase& toy, const Picture& start, const Picture& finish, std::size_t step) {
  std::vector<float> sorted = toy->map.values;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  std::vector<Picture> pictures;
  for (std::size_t k = 0; k * step < toy.pixels(); ++k) {
    const float threshold = sorted[std::min(step * (k + 1), sorted.size() - 1)];
    std::vector<std::size_t> pixels;
    for (std::size_t i = 0; i < toy.pixels(); ++i)
      if (threshold <= toy->map.values[i]) pixels.push_back(i);
    pictures.push_back(toy.with(start, finish, pixels));
  }
  return pictures;
}

std::vector<double> probabilities(const ToyCase& toy, const std::vector<Picture>& pictures) {
  std::vector<double> p;
  for (const Picture& x : pictures) p.push_back(toy.probability(x));
  return p;
}

void expectCurve(const Measured& m, std::size_t curve, const std::vector<double>& y) {
  EXPECT_EQ(m.skipped, "");
  ASSERT_LT(curve, m.curves.size());
  EXPECT_THAT(m.curves[curve].y, Pointwise(DoubleNear(kClose), y));
  EXPECT_EQ(m.curves[curve].x.size(), y.size());
}

TEST(Sequence, EachBeginsAnewWhateverTheOneBeforeLeft) {
  ToyCase toy(2, 2, 2);
  const Picture zero(8), one(8, 1.0f), two(8, 2.0f);
  const std::vector<Sequence> sequences = {{zero, one, {3, 1, 0, 2}, {1, 1, 2}}, {two, zero, {0, 1, 2, 3}, {0, 3}}};
  const std::vector<std::vector<Answer>> answers = answersTo(*toy, sequences);
  const std::vector<Picture> expected = {toy.with(zero, one, {3}), toy.with(zero, one, {3}),
                                         toy.with(zero, one, {3, 1}), two, toy.with(two, zero, {0, 1, 2})};
  EXPECT_EQ(toy.inputs, expected);
  ASSERT_EQ(answers.size(), 2u);
  ASSERT_EQ(answers[0].size(), 3u);
  ASSERT_EQ(answers[1].size(), 2u);
  EXPECT_NEAR(answers[0][2].probability, toy.probability(expected[2]), kClose);
  EXPECT_EQ(answers[1][1].logit, toy.logit(expected[4]));
}

TEST(Deletion, TakesPixelsOutOfTheWholePictureDownToZero) {
  ToyCase toy(3, 5, 7);
  const std::vector<Picture> pictures = rise(toy, toy.picture(), toy.filled({0, 0, 0}), 7);
  const Measured m = toy.measure("deletion");
  EXPECT_EQ(toy.inputs, pictures);
  expectCurve(m, 0, probabilities(toy, pictures));
  ASSERT_EQ(m.scores.size(), 1u);
  EXPECT_EQ(m.scores[0].name, "deletion");
  EXPECT_NEAR(m.scores[0].value, trapezoid(probabilities(toy, pictures)), kClose);
  EXPECT_EQ(toy.inputs.front(), toy.picture());
  EXPECT_EQ(toy.inputs.back(), toy.filled({0, 0, 0}));
}

TEST(Insertion, PutsPixelsIntoTheBlurredPicture) {
  ToyCase toy(3, 13, 17);
  const Picture blurred = naiveBlur(toy.picture(), 3, 13, 17);
  const std::vector<Picture> pictures = rise(toy, blurred, toy.picture(), 17);
  const Measured m = toy.measure("insertion");
  ASSERT_EQ(toy.inputs.size(), pictures.size());
  for (std::size_t k = 0; k < pictures.size(); ++k)
    EXPECT_THAT(toy.inputs[k], Pointwise(testing::FloatNear(1e-7f), pictures[k])) << k;
  EXPECT_EQ(toy.inputs.back(), toy.picture());
  EXPECT_NEAR(m.scores.at(0).value, trapezoid(probabilities(toy, pictures)), 1e-6);
}

TEST(Insertion, BlurKeepsAnEvenAreaAndFadesToZeroAtTheBorder) {
  ToyCase toy(1, 25, 25);
  const Picture ones(625, 1.0f);
  toy->input = ones.data();
  toy.measure("insertion");
  const Picture& blurred = toy.inputs.front();
  EXPECT_FLOAT_EQ(blurred[12 * 25 + 12], 1.0f);
  EXPECT_FLOAT_EQ(blurred[5 * 25 + 19], 1.0f);
  EXPECT_LT(blurred[4 * 25 + 12], 1.0f);
  EXPECT_NEAR(blurred[0], blurred[12 * 25] * blurred[12 * 25], 1e-6);  // two borders at right angles
  EXPECT_GT(blurred[12 * 25], 0.5f);
  EXPECT_LT(blurred[12 * 25], 0.6f);
}

TEST(Insertion, FromBlackIsDeletionInReverseOfANegatedMap) {
  ToyCase toy(3, 4, 6);
  const Measured inserted = toy.measure("insertion:start=black");
  for (float& h : toy->map.values) h = -h;
  Measured deleted = toy.measure("deletion");
  std::reverse(deleted.curves[0].y.begin(), deleted.curves[0].y.end());
  expectCurve(inserted, 0, deleted.curves[0].y);
}

TEST(InsertionDeletion, LastStepMayBeShorterAndWeighsTheSame) {
  ToyCase toy(1, 3, 5);
  const std::vector<Picture> pictures = rise(toy, toy.picture(), Picture(15), 4);
  const Measured m = toy.measure("deletion:step=4");
  EXPECT_EQ(toy.inputs, pictures);
  EXPECT_THAT(m.curves[0].x, ElementsAre(0, 4 / 15.0, 8 / 15.0, 12 / 15.0, 1));
  EXPECT_NEAR(m.scores[0].value, trapezoid(probabilities(toy, pictures)), kClose);
}

TEST(InsertionDeletion, AStepBeyondThePictureLeavesBothEnds) {
  ToyCase toy(2, 3, 3);
  const Measured m = toy.measure("deletion:step=1000");
  EXPECT_THAT(m.curves[0].x, ElementsAre(0, 1));
  EXPECT_THAT(toy.inputs, ElementsAre(toy.picture(), toy.filled({0, 0})));
  EXPECT_NEAR(m.scores[0].value, 0.5 * (toy.probability(toy.inputs[0]) + toy.probability(toy.inputs[1])), kClose);
}

TEST(InsertionDeletion, EqualPixelsGoByIndex) {
  ToyCase toy(1, 2, 3);
  toy->map.values = {1, 5, 1, 5, 1, 5};
  toy.measure("deletion:step=1");
  const std::vector<std::size_t> order = {1, 3, 5, 0, 2, 4};
  for (std::size_t k = 0; k < toy.inputs.size(); ++k)
    EXPECT_EQ(toy.inputs[k],
              toy.with(toy.picture(), Picture(6), {order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k)}));
}

TEST(InsertionDeletion, ConstantMapGoesRowByRow) {
  ToyCase toy(2, 3, 4);
  std::fill(toy->map.values.begin(), toy->map.values.end(), 0.25f);
  toy.measure("deletion");
  EXPECT_EQ(toy.inputs.at(1), toy.with(toy.picture(), toy.filled({0, 0}), {0, 1, 2, 3}));
}

TEST(InsertionDeletion, NetworkThatSeesNothingScoresItsOneProbability) {
  ToyCase toy(3, 4, 4);
  toy.constantNetwork();
  const Measured m = toy.measure("id-score");
  EXPECT_NEAR(m.scores.at(0).value, 0, kClose);
  EXPECT_NEAR(m.scores.at(1).value, 1 / 3.0, kClose);
  EXPECT_NEAR(m.scores.at(2).value, 1 / 3.0, kClose);
}

TEST(InsertionDeletion, OnePixel) {
  ToyCase toy(3, 1, 1);
  const Measured m = toy.measure("deletion");
  EXPECT_THAT(toy.inputs, ElementsAre(toy.picture(), Picture(3)));
  EXPECT_EQ(m.skipped, "");
  for (const char* metric : {"insertion", "deletion", "id-score"}) {
    const Measured skipped = toy.measure(std::string(metric) + ":profile=lrp-resnet");
    EXPECT_EQ(skipped.skipped, "a curve needs two steps; 1 pixels are one step of 500");
    EXPECT_TRUE(skipped.scores.empty());
    EXPECT_EQ(toy.calls, 0);
  }
}

TEST(InsertionDeletion, DoesNotDependOnTheBatch) {
  ToyCase toy(3, 6, 5);
  const Measured four = toy.measure("id-score:step=3");
  const std::vector<Picture> inputs = toy.inputs;
  for (const std::int64_t batch : {1, 7, 1000}) {
    toy.batch = batch;
    const Measured other = toy.measure("id-score:step=3");
    EXPECT_EQ(toy.inputs, inputs);
    for (const std::size_t i : {0, 1}) EXPECT_EQ(other.curves[i].y, four.curves[i].y);
  }
}

TEST(IdScore, IsTheDifferenceOfTheTwoFromOneSetOfBatches) {
  for (const std::string parameters : {"profile=rise", "profile=rise,start=black", "profile=lrp-resnet,step=4"}) {
    ToyCase toy(3, 6, 5);
    const double insertion = toy.measure("insertion:" + parameters).scores.at(0).value;
    const std::string shared = parameters.substr(0, parameters.find(",start"));
    const double deletion = toy.measure("deletion:" + shared).scores.at(0).value;
    const Measured m = toy.measure("id-score:" + parameters);
    EXPECT_EQ(toy.calls, 1);
    ASSERT_EQ(m.scores.size(), 3u);
    EXPECT_EQ(m.scores[0].name, "id");
    EXPECT_EQ(m.scores[0].value, insertion - deletion);
    EXPECT_EQ(m.scores[1].name, "insertion");
    EXPECT_EQ(m.scores[1].value, insertion);
    EXPECT_EQ(m.scores[2].name, "deletion");
    EXPECT_EQ(m.scores[2].value, deletion);
    EXPECT_EQ(m.curves.at(0).name, "insertion");
    EXPECT_EQ(m.curves.at(1).name, "deletion");
  }
}

TEST(LrpResnetProfile, ReplacesByThresholdFromAndToBlack) {
  ToyCase toy(3, 6, 7);
  const Picture black = toy.filled(toy->black);
  const std::vector<Picture> inserted = lrpResnet(toy, black, toy.picture(), 5),
                             deleted = lrpResnet(toy, toy.picture(), black, 5);
  const Measured m = toy.measure("id-score:profile=lrp-resnet,step=5");
  std::vector<Picture> all = inserted;
  all.insert(all.end(), deleted.begin(), deleted.end());
  EXPECT_EQ(toy.inputs, all);
  ASSERT_EQ(inserted.size(), 9u);  // ⌈42 / 5⌉: no picture with nothing replaced
  expectCurve(m, 0, probabilities(toy, inserted));
  expectCurve(m, 1, probabilities(toy, deleted));
  EXPECT_NEAR(m.scores.at(1).value, trapezoid(probabilities(toy, inserted)), kClose);
  EXPECT_EQ(inserted.back(), toy.picture());
  EXPECT_THAT(m.curves[0].x,
              ElementsAre(5 / 42.0, 10 / 42.0, 15 / 42.0, 20 / 42.0, 25 / 42.0, 30 / 42.0, 35 / 42.0, 40 / 42.0, 1));
}

TEST(LrpResnetProfile, EqualPixelsEnterTogether) {
  ToyCase toy(1, 4, 5);
  for (std::size_t i = 0; i < 20; ++i) toy->map.values[i] = static_cast<float>(i % 4);  // five pixels of each level
  const Picture black = toy.filled(toy->black);
  toy.measure("insertion:profile=lrp-resnet,step=3");
  EXPECT_EQ(toy.inputs, lrpResnet(toy, black, toy.picture(), 3));
  const auto entered = [&](const Picture& x) {
    return std::count_if(x.begin(), x.end(), [&](float v) { return v != black[0]; });
  };
  std::vector<std::ptrdiff_t> counts;
  for (const Picture& x : toy.inputs) counts.push_back(entered(x));
  // Ranks 3, 6, 9, 12, 15, 18 and the last (19) lie in levels 3, 2, 2, 1, 0, 0, 0.
  EXPECT_THAT(counts, ElementsAre(5, 10, 10, 15, 20, 20, 20));
}

TEST(LrpResnetProfile, ConstantMapIsReplacedWholeAtOnce) {
  ToyCase toy(2, 3, 4);
  std::fill(toy->map.values.begin(), toy->map.values.end(), -1.0f);
  const Measured m = toy.measure("id-score:profile=lrp-resnet,step=4");
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_EQ(toy.inputs.at(k), toy.picture());
    EXPECT_EQ(toy.inputs.at(3 + k), toy.filled(toy->black));
  }
  EXPECT_NEAR(m.scores[0].value, toy.probability(toy.picture()) - toy.probability(toy.filled(toy->black)), kClose);
}

TEST(LrpResnetProfile, StepIs500PixelsUnlessSaid) {
  ToyCase toy(1, 30, 40);
  toy.measure("deletion:profile=lrp-resnet");
  EXPECT_EQ(toy.inputs, lrpResnet(toy, toy.picture(), toy.filled(toy->black), 500));
  EXPECT_EQ(toy.inputs.size(), 3u);
}

TEST(InsertionDeletion, ProtocolsSayAllParameters) {
  EXPECT_EQ(parseProtocol("id-score").text, "id-score@1:profile=rise,step=width,start=blur");
  EXPECT_EQ(parseProtocol("id-score:profile=lrp-resnet").text, "id-score@1:profile=lrp-resnet,step=500,start=black");
  EXPECT_EQ(parseProtocol("insertion:start=black").text, "insertion@1:profile=rise,step=width,start=black");
  EXPECT_EQ(parseProtocol("deletion:step=12").text, "deletion@1:profile=rise,step=12");
  EXPECT_EQ(parseProtocol("id-score:step=096").text, parseProtocol("id-score:step=96").text);
  EXPECT_EQ(parseProtocol("id-score:step=1000000").text, "id-score@1:profile=rise,step=1000000,start=blur");
}

TEST(InsertionDeletion, RefusesWhatItDoesNotKnow) {
  const std::string whole = "a whole number from 1, or width";
  expectError("insertion:step=0", "metric insertion, step", "'0'", whole);
  expectError("deletion:step=-3", "metric deletion, step", "'-3'", whole);
  expectError("id-score:step=2.5", "metric id-score, step", "'2.5'", whole);
  expectError("id-score:step=99999999999", "metric id-score, step", "'99999999999'", whole);
  expectError("id-score:profile=foo", "metric id-score, profile", "'foo'", "rise or lrp-resnet");
  expectError("insertion:start=white", "metric insertion, start", "'white'", "blur or black");
  expectError("deletion:start=blur", "metric deletion, key", "'start'", "profile, step or precision");
}

}  // namespace
}  // namespace relprop::eval::test

// Several explainers in little memory, on the bundled network.
#include "relprop/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "unit/core/failure.h"

namespace relprop::test {
namespace pool_test {

using ::testing::ElementsAre;

const Model& shapes() {
  static const Model model =
      Model::load(std::filesystem::path(__FILE__).parent_path() / "../../../examples/model/shapes.onnx");
  return model;
}

ExplainOptions options(const std::string& method) {
  ExplainOptions o;
  o.method = method, o.threads = 1;
  return o;
}

std::int64_t bytesOf(const std::string& method, std::size_t batch = 1) {
  ExplainOptions o = options(method);
  o.batch = static_cast<int>(batch);
  const Explainer explainer(shapes(), o);
  return explainer.report().arenaBytes + explainer.report().weightBytes;
}

Tensor image() {
  Shape shape = shapes().inputShape();
  shape[0] = 1;
  Tensor t(shape);
  for (std::size_t i = 0; i < t.data.size(); ++i) t.data[i] = std::sin(0.05f * static_cast<float>(i));
  return t;
}

// The methods differ in their batch, so that none goes with another, but where the group itself is what is tested.
class Pool : public ::testing::Test {
 protected:
  ExplainerPool of(std::int64_t bytes) {
    return ExplainerPool(
        shapes(), methods_.size(),
        [this](std::size_t which) {
          ++compiled_[which];
          ExplainOptions o = options(methods_[which]);
          o.batch = together_ ? 1 : static_cast<int>(which) + 1;
          return o;
        },
        bytes);
  }
  std::int64_t sum(std::size_t count) const {
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) bytes += bytesOf(methods_[i], i + 1);
    return bytes;
  }

  std::vector<std::string> methods_ = {"rap", "gradient", "lrp-zplus"};
  std::vector<int> compiled_ = std::vector<int>(3);  // how often its options were asked for
  bool together_ = false;
};

TEST_F(Pool, WhatFitsIsCompiledOnce) {
  ExplainerPool pool = of(sum(3));
  EXPECT_FALSE(pool.fitTogether()) << "nobody knows before they were compiled";
  for (int round = 0; round < 2; ++round)
    for (std::size_t i = 0; i < 3; ++i) EXPECT_THAT(pool.borrow(i)->methodString(), ::testing::StartsWith(methods_[i]));
  EXPECT_THAT(compiled_, ElementsAre(1, 1, 1));
  EXPECT_TRUE(pool.fitTogether());
  EXPECT_EQ(pool.bytes(), sum(3));
}

TEST_F(Pool, WhatDoesNotFitIsFreedWhenItIsReturned) {
  const std::int64_t budget = sum(3) - 1;
  ExplainerPool pool = of(budget);
  for (int round = 0; round < 3; ++round)
    for (std::size_t i = 0; i < 3; ++i) {
      pool.borrow(i);
      EXPECT_LE(pool.bytes(), budget);
    }
  EXPECT_THAT(compiled_, ElementsAre(1, 1, 3));
  EXPECT_FALSE(pool.fitTogether());
}

TEST_F(Pool, ABudgetOfNothingKeepsNothing) {
  ExplainerPool pool = of(1);
  for (const std::size_t i : {0u, 1u, 0u}) {
    pool.borrow(i);
    EXPECT_EQ(pool.bytes(), 0);
  }
  EXPECT_THAT(compiled_, ElementsAre(2, 1, 1)) << "all are asked once, to see what goes together";
}

TEST_F(Pool, MapsDoNotDependOnTheBudget) {
  ExplainerPool ample = of(sum(3)), scarce = of(1);
  for (int round = 0; round < 2; ++round)
    for (std::size_t i = 0; i < 3; ++i) {
      const Explanation expected = Explainer(shapes(), options(methods_[i])).explain(image())[0];
      for (ExplainerPool* pool : {&ample, &scarce})
        EXPECT_EQ(pool->borrow(i)->explain(image())[0].relevance.data, expected.relevance.data) << methods_[i];
    }
}

TEST_F(Pool, AnExplainerLastsAsLongAsItsLastLoan) {
  ExplainerPool pool = of(1);
  ExplainerPool::Loan first = pool.borrow(0);
  const std::vector<float> map = first->explain(image())[0].relevance.data;
  {
    const ExplainerPool::Loan second = pool.borrow(0);
    EXPECT_EQ(&*first, &*second);
  }
  EXPECT_EQ(first->explain(image())[0].relevance.data, map);
  {
    const ExplainerPool::Loan moved = std::move(first);
    EXPECT_EQ(moved->explain(image())[0].relevance.data, map);
    EXPECT_EQ(pool.bytes(), sum(1));
  }
  EXPECT_EQ(pool.bytes(), 0);
}

TEST_F(Pool, FailingToCompileLeavesItAsItWas) {
  methods_[1] = "no-method";
  ExplainerPool pool = of(sum(1));
  pool.borrow(0);
  EXPECT_EQ(codeOf([&] { pool.borrow(1); }), ErrorCode::UnknownMethod);
  EXPECT_EQ(pool.bytes(), sum(1));
  EXPECT_FALSE(pool.fitTogether());
  pool.borrow(0);
  EXPECT_EQ(compiled_[0], 1);
  methods_[1] = "gradient";
  EXPECT_EQ(pool.borrow(1)->explain(image()).size(), 1u) << "what failed once may be tried again";
}

TEST_F(Pool, WhatIsRetiredMakesRoom) {
  ExplainerPool pool = of(sum(2));
  pool.borrow(0), pool.borrow(1);
  EXPECT_FALSE(pool.fitTogether());
  pool.retire(2);
  EXPECT_TRUE(pool.fitTogether());
  {
    const ExplainerPool::Loan used = pool.borrow(0);
    pool.retire(0);
    EXPECT_EQ(used->explain(image()).size(), 1u) << "it is still in use";
  }
  EXPECT_EQ(pool.bytes(), bytesOf("gradient", 2));
}

TEST_F(Pool, WhatSharesAForwardPassIsCompiledAtOnceAndCountsOnce) {
  together_ = true;
  ExplainerPool pool = of(sum(3));
  pool.borrow(0);
  EXPECT_TRUE(pool.fitTogether()) << "one of them brings the others along";
  const std::int64_t bytes = pool.bytes();
  EXPECT_LT(bytes, bytesOf("rap") + bytesOf("gradient") + bytesOf("lrp-zplus"));
  for (int round = 0; round < 2; ++round)
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_EQ(pool.borrow(i)->explain(image())[0].relevance.data,
                Explainer(shapes(), options(methods_[i])).explain(image())[0].relevance.data);
  EXPECT_THAT(compiled_, ElementsAre(1, 1, 1));
  EXPECT_GT(pool.borrow(1)->sparedSeconds() + pool.borrow(2)->sparedSeconds(), 0) << "the picture of the one before";
  pool.retire(0), pool.retire(1);
  EXPECT_EQ(pool.bytes(), bytes) << "as long as one of them is there";
  pool.retire(2);
  EXPECT_EQ(pool.bytes(), 0);
}

TEST_F(Pool, WhereAllTogetherAreTooMuchEachStandsAlone) {
  together_ = true;
  ExplainerPool pool = of(bytesOf("rap"));
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(pool.borrow(i)->explain(image())[0].relevance.data,
              Explainer(shapes(), options(methods_[i])).explain(image())[0].relevance.data);
  EXPECT_LE(pool.bytes(), bytesOf("rap"));
}

TEST_F(Pool, ItsOptionsAreChecked) {
  EXPECT_EQ(failureOf([&] { of(-5); }).where(), "memory");
  EXPECT_EQ(failureOf([] { ExplainerPool(shapes(), 1, {}); }).where(), "optionsOf");
}

TEST_F(Pool, ALoanThatWasMovedFromIsNoExplainer) {
  ExplainerPool pool = of(1);
  ExplainerPool::Loan first = pool.borrow(0);
  const ExplainerPool::Loan second = std::move(first);
  EXPECT_EQ(codeOf([&] { first->inputShape(); }), ErrorCode::InvalidArgument);
  EXPECT_EQ(second->inputShape().size(), 3u);
}

TEST_F(Pool, ThereIsNothingBeyondTheLast) {
  ExplainerPool pool = of(1);
  EXPECT_STREQ(failureOf([&] { pool.borrow(3); }).what(), "explainer: 3 (expected less than 3)");
  EXPECT_EQ(codeOf([&] { pool.retire(3); }), ErrorCode::InvalidArgument);
}

}  // namespace pool_test
}  // namespace relprop::test

// What the library leaves as it found it.
#include <gtest/gtest.h>
#include <omp.h>

#include "explainer/classifier.h"
#include "relprop/patterns.h"
#include "unit/core/failure.h"
#include "unit/explainer/example.h"

namespace relprop::test {
namespace {

class HostThreads : public ::testing::Test {
 protected:
  HostThreads() { omp_set_num_threads(kHosts); }
  ~HostThreads() override { omp_set_num_threads(before_); }
  static void expectUntouched(const char* after) { EXPECT_EQ(omp_get_max_threads(), kHosts) << "after " << after; }
  static constexpr int kHosts = 3;

 private:
  int before_ = omp_get_max_threads();
};

TEST_F(HostThreads, AreUntouchedByAnExplainer) {
  // One walk, many walks with a probe, packed once and for every run.
  for (const char* method : {"rap", "integrated-gradients:steps=2", "gradient"})
    for (const std::int64_t memory : {std::int64_t{0}, std::int64_t{1} << 40}) {
      ExplainOptions o = byThreads(1, method);
      o.memory = memory;
      Explainer explainer(exampleModel(), o);
      expectUntouched("compiling");
      const Tensor x = noisePicture(explainer.inputShape(), 1);
      explainer.explain(x);
      expectUntouched("explaining");
      explainer.forward(x);
      expectUntouched("a forward pass");
    }
}

TEST_F(HostThreads, AreUntouchedByAnExplainerThatFails) {
  ExplainOptions o = byThreads(1, "smoothgrad");
  o.progress = [](std::int64_t, std::int64_t) { return false; };
  Explainer explainer(exampleModel(), o);
  const Tensor x = noisePicture(explainer.inputShape(), 1);
  EXPECT_EQ(failureOf([&] { explainer.explain(x); }).code(), ErrorCode::Cancelled);
  expectUntouched("a cancelled explanation");
  o.memory = 1;
  EXPECT_EQ(failureOf([&] { Explainer(exampleModel(), o); }).code(), ErrorCode::OutOfMemory);
  expectUntouched("compiling in vain");
}

TEST_F(HostThreads, AreUntouchedByAPatternEstimator) {
  PatternEstimator estimator(exampleModel(), {.batch = 1, .threads = 1});
  expectUntouched("compiling");
  estimator.add(noisePicture(estimator.inputShape(), 1));
  expectUntouched("adding");
  estimator.finish();
  expectUntouched("finishing");
}

TEST_F(HostThreads, AreUntouchedByAClassifier) {
  Classifier classifier(exampleModel(), {}, {}, 1, 1);
  expectUntouched("compiling");
  const Tensor x = noisePicture(classifier.imageShape(), 1);
  classifier.forward(
      1, [&](std::int64_t, float* to) { std::copy(x.data.begin(), x.data.end(), to); }, [](auto, auto) {});
  expectUntouched("classifying");
}

}  // namespace
}  // namespace relprop::test

// What the library leaves as it found it, and what threads of the host may do at once.
#include <gtest/gtest.h>
#include <omp.h>

#include <cstring>
#include <random>

#include "explainer/classifier.h"
#include "relprop/explain.h"
#include "relprop/patterns.h"
#include "unit/core/failure.h"

namespace relprop::test {
namespace {

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

Tensor picture(const Shape& image, unsigned seed) {
  Tensor t(Shape{1, image.at(0), image.at(1), image.at(2)});
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  for (float& v : t.data) v = normal(engine);
  return t;
}

class HostThreads : public testing::Test {
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
      ExplainOptions o = options(method);
      o.memory = memory;
      Explainer explainer(shapes(), o);
      expectUntouched("compiling");
      const Tensor x = picture(explainer.inputShape(), 1);
      explainer.explain(x);
      expectUntouched("explaining");
      explainer.forward(x);
      expectUntouched("a forward pass");
    }
}

TEST_F(HostThreads, AreUntouchedByAnExplainerThatFails) {
  ExplainOptions o = options("smoothgrad");
  o.progress = [](std::int64_t, std::int64_t) { return false; };
  Explainer explainer(shapes(), o);
  const Tensor x = picture(explainer.inputShape(), 1);
  EXPECT_EQ(failureOf([&] { explainer.explain(x); }).code(), ErrorCode::Cancelled);
  expectUntouched("a cancelled explanation");
  o.memory = 1;
  EXPECT_EQ(failureOf([&] { Explainer(shapes(), o); }).code(), ErrorCode::OutOfMemory);
  expectUntouched("compiling in vain");
}

TEST_F(HostThreads, AreUntouchedByAPatternEstimator) {
  PatternEstimator estimator(shapes(), {.batch = 1, .threads = 1});
  expectUntouched("compiling");
  estimator.add(picture(estimator.inputShape(), 1));
  expectUntouched("adding");
  estimator.finish();
  expectUntouched("finishing");
}

TEST_F(HostThreads, AreUntouchedByAClassifier) {
  Classifier classifier(shapes(), {}, 1, 1);
  expectUntouched("compiling");
  const Tensor x = picture(classifier.imageShape(), 1);
  classifier.forward(
      1, [&](std::int64_t, float* to) { std::copy(x.data.begin(), x.data.end(), to); }, [](auto, auto) {});
  expectUntouched("classifying");
}

}  // namespace
}  // namespace relprop::test

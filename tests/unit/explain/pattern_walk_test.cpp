// PatternNet and PatternAttribution: the gradient walk with a or w ⊙ a in the place of w.
#include <functional>

#include "relprop/error.h"
#include "unit/core/failure.h"
#include "unit/explain/support.h"

namespace relprop::test {
namespace {

using Patterns = std::map<std::string, std::vector<float>>;

class PatternWalk : public testing::Test {
 protected:
  PatternWalk() {
    b_.add(Op::Conv, {b_.x(), b_.random({4, 3, 3, 3}), b_.random({4})}, {{"pads", Ints{1, 1, 1, 1}}});
    nameLast(b_, "conv");
    b_.add(Op::Relu, {b_.graph.outputs[0]});
    addHead(b_);
    inferShapes(b_.graph);
  }

  const std::vector<float>& weights(std::size_t node) const {
    return *b_.graph.value(b_.graph.nodes[node].inputs[1]).constant->floats;
  }
  // By linear node, from its weights.
  Patterns patterns(const std::function<float(float)>& of) const {
    Patterns all;
    for (std::size_t i = 0; i < b_.graph.nodes.size(); ++i) {
      if (roleOf(b_.graph, b_.graph.nodes[i]) != Role::Linear) continue;
      for (float w : weights(i)) all[b_.graph.nodes[i].name].push_back(of(w));
    }
    return all;
  }
  Doubles relevance(const std::string& method, Backend& backend, const Patterns& patterns) {
    CompileOptions options;
    options.walk.patterns = patterns;
    return explainWith(b_.graph, parseMethod(method), backend, input({2, 3, 5, 4}), kSeed, options).relevance;
  }

  Build b_{Shape{2, 3, 5, 4}};
  const Doubles kSeed{1, 0, 0, 0, 0, 1};
};

TEST_F(PatternWalk, WeightsAsPatternsGiveTheGradient) {
  for (auto& backend : bothBackends())
    expectClose(relevance("pattern-net", *backend, patterns([](float w) { return w; })),
                relevance("gradient", *backend, {}), 1e-6);
}

TEST_F(PatternWalk, PatternsOfOneGiveTheGradient) {
  for (auto& backend : bothBackends())
    expectClose(relevance("pattern-attribution", *backend, patterns([](float) { return 1.0f; })),
                relevance("gradient", *backend, {}), 1e-6);
}

// w ⊙ a is what PatternNet gets when a itself is w ⊙ a.
TEST_F(PatternWalk, AttributionMultipliesByTheWeights) {
  for (auto& backend : bothBackends())
    expectClose(relevance("pattern-attribution", *backend, patterns([](float w) { return 2 * w + 1; })),
                relevance("pattern-net", *backend, patterns([](float w) { return w * (2 * w + 1); })), 1e-6);
}

TEST_F(PatternWalk, MissingOrMisshapenPatternsAreNamed) {
  const auto backend = makeReferenceBackend();
  Patterns some = patterns([](float w) { return w; });
  some.erase("conv");
  const Error missing = failureOf([&] { relevance("pattern-net", *backend, some); });
  EXPECT_EQ(missing.code(), ErrorCode::NotSupportedByMethod);
  EXPECT_EQ(missing.where(), "conv");
  EXPECT_EQ(missing.got(), "no patterns");
  some["conv"] = {1, 2, 3};
  EXPECT_EQ(failureOf([&] { relevance("pattern-net", *backend, some); }).got(), "3 patterns");
}

}  // namespace
}  // namespace relprop::test

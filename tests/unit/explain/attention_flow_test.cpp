// rollout and gen-att on small transformers, against the definition: attention from the double-precision evaluator,
// derivatives by differences of the score, products of whole matrices.
#include "explain/procedures/cam.h"
#include "unit/core/failure.h"
#include "unit/explain/attention_net.h"
#include "unit/explain/session.h"

namespace relprop::test {
namespace attention_flow_test {

constexpr std::int64_t kWidth = 8, kHeads = 2, kPatches = 6, kLayers = 2;
constexpr std::int64_t kH = 2, kW = 3;  // of patches, each 2×2 pixels

enum class Reads { ClassToken, Mean, Pooling };

// A value that is added to one weight of attention.
struct Nudge {
  std::int64_t layer = -1, index = 0;
  double by = 0;
};

struct Transformer {
  Graph graph;
  std::vector<ValueId> attention;  // from the input up; that of pooling last
  std::vector<Shape> shapes;
};

class Maker {
 public:
  Maker(std::int64_t rows, Reads reads, Nudge nudge) : b_({rows, 3, 2 * kH, 2 * kW}), rows_(rows), nudge_(nudge) {
    tokens_ = kPatches + (reads == Reads::ClassToken);
    ValueId x = patches(reads == Reads::ClassToken);
    for (std::int64_t l = 0; l < kLayers; ++l) x = block(x);
    b_.add(Op::Dense, {summary(x, reads), b_.random({3, kWidth}), b_.random({3})});
    inferShapes(b_.graph);
    made.graph = b_.graph;
  }

  Transformer made;

 private:
  ValueId patches(bool classToken) {
    b_.add(Op::Conv, {b_.x(), b_.random({kWidth, 3, 2, 2})}, {{"strides", Ints{2, 2}}});
    ValueId x = b_.add(Op::Transpose, {reshaped(b_, {rows_, kWidth, kPatches})}, {{"perm", Ints{0, 2, 1}}});
    if (!classToken) return x;
    std::vector<float> all;
    for (std::int64_t i = 0; i < rows_ * kWidth; ++i) all.push_back(0.3f);
    return b_.add(Op::Concat, {b_.floats({rows_, 1, kWidth}, all), x}, {{"axis", std::int64_t{1}}});
  }

  ValueId nudged(ValueId weights, const Shape& shape) {
    const auto layer = static_cast<std::int64_t>(made.attention.size());
    made.attention.push_back(weights), made.shapes.push_back(shape);
    if (layer != nudge_.layer) return weights;
    std::vector<float> values(static_cast<std::size_t>(elementCount(shape)));
    values[static_cast<std::size_t>(nudge_.index)] = static_cast<float>(nudge_.by);
    return b_.add(Op::Add, {weights, b_.floats(shape, values)});
  }

  ValueId head(ValueId x, const Ints& perm) {
    b_.add(Op::Dense, {x, b_.random({kWidth, kWidth}), b_.random({kWidth})});
    return b_.add(Op::Transpose, {reshaped(b_, {rows_, tokens_, kHeads, kWidth / kHeads})}, {{"perm", perm}});
  }

  ValueId block(ValueId x) {
    const ValueId q = head(x, {0, 2, 1, 3}), k = head(x, {0, 2, 3, 1}), v = head(x, {0, 2, 1, 3});
    ValueId a = b_.add(Op::Softmax, {b_.add(Op::MatMul, {q, k})}, {{"axis", std::int64_t{3}}});
    a = nudged(a, {rows_, kHeads, tokens_, tokens_});
    b_.add(Op::Transpose, {b_.add(Op::MatMul, {a, v})}, {{"perm", Ints{0, 2, 1, 3}}});
    const ValueId y = b_.add(Op::Add, {reshaped(b_, {rows_, tokens_, kWidth}), x});
    const ValueId hidden = b_.add(Op::Relu, {b_.add(Op::Dense, {y, b_.random({12, kWidth}), b_.random({12})})});
    return b_.add(Op::Add, {b_.add(Op::Dense, {hidden, b_.random({kWidth, 12}, -0.3f, 0.3f)}), y});
  }

  ValueId summary(ValueId x, Reads reads) {
    if (reads == Reads::ClassToken) {
      sliceOf(b_, x, {0, 0, 0}, {rows_, 1, kWidth});
      return reshaped(b_, {rows_, kWidth});
    }
    if (reads == Reads::Mean) {
      b_.add(Op::Transpose, {x}, {{"perm", Ints{0, 2, 1}}});
      b_.add(Op::AveragePool, {reshaped(b_, {rows_, kWidth, 1, kPatches})},
             {{"kernel_shape", Ints{1, kPatches}}, {"strides", Ints{1, 1}}});
      return reshaped(b_, {rows_, kWidth});
    }
    b_.add(Op::Softmax, {b_.add(Op::Dense, {x, b_.random({1, kWidth})})}, {{"axis", std::int64_t{1}}});
    b_.add(Op::MatMul, {nudged(reshaped(b_, {rows_, 1, kPatches}), {rows_, 1, kPatches}), x});
    return reshaped(b_, {rows_, kWidth});
  }

  Build b_;
  std::int64_t rows_, tokens_ = 0;
  Nudge nudge_;
};

Transformer transformer(Reads reads, std::int64_t rows = 1, Nudge nudge = {}) {
  return Maker(rows, reads, nudge).made;
}

Doubles evaluated(Graph graph, ValueId output, const Doubles& image) {
  graph.outputs = {output};
  return runGraph(graph, {{1, 3, 2 * kH, 2 * kW}, image}).data;
}

using Matrix = std::vector<Doubles>;

// ∂score/∂A by weight and class, by differences; the weights of a layer one by one.
Matrix slopesOf(Reads reads, const Doubles& image, std::size_t layer) {
  constexpr double h = 0x1p-10;
  Matrix slopes(static_cast<std::size_t>(elementCount(transformer(reads).shapes[layer])));
  for (std::size_t i = 0; i < slopes.size(); ++i) {
    const auto scores = [&](double by) {
      const Transformer t = transformer(reads, 1, {static_cast<std::int64_t>(layer), static_cast<std::int64_t>(i), by});
      return evaluated(t.graph, t.graph.outputs[0], image);
    };
    const Doubles up = scores(h), down = scores(-h);
    for (std::size_t c = 0; c < up.size(); ++c) slopes[i].push_back((up[c] - down[c]) / (2 * h));
  }
  return slopes;
}

// The mean over heads of A, or of (A ⊙ ∂score/∂A)⁺.
Matrix meanOverHeads(Reads reads, const Doubles& image, std::size_t target, std::size_t layer, const Matrix* slopes) {
  const Transformer plain = transformer(reads);
  const Doubles a = evaluated(plain.graph, plain.attention[layer], image);
  const Shape& shape = plain.shapes[layer];
  const auto keys = static_cast<std::size_t>(shape.back()), queries = static_cast<std::size_t>(shape[shape.size() - 2]);
  const double heads = static_cast<double>(a.size()) / static_cast<double>(keys * queries);
  Matrix mean(queries, Doubles(keys));
  for (std::size_t i = 0; i < a.size(); ++i)
    mean[i / keys % queries][i % keys] += (slopes ? std::max(0.0, a[i] * (*slopes)[i][target]) : a[i]) / heads;
  return mean;
}

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c(a.size(), Doubles(b[0].size()));
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t k = 0; k < b.size(); ++k)
      for (std::size_t j = 0; j < b[0].size(); ++j) c[i][j] += a[i][k] * b[k][j];
  return c;
}

std::size_t layersOf(Reads reads) {
  return kLayers + (reads == Reads::Pooling ? 1 : 0);
}

// slopes: of each layer; none: of attention alone.
Doubles twinMap(Reads reads, const std::vector<Matrix>& slopes, const Doubles& image, std::size_t target) {
  const bool gradient = !slopes.empty();
  const std::size_t tokens = reads == Reads::ClassToken ? kPatches + 1 : kPatches, layers = layersOf(reads);
  Matrix r(tokens, Doubles(tokens));
  for (std::size_t i = 0; i < tokens; ++i) r[i][i] = 1;
  for (std::size_t l = 0; l < layers; ++l) {
    Matrix a = meanOverHeads(reads, image, target, l, gradient ? &slopes[l] : nullptr);
    for (std::size_t i = 0; i < tokens && l < kLayers; ++i) {
      a[i][i] += 1;
      for (double& v : a[i]) v /= gradient ? 1 : 2;
    }
    r = product(a, r);
  }
  for (std::size_t i = 0; gradient && reads != Reads::Pooling && i < tokens; ++i) r[i][i] -= 1;
  Doubles patches(kPatches);
  const std::size_t read = reads == Reads::Mean ? tokens : 1, first = reads == Reads::ClassToken ? 1 : 0;
  for (std::size_t t = 0; t < read; ++t)
    for (std::size_t i = 0; i < kPatches; ++i) patches[i] += r[t][first + i] / static_cast<double>(read);
  return upsampled(patches, kH, kW, 2 * kH, 2 * kW);
}

Doubles picture(unsigned seed = 1) {
  return input({1, 3, 2 * kH, 2 * kW}, seed).data;
}

TEST(AttentionFlow, IsItsDefinition) {
  for (const Reads reads : {Reads::ClassToken, Reads::Mean, Reads::Pooling})
    for (const bool gradient : {false, true}) {
      const Doubles image = picture();
      std::vector<Matrix> slopes;
      for (std::size_t l = 0; gradient && l < layersOf(reads); ++l) slopes.push_back(slopesOf(reads, image, l));
      const Doubles first = twinMap(reads, slopes, image, 0), second = twinMap(reads, slopes, image, 2);
      for (const std::int64_t rows : {1, 2})
        for (const auto& backend : bothBackends()) {
          const auto maps = explainImage(transformer(reads, rows).graph, gradient ? "gen-att" : "rollout", *backend,
                                         image, {classQuestion(0), classQuestion(2)});
          EXPECT_EQ(maps[0].shape, (Shape{1, 2 * kH, 2 * kW}));
          expectClose(maps[0].map, first, gradient ? 1e-3 : 1e-5, backend->name());
          expectClose(maps[1].map, second, gradient ? 1e-3 : 1e-5, backend->name());
          EXPECT_EQ(factOf(maps[0], "tokens read"), reads == Reads::Mean ? kPatches : 1);
        }
    }
}

TEST(AttentionFlow, OnlyGenAttTellsClassesApart) {
  const Graph g = transformer(Reads::ClassToken).graph;
  const auto backend = makeReferenceBackend();
  const auto both = [&](const char* method) {
    return explainImage(g, method, *backend, picture(), {classQuestion(0), classQuestion(1)});
  };
  EXPECT_EQ(both("rollout")[0].map, both("rollout")[1].map);
  EXPECT_NE(both("gen-att")[0].map, both("gen-att")[1].map);
}

// Rows of ½(Ā + I) sum to 1: what the class token keeps is not in the map.
TEST(AttentionFlow, RolloutIsAShareOfOne) {
  const auto backend = makeReferenceBackend();
  const Attribution mean =
      explainImage(transformer(Reads::Mean).graph, "rollout", *backend, picture(), {classQuestion(1)})[0];
  EXPECT_NEAR(sum(mean.map) / 24, 1.0 / kPatches, 0.02) << "of the patches, before they are enlarged";
  for (double v : mean.map) EXPECT_GE(v, 0);
}

// A picture without anything has tokens that are all the same, which attend alike.
TEST(AttentionFlow, OfAnEmptyPictureIsEven) {
  const auto backend = makeReferenceBackend();
  const Attribution a =
      explainImage(transformer(Reads::ClassToken).graph, "rollout", *backend, Doubles(72), {classQuestion(1)})[0];
  for (double v : a.map) EXPECT_NEAR(v, a.map[0], 1e-6);
}

// ---- what it is not for
Error refused(const Graph& g, const std::string& method, const Shape& image) {
  const auto backend = makeReferenceBackend();
  return failureOf([&] {
    explainImage(g, method, *backend, Doubles(static_cast<std::size_t>(elementCount(image))), {classQuestion(0)});
  });
}

TEST(AttentionFlow, NeedsAttention) {
  Build b({1, 2, 4, 4});
  b.add(Op::Conv, {b.x(), b.random({3, 2, 3, 3})});
  addHead(b);
  for (const char* method : {"rollout", "gen-att"}) {
    const Error e = refused(b.graph, method, {2, 4, 4});
    EXPECT_EQ(e.code(), ErrorCode::NotSupportedByMethod);
    EXPECT_EQ(e.got(), "no attention (a softmax whose output multiplies values)");
    EXPECT_FALSE(e.hint().empty());
  }
}

// Each window of 4 tokens attends to itself: token 0 of one is not token 0 of the next.
TEST(AttentionFlow, RefusesWindows) {
  Build b({1, 4, 4, 4});
  ValueId x = reshaped(b, {1, 4, 2, 2, 2, 2});
  b.add(Op::Transpose, {x}, {{"perm", Ints{0, 2, 4, 3, 5, 1}}});
  x = reshaped(b, {1, 4, 4, 4});  // windows, tokens, channels
  const ValueId k = b.add(Op::Transpose, {x}, {{"perm", Ints{0, 1, 3, 2}}});
  const ValueId a = b.add(Op::Softmax, {b.add(Op::MatMul, {x, k})}, {{"axis", std::int64_t{3}}});
  b.add(Op::MatMul, {a, x});
  addHead(b);
  const Error e = refused(b.graph, "rollout", {4, 4, 4});
  EXPECT_EQ(e.code(), ErrorCode::NotSupportedByMethod);
  EXPECT_EQ(e.got(), "attention within windows");
}

TEST(AttentionFlow, RefusesTokensWithoutAPlace) {
  Build b({1, 4, 6});
  const ValueId k = b.add(Op::Transpose, {b.x()}, {{"perm", Ints{0, 2, 1}}});
  const ValueId a = b.add(Op::Softmax, {b.add(Op::MatMul, {b.x(), k})}, {{"axis", std::int64_t{2}}});
  b.add(Op::MatMul, {a, b.x()});
  addHead(b);
  const Error e = refused(b.graph, "gen-att", {4, 6});
  EXPECT_EQ(e.code(), ErrorCode::NotSupportedByMethod);
  EXPECT_EQ(e.got(), "tokens whose places in the picture are not known");
}

TEST(AttentionFlow, SoftmaxMayLieFartherBackThanTheStackIsDeep) {
  Build b({1, 2, 4, 4});
  ValueId a = b.add(Op::Softmax, {b.x()}, {{"axis", std::int64_t{3}}});
  for (int i = 0; i < 200000; ++i) a = b.add(Op::Transpose, {a}, {{"perm", Ints{0, 1, 2, 3}}});
  const ValueId out = b.add(Op::MatMul, {a, b.x()});
  inferShapes(b.graph);
  try {
    EXPECT_EQ(attentionLayers(b.graph, FeatureMaps(b.graph, out)).layers.size(), 1u);
  } catch (const Error& e) {  // found, but not among tokens with places
    EXPECT_EQ(std::string(e.got()).find("no attention"), std::string::npos) << e.what();
  }
}

TEST(AttentionFlow, HasNoParametersOfItsOwn) {
  EXPECT_EQ(parseMethod("rollout").text, "rollout");
  EXPECT_EQ(codeOf([] { parseMethod("gen-att:layer=last"); }), ErrorCode::InvalidMethodParameter);
}

}  // namespace attention_flow_test
}  // namespace relprop::test

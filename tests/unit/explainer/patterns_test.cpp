// Estimating patterns through the public interface, on the bundled example network.
#include "relprop/patterns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zip.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

#include "explainer/model_impl.h"
#include "image/npy_values.h"
#include "relprop/budgets.h"
#include "relprop/npz.h"
#include "support/temporary_folder.h"
#include "unit/core/failure.h"
#include "unit/passes/build.h"

namespace relprop::test {
namespace patterns_test {

using ::testing::HasSubstr;

const Model& shapes() {
  static const Model model =
      Model::load(std::filesystem::path(__FILE__).parent_path() / "../../../examples/model/shapes.onnx");
  return model;
}

PatternOptions options(int batch = 4) {
  return {.inputShape = {}, .batch = batch, .threads = 1};
}

Tensor images(std::int64_t count, unsigned seed) {
  Shape shape = PatternEstimator(shapes(), options()).inputShape();
  shape.insert(shape.begin(), count);
  Tensor t(shape);
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  const std::size_t plane = t.data.size() / static_cast<std::size_t>(shape[0] * shape[1]);
  for (std::size_t i = 0; i < t.data.size(); i += plane) {  // the colour differs, so that features vary among images
    const float mean = normal(engine), spread = std::abs(normal(engine));
    for (std::size_t k = i; k < i + plane; ++k) t.data[k] = mean + spread * normal(engine);
  }
  return t;
}

// Puts entries of zeros, a byte a number, behind those of an archive.
void addDeflated(const std::filesystem::path& path, const std::vector<std::string>& names, std::int64_t count) {
  std::vector<std::uint8_t> bytes = npyStart("|u1", {count}, static_cast<std::size_t>(count));
  bytes.resize(bytes.size() + static_cast<std::size_t>(count));
  zip_t* archive = zip_open(path.c_str(), 0, nullptr);
  ASSERT_NE(archive, nullptr);
  for (const std::string& name : names)
    ASSERT_GE(zip_file_add(archive, name.c_str(), zip_source_buffer(archive, bytes.data(), bytes.size(), 0), 0), 0);
  ASSERT_EQ(zip_close(archive), 0);
}

class Estimator : public ::testing::Test {
 protected:
  std::filesystem::path file(const char* name) const { return folder_ / name; }

  TemporaryFolder folder_;
  PatternEstimator estimator_{shapes(), options()};
};

void expectSame(const Patterns& a, const Patterns& b) {
  EXPECT_EQ(a.model, b.model);
  EXPECT_EQ(a.foldBatchNorm, b.foldBatchNorm);
  EXPECT_EQ(a.images, b.images);
  EXPECT_EQ(a.silent, b.silent);
  EXPECT_EQ(a.degenerate, b.degenerate);
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  for (const auto& [name, tensor] : a.nodes) {
    EXPECT_EQ(tensor.shape, b.nodes.at(name).shape) << name;
    EXPECT_EQ(tensor.data, b.nodes.at(name).data) << name;
  }
}

TEST_F(Estimator, HasAPatternForEveryLinearNode) {
  estimator_.add(images(6, 1));
  const Patterns p = estimator_.finish();
  Explainer explainer(shapes(), {.method = "gradient", .threads = 1});
  std::size_t linear = 0;
  for (const NodeReport& node : explainer.report().nodes) {
    if (node.op != "Conv" && node.op != "Dense") continue;
    ++linear;
    EXPECT_TRUE(p.nodes.count(node.node)) << node.node;
  }
  EXPECT_EQ(p.nodes.size(), linear);
  EXPECT_EQ(p.model, shapes().hash());
  EXPECT_EQ(p.images, 6);
}

// Within a relative difference (L2) at every node. Outputs that hardly vary make more of float32's rounding.
void expectClose(const Patterns& got, const Patterns& expected, double tolerance) {
  ASSERT_EQ(got.nodes.size(), expected.nodes.size());
  for (const auto& [name, tensor] : expected.nodes) {
    double difference = 0, norm = 0;
    for (std::size_t i = 0; i < tensor.data.size(); ++i) {
      difference += std::pow(double{tensor.data[i]} - double{got.nodes.at(name).data[i]}, 2);
      norm += std::pow(double{tensor.data[i]}, 2);
    }
    EXPECT_LE(std::sqrt(difference), tolerance * std::sqrt(norm)) << name;
  }
}

TEST_F(Estimator, BatchesDoNotMatter) {
  const Tensor x = images(12, 2);
  PatternEstimator one(shapes(), options(1)), many(shapes(), options(5));
  one.add(x), many.add(x);
  expectClose(many.finish(), one.finish(), 1e-4);
}

TEST_F(Estimator, AgreesWithTheReferenceKernels) {
  const Tensor x = images(4, 2);
  PatternOptions o = options();
  o.reference = true;
  PatternEstimator slow(shapes(), o);
  slow.add(x), estimator_.add(x);
  expectClose(estimator_.finish(), slow.finish(), 1e-3);
}

TEST_F(Estimator, ResumedIsUninterruptedBitForBit) {
  const Tensor first = images(7, 1), second = images(3, 2);
  estimator_.add(first);
  estimator_.saveState(file("state.npz"), "seven \"images\"");
  estimator_.add(second);
  PatternEstimator other(shapes(), options());
  other.add(images(2, 9));  // forgotten by loading
  EXPECT_EQ(other.loadState(file("state.npz")), "seven \"images\"");
  EXPECT_EQ(other.images(), 7);
  other.add(second);
  expectSame(other.finish(), estimator_.finish());
  EXPECT_NEAR(static_cast<double>(std::filesystem::file_size(file("state.npz"))),
              static_cast<double>(estimator_.stateBytes()), 0.2 * static_cast<double>(estimator_.stateBytes()) + 2e4);
}

TEST_F(Estimator, PatternsAreWrittenAndRead) {
  estimator_.add(images(5, 1));
  const Patterns p = estimator_.finish();
  p.save(file("p.npz"));
  expectSame(Patterns::load(file("p.npz")), p);
  const auto all = readNpz(file("p.npz"));
  EXPECT_TRUE(all.count("relprop.model"));
  for (const auto& [name, tensor] : p.nodes) EXPECT_EQ(all.at(name).data, tensor.data);
}

TEST_F(Estimator, OtherArchivesAreNoPatternsAndNoState) {
  writeNpz(file("a.npz"), {{"x", Tensor({2})}});
  EXPECT_THAT(failureOf([&] { Patterns::load(file("a.npz")); }).got(), HasSubstr("relprop.model"));
  EXPECT_EQ(codeOf([&] { estimator_.loadState(file("a.npz")); }), ErrorCode::MalformedTensor);
  EXPECT_EQ(codeOf([&] { estimator_.loadState(file("none.npz")); }), ErrorCode::FileNotFound);
  estimator_.add(images(1, 1));
  estimator_.finish().save(file("p.npz"));
  EXPECT_EQ(codeOf([&] { estimator_.loadState(file("p.npz")); }), ErrorCode::MalformedTensor);
}

TEST_F(Estimator, ADamagedStateIsRefusedAndNothingCounts) {
  estimator_.add(images(2, 1));
  estimator_.saveState(file("state.npz"), "");
  std::vector<std::uint8_t> bytes = readFile(file("state.npz"));
  bytes[bytes.size() / 2] ^= 1;
  writeFile(file("bad.npz"), bytes);
  const Error e = failureOf([&] { estimator_.loadState(file("bad.npz")); });
  EXPECT_EQ(e.code(), ErrorCode::MalformedTensor);
  EXPECT_THAT(e.where(), HasSubstr("entry '"));
  EXPECT_EQ(estimator_.images(), 0);
  EXPECT_EQ(codeOf([&] { estimator_.finish(); }), ErrorCode::InvalidArgument);
}

// A .part file may have been edited: its sums would come out as a fault of the images that are still to be added.
TEST_F(Estimator, SumsThatNoImagesMakeAreRefused) {
  estimator_.add(images(2, 1));
  estimator_.saveState(file("state.npz"), "two images");
  const auto saved = readNpz(file("state.npz"));
  const std::string node = estimator_.finish().nodes.begin()->first;
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinite = std::numeric_limits<float>::infinity();
  const std::pair<std::string, float> changes[] = {{".count", -1.0f}, {".count", nan}, {".y", nan},
                                                   {".y", -1.0f},     {".x", nan},     {".xy", infinite}};
  for (const auto& [end, value] : changes) {
    auto changed = saved;
    changed.at(node + end).data.at(0) = value;
    writeNpz(file("bad.npz"), changed);
    const Error e = failureOf([&] { estimator_.loadState(file("bad.npz")); });
    EXPECT_EQ(e.code(), ErrorCode::MalformedTensor) << end;
    EXPECT_THAT(e.where(), HasSubstr(node + end)) << value;
    EXPECT_THAT(e.got(), HasSubstr("at element 0"));
    EXPECT_EQ(estimator_.images(), 0);
  }
}

// The same network from another file, and with other weights.
TEST_F(Estimator, StatesOfOtherModelsAndSettingsAreRefused) {
  Build b({-1, 2, -1, -1});
  const ValueId y = b.add(Op::Conv, {b.x(), b.random({3, 2, 3, 3})}, {{"pads", Ints{1, 1, 1, 1}}});
  b.add(Op::Flatten, {b.add(Op::GlobalAveragePool, {y})});
  const Model other = ModelAccess::network("made.onnx", {b.graph, "xxh3:0000000000000000"});
  PatternEstimator small(other, {.inputShape = {8, 8}, .batch = 1, .threads = 1});
  small.saveState(file("state.npz"), "");
  const Error e = failureOf([&] { estimator_.loadState(file("state.npz")); });
  EXPECT_EQ(e.code(), ErrorCode::InvalidArgument);
  EXPECT_THAT(e.got() + e.expected(), HasSubstr(shapes().hash()));
  EXPECT_EQ(codeOf([&] {
              PatternEstimator(other, {.inputShape = {9, 9}, .batch = 1, .threads = 1}).loadState(file("state.npz"));
            }),
            ErrorCode::InvalidArgument);
  PatternOptions unfolded{.inputShape = {8, 8}, .batch = 1, .threads = 1, .foldBatchNorm = false};
  EXPECT_EQ(codeOf([&] { PatternEstimator(other, unfolded).loadState(file("state.npz")); }),
            ErrorCode::InvalidArgument);
}

TEST_F(Estimator, ReadsAViewIntoALargerArray) {
  const Tensor all = images(3, 1);
  Shape shape = all.shape;
  shape[0] = 2;
  const std::int64_t skipped = elementCount(all.shape) / 3;
  estimator_.add({all.data.data() + skipped, shape});
  PatternEstimator other(shapes(), options(2));
  other.add(Tensor(shape, std::vector<float>(all.data.begin() + skipped, all.data.end())));
  const Patterns seen = estimator_.finish(), copied = other.finish();
  EXPECT_EQ(seen.images, 2);
  for (const auto& [node, pattern] : copied.nodes) EXPECT_EQ(seen.nodes.at(node).data, pattern.data) << node;
}

TEST_F(Estimator, RefusesWhatTheExplainerRefuses) {
  EXPECT_EQ(codeOf([&] { estimator_.finish(); }), ErrorCode::InvalidArgument) << "no images";
  EXPECT_EQ(codeOf([&] { estimator_.add(Tensor({1, 3, 5, 5})); }), ErrorCode::ShapeMismatch);
  Tensor nan = images(1, 1);
  nan.data[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(codeOf([&] { estimator_.add(nan); }), ErrorCode::NonFiniteInput);
  estimator_.add(images(1, 1));
  EXPECT_EQ(estimator_.images(), 1);
  for (const int batch : {0, 5000})
    EXPECT_EQ(codeOf([&] { PatternEstimator(shapes(), options(batch)); }), ErrorCode::InvalidArgument);
}

TEST_F(Estimator, AnOverflowEndsAllButASavedState) {
  estimator_.add(images(2, 1));
  const Patterns before = estimator_.finish();
  estimator_.saveState(file("state.npz"), "");
  Tensor huge = images(1, 1);
  for (float& v : huge.data) v = v < 0 ? -3e38f : 3e38f;
  EXPECT_EQ(codeOf([&] { estimator_.add(huge); }), ErrorCode::NumericFailure);
  EXPECT_EQ(codeOf([&] { estimator_.finish(); }), ErrorCode::NumericFailure);
  EXPECT_EQ(codeOf([&] { estimator_.saveState(file("state.npz"), ""); }), ErrorCode::NumericFailure);
  estimator_.loadState(file("state.npz"));
  expectSame(estimator_.finish(), before);
}

// ---- explaining with them
TEST_F(Estimator, ItsFileIsWhatTheMethodsRead) {
  estimator_.add(images(4, 1));
  estimator_.finish().save(file("p.npz"));
  Explainer net(shapes(), {.method = "pattern-net", .patterns = file("p.npz")});
  const Explanation map = net.explain(images(1, 2)).front();
  double magnitude = 0;
  for (float v : map.relevance.data) magnitude += std::abs(v);
  EXPECT_GT(magnitude, 0);
}

TEST_F(Estimator, OneThatWasMovedFromSaysSo) {
  PatternEstimator other = std::move(estimator_);
  EXPECT_EQ(failureOf([&] { estimator_.add(images(1, 1)); }).code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(failureOf([&] { estimator_.images(); }).code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(failureOf([&] { estimator_.saveState(file("s.npz"), ""); }).code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(other.images(), 0);
}

TEST_F(Estimator, ThereHaveToBePatterns) {
  const auto explainer = [&](ExplainOptions o) { return failureOf([&] { Explainer(shapes(), o); }); };
  EXPECT_EQ(explainer({.method = "pattern-net"}).code(), ErrorCode::NotSupportedByMethod);
  for (const char* method : {"pattern-net", "rap"})
    EXPECT_EQ(explainer({.method = method, .patterns = file("none.npz")}).code(), ErrorCode::FileNotFound) << method;
  estimator_.add(images(4, 1));
  Patterns patterns = estimator_.finish();
  patterns.save(file("p.npz"));
  EXPECT_THAT(explainer({.method = "pattern-net:batchnorm=pass", .patterns = file("p.npz")}).got(),
              HasSubstr("BatchNormalization folded"));
  patterns.model = "xxh3:0";
  patterns.save(file("other.npz"));
  const Error other = explainer({.method = "pattern-attribution", .patterns = file("other.npz")});
  EXPECT_EQ(other.code(), ErrorCode::InvalidArgument);
  EXPECT_THAT(other.got(), HasSubstr("xxh3:0"));
}

TEST_F(Estimator, PatternsHaveTheShapeOfTheirWeights) {
  estimator_.add(images(2, 1));
  const Patterns own = estimator_.finish();
  const auto [node, pattern] =
      *std::find_if(own.nodes.begin(), own.nodes.end(), [](const auto& n) { return n.second.shape.size() == 4; });
  const auto refusal = [&](const Patterns& changed, const std::string& from = {}) {
    changed.save(file("p.npz"));
    return failureOf([&] { Explainer(shapes(), {.method = "pattern-net", .from = from, .patterns = file("p.npz")}); });
  };
  const Shape turned(pattern.shape.rbegin(), pattern.shape.rend()), flat{elementCount(pattern.shape)};
  for (const Shape& shape : {turned, flat}) {
    Patterns changed = own;
    changed.nodes.at(node).shape = shape;
    const Error e = refusal(changed);
    EXPECT_EQ(e.code(), ErrorCode::ShapeMismatch) << toString(shape);
    EXPECT_THAT(e.where(), HasSubstr("p.npz, entry '" + node));
    EXPECT_EQ(e.got(), toString(shape));
    EXPECT_THAT(e.expected(), HasSubstr(toString(pattern.shape)));
    EXPECT_EQ(refusal(changed, node).code(), ErrorCode::ShapeMismatch);
  }
  Patterns more = own;
  more.nodes["zzz"] = pattern;
  EXPECT_EQ(refusal(more).code(), ErrorCode::UnknownNode);
  EXPECT_THAT(refusal(more).where(), HasSubstr("zzz"));
}

// What --from cuts away has its patterns in the file all the same.
TEST_F(Estimator, PatternsOfTheWholeNetworkServeAPartOfIt) {
  estimator_.add(images(2, 1));
  const Patterns own = estimator_.finish();
  own.save(file("p.npz"));
  const std::string node = own.nodes.begin()->first;
  Explainer part(shapes(), {.method = "pattern-net", .from = node, .patterns = file("p.npz"), .threads = 1});
  EXPECT_EQ(part.explain(images(1, 2)).size(), 1u);
}

// Grouped and transposed convolutions, folded BatchNormalization, Gemm of either transposition and a MatMul: the
// patterns are written in the shape in which the weights are read.
TEST_F(Estimator, WhatIsWrittenIsReadForEveryKindOfLayer) {
  for (const std::int64_t transB : {0, 1}) {
    Build b({-1, 4, 6, 6});
    const ValueId grouped = b.add(Op::Conv, {b.x(), b.random({6, 2, 3, 3})}, {{"group", std::int64_t{2}}});
    const ValueId up = b.add(Op::ConvTranspose, {b.batchNorm(b.add(Op::Relu, {grouped}), 6), b.random({6, 5, 2, 2})});
    const ValueId row = b.add(Op::Flatten, {b.add(Op::GlobalAveragePool, {b.batchNorm(up, 5)})});
    const Shape weights = transB == 1 ? Shape{7, 5} : Shape{5, 7};
    const ValueId gemm = b.add(Op::Gemm, {row, b.random(weights), b.random({7})}, {{"transB", transB}});
    b.add(Op::MatMul, {b.add(Op::Relu, {gemm}), b.random({7, 3})});
    const Model model = ModelAccess::network("made.onnx", {b.graph, "xxh3:0000000000000000"});
    for (const bool fold : {true, false}) {
      PatternEstimator estimator(model, {.batch = 2, .threads = 1, .foldBatchNorm = fold});
      Tensor x({4, 4, 6, 6});
      for (std::size_t i = 0; i < x.data.size(); ++i) x.data[i] = static_cast<float>(i * i % 101) / 50.0f - 1.0f;
      estimator.add(x);
      const Patterns patterns = estimator.finish();
      EXPECT_EQ(patterns.nodes.size(), 4u);
      patterns.save(file("p.npz"));
      const std::string method = fold ? "pattern-net" : "pattern-net:batchnorm=pass";
      Explainer explainer(model, {.method = method, .patterns = file("p.npz"), .threads = 1});
      EXPECT_EQ(explainer.explain(x).size(), 4u) << method << ", transB " << transB;
    }
  }
}

// Its entry would take the place of what the file says of the whole, be taken for that, or be another node's.
TEST_F(Estimator, NamesThatNoEntryHasAreRefusedBeforeTheFirstImage) {
  const auto named = [](const std::string& name) {
    Build b({-1, 3, 6, 6});
    b.add(Op::Conv, {b.x(), b.random({2, 3, 3, 3})});
    b.graph.nodes.back().name = name;
    return ModelAccess::network("made.onnx", {b.graph, "xxh3:0000000000000000"});
  };
  const std::string nul("c\0a", 3), longest(65'000, 'x');
  for (const std::string& name :
       {std::string("relprop.model"), std::string("relprop.c"), std::string("relprop"), nul, longest + "x"}) {
    const Model model = named(name);
    const Error e = failureOf([&] { PatternEstimator(model, {.batch = 2, .threads = 1}); });
    EXPECT_EQ(e.code(), ErrorCode::UnsupportedModel) << e.what();
    EXPECT_THAT(e.where(), HasSubstr(name.substr(0, 100)));
    Patterns patterns;
    patterns.nodes[name] = Tensor({1}, {1});
    EXPECT_EQ(failureOf([&] { patterns.save(file("p.npz")); }).code(), ErrorCode::InvalidArgument);
    EXPECT_FALSE(std::filesystem::exists(file("p.npz")));
  }
  for (const std::string& name : {std::string("relprops"), longest}) {
    PatternEstimator estimator(named(name), {.batch = 2, .threads = 1});
    estimator.add(Tensor({1, 3, 6, 6}, std::vector<float>(108, 0.5f)));
    estimator.saveState(file("s.npz"), "");
    EXPECT_EQ(estimator.loadState(file("s.npz")), "");
    estimator.finish().save(file("p.npz"));
    EXPECT_EQ(Patterns::load(file("p.npz")).nodes.count(name), 1u);
    std::filesystem::remove(file("p.npz"));
  }
}

TEST_F(Estimator, TreatmentsOfBatchNormAreThoseThatAreWritten) {
  estimator_.add(images(2, 1));
  estimator_.finish().save(file("p.npz"));
  auto all = readNpz(file("p.npz"));
  all.at("relprop.batchnorm") = Tensor({6}, {'b', 'a', 'n', 'a', 'n', 'a'});
  writeNpz(file("odd.npz"), all);
  const Error e = failureOf([&] { Patterns::load(file("odd.npz")); });
  EXPECT_EQ(e.code(), ErrorCode::MalformedTensor);
  EXPECT_THAT(e.got(), HasSubstr("'banana'"));
  EXPECT_EQ(e.expected(), "fold or pass");
}

// What is said of the whole is short, and read when it is needed alone.
TEST_F(Estimator, FactsAreShortAndOthersStayUnread) {
  estimator_.add(images(2, 1));
  const Patterns patterns = estimator_.finish();
  patterns.save(file("p.npz"));
  auto all = readNpz(file("p.npz"));
  all.emplace("relprop.later", Tensor({2}, {1e9f, -1.0f}));  // no text, and nothing that this version asks for
  writeNpz(file("more.npz"), all);
  expectSame(Patterns::load(file("more.npz")), patterns);
  all.at("relprop.model") = Tensor({16384});
  writeNpz(file("long.npz"), all);
  const Error e = failureOf([&] { Patterns::load(file("long.npz")); });
  EXPECT_EQ(e.code(), ErrorCode::MalformedTensor);
  EXPECT_EQ(e.where(), file("long.npz").string() + ", entry 'relprop.model.npy'");
  EXPECT_EQ(e.got(), "65664 bytes, unpacked");
  EXPECT_EQ(e.expected(), "at most 65536");
}

// One entry of so many equal bytes would do, two do not: what is small when it is deflated is counted as it is kept.
TEST_F(Estimator, NodesOfAFileAreBoundedTogether) {
  estimator_.add(images(2, 1));
  estimator_.finish().save(file("big.npz"));
  constexpr std::int64_t each = 4 << 20, most = 6 << 20;
  addDeflated(file("big.npz"), {"z0.npy", "z1.npy"}, each);
  setBudgets({.archiveBytes = 8 * most - 16 * static_cast<std::int64_t>(std::filesystem::file_size(file("big.npz")))});
  const Error e = failureOf([&] { Patterns::load(file("big.npz")); });
  setBudgets({});
  EXPECT_EQ(e.code(), ErrorCode::MalformedTensor);
  EXPECT_EQ(e.where(), file("big.npz").string() + ", entry 'z1.npy'");
  EXPECT_THAT(e.got(), HasSubstr("4194432 bytes, unpacked, behind "));
  EXPECT_EQ(e.expected(), "at most 6291456 of all nodes in an archive of this size");
  EXPECT_THAT(e.hint(), HasSubstr("--budget archive=SIZE"));
  EXPECT_EQ(Patterns::load(file("big.npz")).nodes.count("z1"), 1u);
}

// A row of the user's may use patterns under any method that walks.
TEST_F(Estimator, PatternsServeRulesToo) {
  EXPECT_TRUE(usesPatterns("pattern-net"));
  EXPECT_FALSE(usesPatterns("lrp-zplus", {"top=gamma:0.5"}));
  EXPECT_FALSE(usesPatterns("occlusion", {"Conv=pattern"})) << "it has no rules";
  estimator_.add(images(4, 1));
  estimator_.finish().save(file("p.npz"));
  const Tensor x = images(1, 2);
  const auto map = [&](const std::string& method, const std::vector<std::string>& rules) {
    Explainer explainer(shapes(), {.method = method, .rules = rules, .patterns = file("p.npz"), .threads = 1});
    return explainer.explain(x).at(0).relevance.data;
  };
  for (const std::string rule : {"pattern", "pattern-attribution"}) {
    const std::vector<std::string> everywhere = {"Conv=" + rule, "Dense=" + rule};
    EXPECT_TRUE(usesPatterns("gradient:seed=logit", everywhere));
    EXPECT_EQ(map("gradient:seed=logit", everywhere), map(rule == "pattern" ? "pattern-net" : rule, {})) << rule;
  }
  const Error none = failureOf([] { Explainer(shapes(), {.method = "lrp-zplus", .rules = {"first=pattern"}}); });
  EXPECT_EQ(none.code(), ErrorCode::NotSupportedByMethod);
  EXPECT_EQ(none.hint(), "give it with --patterns");
  const ExplainOptions mixed{
      .method = "lrp-zplus", .rules = {"first=pattern"}, .patterns = file("p.npz"), .threads = 1};
  EXPECT_THAT(Explainer::together(shapes(), {mixed, mixed}), ::testing::Each(::testing::IsNull())) << "it stands alone";
}

TEST_F(Estimator, PatternsOfAFileHaveToBeFinite) {
  estimator_.add(images(2, 1));
  Patterns patterns = estimator_.finish();
  patterns.nodes.begin()->second.data.at(1) = std::numeric_limits<float>::quiet_NaN();
  patterns.save(file("nan.npz"));
  const Error e = failureOf([&] { Patterns::load(file("nan.npz")); });
  EXPECT_EQ(e.code(), ErrorCode::MalformedTensor);
  EXPECT_THAT(e.where(), HasSubstr(patterns.nodes.begin()->first));
  EXPECT_EQ(e.got(), "nan at element 1");
}

}  // namespace patterns_test
}  // namespace relprop::test

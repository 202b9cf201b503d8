// shifts=: the mean over moved copies, against copies that the test moves itself.
#include <array>

#include "unit/core/failure.h"
#include "unit/explain/session.h"

namespace relprop::test {
namespace {

constexpr std::int64_t kPlanes = 2, kHeight = 16, kColumns = 12;

// Two convolutions of stride 2: of 16×12 pixels a feature map of 4×3.
Graph stridedNet(std::int64_t rows) {
  Build b({rows, kPlanes, kHeight, kColumns});
  const Attributes halved = {{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}};
  b.add(Op::Relu, {b.add(Op::Conv, {b.x(), b.random({4, 2, 3, 3}), b.random({4})}, halved)});
  b.add(Op::Relu, {b.add(Op::Conv, {b.graph.outputs[0], b.random({5, 4, 3, 3}), b.random({5})}, halved)});
  addHead(b);
  return b.graph;
}

Doubles movedBy(const Doubles& image, std::int64_t dy, std::int64_t dx) {
  Doubles out;
  for (std::int64_t c = 0; c < kPlanes; ++c)
    for (std::int64_t y = 0; y < kHeight; ++y)
      for (std::int64_t x = 0; x < kColumns; ++x) {
        const std::int64_t fy = std::max<std::int64_t>(0, std::min(kHeight - 1, y - dy)),
                           fx = std::max<std::int64_t>(0, std::min(kColumns - 1, x - dx));
        out.push_back(image[static_cast<std::size_t>((c * kHeight + fy) * kColumns + fx)]);
      }
  return out;
}

// Pixel by pixel: the copies that have it, and where.
Doubles twinMean(
    const std::string& method, const Doubles& image, const std::vector<std::int64_t>& at, Backend& backend,
    double (*finish)(double) = [](double v) { return v; }) {
  std::vector<std::pair<std::array<std::int64_t, 2>, Attribution>> maps;
  for (std::int64_t dy : at)
    for (std::int64_t dx : at)
      maps.push_back(
          {{dy, dx}, explainImage(stridedNet(1), method, backend, movedBy(image, dy, dx), {classQuestion(1)})[0]});
  Doubles out;
  for (std::int64_t c = 0; c < maps[0].second.shape[0]; ++c)
    for (std::int64_t y = 0; y < kHeight; ++y)
      for (std::int64_t x = 0; x < kColumns; ++x) {
        double sum = 0, count = 0;
        for (const auto& [d, a] : maps) {
          if (y + d[0] < 0 || y + d[0] >= kHeight || x + d[1] < 0 || x + d[1] >= kColumns) continue;
          sum += finish(a.map[static_cast<std::size_t>((c * kHeight + y + d[0]) * kColumns + x + d[1])]), ++count;
        }
        out.push_back(sum / count);
      }
  return out;
}

struct ShiftCase {
  std::string keys;
  std::vector<std::int64_t> at;
};

// The stride is 4, so two copies are 1 pixel apart (2, made odd), and three as well.
TEST(Shifts, AreTheMeanOfCopiesThatMoveBack) {
  const Doubles image = input({1, kPlanes, kHeight, kColumns}).data;
  const std::vector<ShiftCase> cases = {
      {"shifts=4", {0, 1}}, {"shifts=9", {-1, 0, 1}}, {"shifts=4,shift=3", {-1, 2}}, {"shifts=9,shift=2", {-2, 0, 2}}};
  for (const auto& backend : bothBackends())
    for (const std::string method : {"gradient", "rap", "grad-cam", "occlusion:window=5,stride=3"})
      for (const ShiftCase& c : cases) {
        const std::string text = method + (method.find(':') == std::string::npos ? ":" : ",") + c.keys;
        for (const std::int64_t rows : {1, 3}) {
          const Attribution a = explainImage(stridedNet(rows), text, *backend, image, {classQuestion(1)})[0];
          expectClose(a.map, twinMean(method, image, c.at, *backend), 1e-5, text);
        }
      }
}

TEST(Shifts, AnOddStepMeetsEveryPhase) {
  Build b({1, 1, 64, 64});  // stride 16
  b.add(Op::Conv, {b.x(), b.random({2, 1, 16, 16})}, {{"strides", Ints{16, 16}}});
  addHead(b);
  const auto backend = makeReferenceBackend();
  CompiledMethod c(b.graph, parseMethod("gradient"), *backend, {});
  EXPECT_EQ(c.stride(), 16);
  const Doubles image = input({1, 1, 64, 64}).data;
  const auto mapOf = [&](const std::string& text) {
    return explainImage(b.graph, text, *backend, image, {classQuestion(0)})[0].map;
  };
  EXPECT_EQ(mapOf("gradient:shifts=4"), mapOf("gradient:shifts=4,shift=7"));
  EXPECT_EQ(mapOf("gradient:shifts=16"), mapOf("gradient:shifts=16,shift=3"));
}

// What is done with a map is done with each: of squares the mean, not the square of the mean.
TEST(Shifts, FinishEachMap) {
  const Doubles image = input({1, kPlanes, kHeight, kColumns}).data;
  const auto backend = makeReferenceBackend();
  const Doubles map = explainImage(stridedNet(1), "sensitivity:shifts=4", *backend, image, {classQuestion(1)})[0].map;
  expectClose(map, twinMean("gradient", image, {0, 1}, *backend, [](double v) { return v * v; }), 1e-5);
}

TEST(Shifts, GoWithNoise) {
  const Doubles image = input({1, kPlanes, kHeight, kColumns}).data;
  const auto backend = makeReferenceBackend();
  const std::string noisy = "gradient:noise=0.2,samples=3,rng=4";
  expectClose(explainImage(stridedNet(2), noisy + ",shifts=4", *backend, image, {classQuestion(1)})[0].map,
              twinMean(noisy, image, {0, 1}, *backend), 1e-5);
}

TEST(Shifts, OfOneColourAndOfOneCopyAreTheMapItself) {
  const auto backend = makeReferenceBackend();
  const auto mapOf = [&](const std::string& text, const Doubles& image) {
    return explainImage(stridedNet(1), text, *backend, image, {classQuestion(1)})[0].map;
  };
  const Doubles image = input({1, kPlanes, kHeight, kColumns}).data;
  EXPECT_EQ(mapOf("gradient:shifts=1", image), mapOf("gradient", image));
  for (double v : mapOf("input-x-gradient:shifts=9", Doubles(image.size()))) EXPECT_EQ(v, 0);
}

TEST(Shifts, HaveToFit) {
  for (const char* text : {"gradient:shifts=5", "gradient:shifts=0", "gradient:shifts=-4", "gradient:shifts=x",
                           "gradient:shift=2", "gradient:shifts=4,shift=0", "gradient:shifts=2048"})
    EXPECT_EQ(codeOf([&] { parseMethod(text); }), ErrorCode::InvalidMethodParameter) << text;
  const auto backend = makeReferenceBackend();
  const Doubles image = input({1, kPlanes, kHeight, kColumns}).data;
  const Error far =
      failureOf([&] { explainImage(stridedNet(1), "gradient:shifts=4,shift=7", *backend, image, {classQuestion(1)}); });
  EXPECT_EQ(far.code(), ErrorCode::NotSupportedByMethod);
  EXPECT_EQ(far.expected(), "at most 6 pixels in 16×12");
  Build b({1, 6});
  b.add(Op::Dense, {b.x(), b.random({3, 6})});
  inferShapes(b.graph);
  EXPECT_EQ(codeOf([&] { explainImage(b.graph, "gradient:shifts=4", *backend, Doubles(6), {classQuestion(0)}); }),
            ErrorCode::NotSupportedByMethod);
}

TEST(Shifts, ArePartOfTheTextWhereTheyAreGiven) {
  EXPECT_EQ(parseMethod("gradient:shifts=4").text, "gradient:seed=one,shifts=4");
  EXPECT_FALSE(parseMethod("rap:shifts=4").conserves);
  EXPECT_FALSE(parseMethod("rap:shifts=4").procedure->walksOnce());
}

}  // namespace
}  // namespace relprop::test

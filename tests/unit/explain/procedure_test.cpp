// How a procedure serves images: the ordinary method fills the plan's rows with them, all others take one at a time;
// both ask once an image, and answer what was asked.
#include "explain/procedure.h"

#include <optional>

#include "graph/edit.h"
#include "relprop/error.h"
#include "unit/core/failure.h"
#include "unit/explain/session.h"

namespace relprop::test {
namespace {

constexpr std::size_t kClasses = 3;

Graph net(std::int64_t rows) {
  Build b({rows, 2, 4, 4});
  b.add(Op::Conv, {b.x(), b.random({4, 2, 3, 3}), b.random({4})}, {{"pads", Ints{1, 1, 1, 1}}});
  b.add(Op::Relu, {b.graph.outputs[0]});
  addHead(b, kClasses);
  return b.graph;
}

// Asks of image k about class k modulo 3, and keeps what it is told.
class Images : public Request {
 public:
  Images(std::int64_t count, std::int64_t floats)
      : count_(count), data_(input({count, floats}).data), pixels_(data_.begin(), data_.end()), floats_(floats) {}

  std::int64_t images() const override { return count_; }
  const float* image(std::int64_t k) const override { return pixels_.data() + k * floats_; }
  std::vector<Question> ask(std::int64_t k, const float* scores) override {
    asked.push_back(k);
    scoresOf.emplace_back(scores, scores + kClasses);
    return {classQuestion(k % static_cast<std::int64_t>(kClasses))};
  }
  void walked(std::int64_t k, const Session::Row& row) override {
    answered.push_back(k);
    maps.emplace_back(row.relevance(0), row.relevance(0) + floats_);
  }
  void drawn(std::int64_t k, std::vector<Attribution> all) override {
    answered.push_back(k);
    maps.push_back(all.at(0).map);
  }

  std::vector<std::int64_t> asked, answered;
  std::vector<Doubles> scoresOf, maps;

 private:
  std::int64_t count_;
  Doubles data_;
  std::vector<float> pixels_;
  std::int64_t floats_;
};

void serve(const std::string& method, std::int64_t rows, Images& images, std::vector<std::int64_t>* batches = nullptr) {
  const auto backend = makeReferenceBackend();
  CompileOptions forwardOnly;
  forwardOnly.forwardOnly = true;
  CompiledMethod c(net(rows), parseMethod(method), *backend, {}),
      probe(net(1), parseMethod(method), *backend, forwardOnly);
  Session session(c, {},
                  {[&](Phase phase) { c.run(phase, {}); },
                   [&](std::int64_t done, std::int64_t) {
                     if (batches) batches->push_back(done);
                   },
                   [&](const std::vector<float>& x) {
                     std::copy(x.begin(), x.end(), probe.input());
                     probe.plan().run(Phase::Forward);
                     return std::vector<float>(probe.scores(), probe.scores() + kClasses);
                   }});
  c.method().procedure->serve(session, images);
}

TEST(Procedure, TheOrdinaryMethodFillsTheRowsWithImages) {
  Images images(5, 32);
  std::vector<std::int64_t> batches;
  serve("lrp-epsilon", 2, images, &batches);
  EXPECT_EQ(images.asked, (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(images.answered, images.asked);
  EXPECT_EQ(batches, (std::vector<std::int64_t>{2, 4, 5}));
}

TEST(Procedure, AnImageIsAnsweredAsItWouldBeAlone) {
  for (const char* method : {"lrp-epsilon", "rap", "gradient", "smoothgrad:samples=3", "deeplift", "occlusion"}) {
    Images together(5, 32), alone(5, 32);
    serve(method, 2, together);
    serve(method, 1, alone);
    EXPECT_EQ(together.answered, alone.answered) << method;
    for (std::size_t k = 0; k < 5; ++k) {
      expectClose(together.scoresOf.at(k), alone.scoresOf.at(k), 1e-6, method);
      expectClose(together.maps.at(k), alone.maps.at(k), 1e-5, method);
    }
  }
}

// By itself it is what noise= and other procedures may wrap.
TEST(Procedure, TheOrdinaryMethodDrawsOneImageToo) {
  Images images(1, 32);
  serve("rap", 1, images);
  const Graph g = net(1);
  const auto backend = makeReferenceBackend();
  const Doubles x(images.image(0), images.image(0) + 32);
  const std::vector<Attribution> drawn = explainImage(g, "rap", *backend, x, {classQuestion(0)});
  EXPECT_EQ(drawn.at(0).shape, (Shape{2, 4, 4}));
  EXPECT_EQ(drawn.at(0).map, images.maps.at(0));
}

TEST(Procedure, OnlyTheOrdinaryMethodWalksOnce) {
  EXPECT_TRUE(parseMethod("rap").procedure->walksOnce());
  EXPECT_FALSE(parseMethod("rap:noise=0.1").procedure->walksOnce());
  EXPECT_FALSE(parseMethod("grad-cam").procedure->walksOnce());
  EXPECT_FALSE(parseMethod("rap").procedure->runsManyInputs());
  EXPECT_TRUE(parseMethod("rise").procedure->runsManyInputs());
}

// ---- memory limits without exceptions
bool fits(std::int64_t bytes) {
  const auto backend = makeReferenceBackend();
  CompileOptions o;
  o.memory.bytes = bytes;
  return CompiledMethod::fits(net(2), parseMethod("rap"), *backend, o);
}

std::int64_t leastLimit() {
  std::int64_t low = 0, high = 1 << 24;
  while (high - low > 1) (fits((low + high) / 2) ? high : low) = (low + high) / 2;
  return high;
}

TEST(CompiledMethod, ALimitIsKeptOrRefused) {
  const auto backend = makeReferenceBackend();
  const std::int64_t least = leastLimit();
  CompileOptions o;
  o.memory.bytes = least - 1;
  EXPECT_EQ(CompiledMethod::within(net(2), parseMethod("rap"), *backend, o), nullptr);
  EXPECT_EQ(codeOf([&] { CompiledMethod(net(2), parseMethod("rap"), *backend, o); }), ErrorCode::OutOfMemory);
  o.memory.bytes = 1 << 24;
  const auto compiled = CompiledMethod::within(net(2), parseMethod("rap"), *backend, o);
  ASSERT_NE(compiled, nullptr);
  EXPECT_LE(compiled->plan().arenaBytes() + compiled->plan().weightBytes(), o.memory.bytes);
}

TEST(WithRows, ScalesTheFirstExtentOfDynamicValuesAlone) {
  const Graph five = withRows(net(2), 5), own = net(5);
  ASSERT_EQ(five.values.size(), own.values.size());
  for (std::size_t i = 0; i < five.values.size(); ++i) EXPECT_EQ(five.values[i].shape, own.values[i].shape) << i;
}

}  // namespace
}  // namespace relprop::test

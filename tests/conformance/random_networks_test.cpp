// Networks drawn at random from the operators: chains, branches, gates, odd shapes, shared weights, channels first and
// last. What has to hold for each: the scores are those of plain loops in double precision, the gradient is the central
// difference, relevance is conserved as the ledger says, images know nothing of one another, a memory limit changes no
// bit, and the file that is written is read as it was meant. RELPROP_NETWORKS=N draws more, RELPROP_FIRST_NETWORK=N
// others.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "conformance/write_onnx.h"
#include "graph/shape_inference.h"
#include "onnx/importer.h"
#include "relprop/error.h"
#include "relprop/explain.h"
#include "unit/passes/build.h"

namespace relprop::test {
namespace {

class Drawn {
 public:
  explicit Drawn(unsigned seed) : random_(seed), b_(drawInput()) {
    ValueId x = b_.x();
    if (channelsLast_) x = add(Op::Transpose, {x}, {{"perm", Ints{0, 3, 1, 2}}});
    open_ = {x};
    for (int left = below(6) + 2; left > 0; --left) step();
    finish();
  }

  const Graph& graph() const { return b_.graph; }
  const Shape& image() const { return image_; }

 private:
  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  bool chance(int percent) { return below(100) < percent; }

  Shape drawInput() {
    channelsLast_ = chance(25);
    image_ = {below(5) + 1, below(6) + 4, below(6) + 4};
    if (channelsLast_) image_ = {image_[1], image_[2], 3};
    return {-1, image_[0], image_[1], image_[2]};
  }

  // Shapes for one image, as they are known while the network is drawn.
  ValueId add(Op op, std::vector<ValueId> inputs, Attributes attrs = {}) {
    const ValueId id = b_.add(op, std::move(inputs), std::move(attrs));
    Graph one = b_.graph;
    one.value(one.inputs[0]).shape[0] = 1;
    inferShapes(one);
    b_.graph.value(id).shape = one.value(id).shape;
    return id;
  }
  const Shape& shape(ValueId id) { return b_.graph.value(id).shape; }
  ValueId any() { return open_[static_cast<std::size_t>(below(static_cast<int>(open_.size())))]; }
  ValueId last() { return chance(70) ? open_.back() : any(); }
  ValueId small(const Shape& s) { return b_.random(s, -0.6f, 0.6f); }

  void step() {
    static constexpr void (Drawn::*kinds[])() = {
        &Drawn::conv, &Drawn::conv,   &Drawn::conv, &Drawn::activation, &Drawn::activation, &Drawn::activation,
        &Drawn::norm, &Drawn::sum,    &Drawn::sum,  &Drawn::gate,       &Drawn::excite,     &Drawn::pool,
        &Drawn::join, &Drawn::choose, &Drawn::move, &Drawn::constant};
    (this->*kinds[below(std::size(kinds))])();
  }

  ValueId convolved(ValueId x, std::int64_t channels, std::int64_t k, std::int64_t stride) {
    const std::int64_t in = shape(x)[1], pad = k / 2;
    const Attributes attrs{
        {"kernel_shape", Ints{k, k}}, {"strides", Ints{stride, stride}}, {"pads", Ints{pad, pad, pad, pad}}};
    const Shape weights{channels, in, k, k};
    if (shared_ != kNoValue && shape(shared_) == weights && chance(50)) return add(Op::Conv, {x, shared_}, attrs);
    shared_ = small(weights);
    std::vector<ValueId> inputs{x, shared_};
    if (chance(60)) inputs.push_back(small({channels}));
    return add(Op::Conv, inputs, attrs);
  }
  void conv() {
    const ValueId x = last();
    const std::int64_t k = chance(30) ? 1 : 3;
    const bool narrow = shape(x)[2] < 4 || shape(x)[3] < 4;
    open_.push_back(convolved(x, chance(40) ? shape(x)[1] : below(9) + 1, k, narrow ? 1 : below(2) + 1));
  }
  void activation() {
    static constexpr Op ops[] = {Op::Relu, Op::Relu,        Op::Relu,      Op::LeakyRelu, Op::Elu,      Op::Sigmoid,
                                 Op::Tanh, Op::HardSigmoid, Op::HardSwish, Op::Softplus,  Op::Softsign, Op::Erf,
                                 Op::Abs,  Op::Neg,         Op::Sin,       Op::Cos,       Op::Mish};
    open_.push_back(add(ops[below(std::size(ops))], {last()}));
  }
  void norm() {
    const ValueId x = last();
    const std::int64_t c = shape(x)[1];
    open_.push_back(add(Op::BatchNormalization, {x, small({c}), small({c}), small({c}), b_.random({c}, 0.4f, 2)}));
  }
  // Another value of that shape, made where there is none.
  ValueId partner(ValueId x) {
    for (const ValueId id : open_)
      if (id != x && shape(id) == shape(x) && chance(60)) return id;
    return convolved(x, shape(x)[1], 3, 1);
  }
  void sum() {
    const ValueId x = last();
    open_.push_back(add(chance(80) ? Op::Add : Op::Sub, {x, partner(x)}));
  }
  void gate() {
    const ValueId x = last();
    ValueId g = add(chance(50) ? Op::Sigmoid : Op::HardSigmoid, {partner(x)});
    if (chance(30)) g = add(Op::Add, {g, b_.floats({}, {1})});
    open_.push_back(chance(50) ? add(Op::Mul, {x, g}) : add(Op::Mul, {g, x}));
  }
  void excite() {
    const ValueId x = last();
    const ValueId g = add(Op::Sigmoid, {convolved(add(Op::GlobalAveragePool, {x}), shape(x)[1], 1, 1)});
    open_.push_back(add(Op::Mul, {x, g}));
  }
  void pool() {
    const ValueId x = last();
    if (shape(x)[2] < 3 || shape(x)[3] < 3) return;
    const std::int64_t k = below(2) + 2;
    open_.push_back(add(chance(50) ? Op::MaxPool : Op::AveragePool, {x},
                        {{"kernel_shape", Ints{k, k}}, {"strides", Ints{below(2) + 1, below(2) + 1}}}));
  }
  void join() {
    const ValueId x = last(), y = partner(x);
    open_.push_back(add(Op::Concat, {x, y}, {{"axis", std::int64_t{1}}}));
  }
  void choose() {
    const ValueId x = last(), y = partner(x);
    if (chance(70)) return open_.push_back(add(chance(50) ? Op::Max : Op::Min, {x, y}));
    open_.push_back(add(Op::Where, {add(Op::Greater, {x, y}), y, x}));
  }
  void move() {
    const ValueId x = last();
    const Shape s = shape(x);
    switch (below(4)) {
      case 0:
        return open_.push_back(add(Op::Transpose, {x}, {{"perm", Ints{0, 1, 3, 2}}}));
      case 1:
        return open_.push_back(
            add(Op::Slice, {x, b_.ints({0}), b_.ints({below(static_cast<int>(s[1])) + 1}), b_.ints({1})}));
      case 2:
        return open_.push_back(add(Op::Pad, {x, b_.ints({0, 0, 1, 0, 0, 0, 0, 2})}));
      default:
        return open_.push_back(add(Op::Gather, {x, b_.ints({s[1] - 1, 0, 0})}, {{"axis", std::int64_t{1}}}));
    }
  }
  void constant() {
    const ValueId x = last();
    const ValueId c = small({shape(x)[1], 1, 1});
    open_.push_back(add(chance(50) ? Op::Add : Op::Mul, {x, c}));
  }
  void finish() {
    ValueId x = open_.back();
    if (chance(60)) x = add(Op::GlobalAveragePool, {x});
    x = add(Op::Flatten, {x});
    const std::int64_t classes = below(3) + 2;
    const ValueId w = small({classes, shape(x)[1]});
    x = add(Op::Gemm, {x, w, small({classes})}, {{"transB", std::int64_t{1}}});
    b_.graph.outputs = {x};
    b_.graph.value(x).hasShape = false;
  }

  std::mt19937 random_;
  bool channelsLast_ = false;
  Shape image_;
  Build b_;
  std::vector<ValueId> open_;
  ValueId shared_ = kNoValue;
};

struct Trial {
  Drawn net;
  std::string bytes;
  Model model;
  Array input;  // three images

  explicit Trial(unsigned seed)
      : net(seed), bytes(onnxBytes(net.graph())), model(Model::fromBytes(std::as_bytes(std::span(bytes)))) {
    input.shape = {3, net.image()[0], net.image()[1], net.image()[2]};
    input = randomInput(input.shape);
    for (double& v : input.data) v = static_cast<float>(v);
  }

  Array image(std::size_t i) const {
    const std::size_t size = input.data.size() / 3;
    const auto first = input.data.begin() + static_cast<std::ptrdiff_t>(i * size);
    Shape shape = input.shape;
    shape[0] = 1;
    return {shape, {first, first + static_cast<std::ptrdiff_t>(size)}};
  }
  static Tensor tensor(const Array& a) {
    Tensor t(a.shape);
    std::copy(a.data.begin(), a.data.end(), t.data.begin());
    return t;
  }
  std::vector<double> scores(const Array& x) const {
    Graph g = net.graph();
    g.value(g.inputs[0]).shape = x.shape;
    inferShapes(g);
    return runGraph(g, x).data;
  }
  ExplainOptions options(const std::string& method) const {
    ExplainOptions o;
    o.method = method;
    o.inputShape = net.image();
    o.targets = {Target::of(1)};
    o.threads = 1;
    return o;
  }
  std::vector<Explanation> explain(const std::string& method, const Array& x, int batch = 1,
                                   std::int64_t memory = 0) const {
    ExplainOptions o = options(method);
    o.batch = batch;
    o.memory = memory;
    Explainer explainer(model, o);
    const Tensor t = tensor(x);
    return explainer.explain({t.data.data(), t.shape});
  }
};

double norm(const std::vector<float>& v) {
  double sum = 0;
  for (const float x : v) sum += static_cast<double>(x) * static_cast<double>(x);
  return std::sqrt(sum);
}

void expectScores(const Trial& t) {
  for (std::size_t i = 0; i < 3; ++i) {
    const std::vector<double> wanted = t.scores(t.image(i));
    const Explanation e = t.explain("gradient", t.image(i))[0];
    double largest = 1e-6;
    for (const double v : wanted) largest = std::max(largest, std::abs(v));
    ASSERT_EQ(e.logits.size(), wanted.size());
    for (std::size_t k = 0; k < wanted.size(); ++k)
      EXPECT_NEAR(static_cast<double>(e.logits[k]), wanted[k], 2e-4 * largest);
  }
}

// Along random directions. A kink or a jump within the step shows as a difference between two steps, and is no fault.
void expectGradient(const Trial& t, unsigned seed) {
  const Array x = t.image(0);
  const Tensor gradient = t.explain("gradient", x)[0].relevance;
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  const auto slope = [&](const std::vector<double>& d, double h) {
    Array up = x, down = x;
    for (std::size_t i = 0; i < d.size(); ++i) up.data[i] += h * d[i], down.data[i] -= h * d[i];
    return (t.scores(up)[1] - t.scores(down)[1]) / (2 * h);
  };
  for (int k = 0; k < 2; ++k) {
    std::vector<double> d(x.data.size());
    double along = 0;
    for (std::size_t i = 0; i < d.size(); ++i) along += (d[i] = normal(random)) * static_cast<double>(gradient.data[i]);
    const double wide = slope(d, 2e-6), wanted = slope(d, 1e-6),
                 scale = norm(gradient.data) * std::sqrt(static_cast<double>(d.size()));
    if (std::abs(wide - wanted) > 1e-4 * (scale + 1e-3)) continue;
    EXPECT_NEAR(along, wanted, 2e-3 * (scale + 1e-3));
  }
}

// What goes in comes out, or is in the ledger: node by node, and at the input.
void expectConservation(const Trial& t, const std::string& method) {
  const Explanation e = t.explain(method, t.image(0))[0];
  double absorbed = 0, largest = std::abs(e.seed);
  for (const LedgerEntry& entry : e.ledger) {
    absorbed += entry.absorbed();
    largest = std::max({largest, std::abs(entry.in), std::abs(entry.absorbed())});
  }
  double total = 0, magnitude = 0;
  for (const float v : e.relevance.data) total += static_cast<double>(v), magnitude += std::abs(static_cast<double>(v));
  EXPECT_TRUE(std::isfinite(total)) << method;
  EXPECT_NEAR(total, e.seed - absorbed, 1e-3 * (largest + 1e-3 * magnitude + 1e-6)) << method;
}

void expectSame(const Tensor& got, const float* wanted, double tolerance, const std::string& what) {
  std::vector<float> other(wanted, wanted + got.data.size());
  double difference = 0;
  for (std::size_t i = 0; i < other.size(); ++i)
    difference = std::max(difference, std::abs(static_cast<double>(got.data[i]) - static_cast<double>(other[i])));
  EXPECT_LE(difference, tolerance * (norm(other) + 1e-6)) << what;
}

void expectRowsApart(const Trial& t, const std::string& method) {
  const std::vector<Explanation> three = t.explain(method, t.input, 3);
  ASSERT_EQ(three.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i)
    expectSame(t.explain(method, t.image(i))[0].relevance, three[i].relevance.data.data(), 1e-4,
               method + " in a batch");
}

void expectMemoryChangesNothing(const Trial& t, const std::string& method) {
  const Tensor free = t.explain(method, t.image(0))[0].relevance;
  try {
    const Tensor limited = t.explain(method, t.image(0), 1, 48 << 20)[0].relevance;
    EXPECT_EQ(std::memcmp(free.data.data(), limited.data.data(), free.data.size() * sizeof(float)), 0) << method;
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::OutOfMemory) << e.what();
  }
}

void expectReadAsWritten(const Trial& t) {
  const auto* first = reinterpret_cast<const std::uint8_t*>(t.bytes.data());
  const Graph read = importModelFromBytes({first, t.bytes.size()}, ".", "written").graph;
  Graph needed = t.net.graph();
  removeDeadNodes(needed);
  EXPECT_EQ(opsOf(read), opsOf(needed));
}

int numberIn(const char* name, int fallback) {
  const char* given = std::getenv(name);
  return given && *given ? std::atoi(given) : fallback;
}

// As many as find a fault of memory; under the sanitizers one takes three times as long.
#ifdef __SANITIZE_ADDRESS__
constexpr int kNetworks = 50;
#else
constexpr int kNetworks = 150;
#endif

TEST(RandomNetworks, HoldWhatEveryNetworkHasTo) {
  const int first = numberIn("RELPROP_FIRST_NETWORK", 1), count = numberIn("RELPROP_NETWORKS", kNetworks);
  for (int seed = first; seed < first + count && !HasFailure(); ++seed) {
    SCOPED_TRACE("network " + std::to_string(seed));
    try {
      const Trial t(static_cast<unsigned>(seed));
      expectReadAsWritten(t);
      expectScores(t);
      expectGradient(t, static_cast<unsigned>(seed));
      for (const char* method : {"lrp-zplus", "rap"}) expectConservation(t, method);
      for (const char* method : {"gradient", "lrp-epsilon"}) expectRowsApart(t, method);
      expectMemoryChangesNothing(t, "lrp-zplus");
    } catch (const Error& e) {
      ADD_FAILURE() << e.what();
    } catch (const std::exception& e) {
      ADD_FAILURE() << e.what();
    }
  }
}

}  // namespace
}  // namespace relprop::test

// Why relevance is absorbed: bias, stabiliser and zero denominators, each against its sum in double precision, and
// together all that is missing.
#include <algorithm>
#include <cmath>
#include <functional>

#include "unit/explain/support.h"
#include "unit/explain/twins.h"

namespace relprop::test {
namespace ledger_test {

struct Parts {
  double bias = 0, stabiliser = 0, zero = 0;
};

double pos(double v) {
  return std::max(v, 0.0);
}
double neg(double v) {
  return std::min(v, 0.0);
}
double plus(double x, double w) {
  return pos(x) * pos(w) + neg(x) * neg(w);
}
double minus(double x, double w) {
  return pos(x) * neg(w) + neg(x) * pos(w);
}

// One denominator D = Σ_i c(x_i, w_ij) + bias(b_j) that shares out coef·r_j.
struct Denominator {
  std::function<double(double x, double w, std::size_t i)> contribution;
  std::function<double(double b)> bias;
  double coef = 1;
};

// What does not come out of it at one output j.
void account(const Layer& l, const Doubles& x, std::size_t j, double r, double epsilon, const Denominator& d,
             Parts& into) {
  const double b = d.bias ? d.bias(l.b(j)) : 0, share = d.coef * r;
  double sum = b;
  for (const auto& [i, w] : l.taps[j]) sum += d.contribution(x[i], w, i);
  if (epsilon == 0 && sum == 0) {
    into.zero += share;
    return;
  }
  const double stable = sum + (sum < 0 ? -epsilon : epsilon);
  into.bias += share * b / stable;
  into.stabiliser += share * (stable - sum) / stable;
}

struct RuleCase {
  std::string text;
  double epsilon;
  std::vector<Denominator> denominators;
};
std::ostream& operator<<(std::ostream& out, const RuleCase& c) {
  return out << c.text;
}

Denominator linear() {
  return {[](double x, double w, std::size_t) { return x * w; }, [](double b) { return b; }};
}
Denominator positives(double coef = 1) {
  return {[](double x, double w, std::size_t) { return plus(x, w); }, pos, coef};
}
Denominator negatives(double coef) {
  return {[](double x, double w, std::size_t) { return minus(x, w); }, neg, coef};
}
// With bounds −1 and 1 for all pixels.
Denominator box() {
  return {[](double x, double w, std::size_t) { return x * w + pos(w) - neg(w); }, nullptr};
}
Denominator withoutBias(Denominator d) {
  d.bias = nullptr;
  return d;
}

std::vector<RuleCase> ruleCases() {
  std::vector<RuleCase> all;
  for (const auto& [text, epsilon] : {std::pair("0", 0.0), std::pair("0.5", 0.5)}) {
    const std::string stab = std::string("stabilizer=") + text;
    all.push_back({std::string("epsilon:epsilon=") + text, epsilon, {linear()}});
    all.push_back({std::string("epsilon:bias=drop,epsilon=") + text, epsilon, {withoutBias(linear())}});
    all.push_back({"zplus:" + stab, epsilon, {positives()}});
    all.push_back({"zplus:bias=drop," + stab, epsilon, {withoutBias(positives())}});
    all.push_back({"alphabeta:alpha=2,beta=1," + stab, epsilon, {positives(2), negatives(-1)}});
    all.push_back({"alphabeta:alpha=3,beta=2," + stab, epsilon, {positives(3), negatives(-2)}});
    // Without a stabiliser zbox ends with RAP's shift, see NoneWhereNothingIsLost.
    if (epsilon > 0) all.push_back({"zbox:bounds=range," + stab, epsilon, {box()}});
  }
  return all;
}

// Weights of output 0 are all 0, of output 1 negative, of output 2 positive; bias of the first three 0. So every rule
// meets a denominator of exactly 0 somewhere.
Graph netWith(bool dense, const Shape& shape) {
  Build b(shape);
  const std::int64_t in = dense ? shape[1] : shape[1] * 9, out = 6;
  const Graph draw = [&] {
    Build r({1, 1});
    r.random({out, in}), r.random({out});
    return r.graph;
  }();
  std::vector<float> w = *draw.values[1].constant->floats, bias = *draw.values[2].constant->floats;
  for (std::int64_t i = 0; i < in; ++i) {
    w[static_cast<std::size_t>(i)] = 0;
    w[static_cast<std::size_t>(in + i)] = -std::abs(w[static_cast<std::size_t>(in + i)]);
    w[static_cast<std::size_t>(2 * in + i)] = std::abs(w[static_cast<std::size_t>(2 * in + i)]);
  }
  std::fill_n(bias.begin(), 3, 0.0f);
  const Shape kernel = dense ? Shape{out, in} : Shape{out, shape[1], 3, 3};
  b.add(dense ? Op::Dense : Op::Conv, {b.x(), b.floats(kernel, w), b.floats({out}, bias)},
        dense ? Attributes{} : Attributes{{"pads", Ints{1, 1, 1, 1}}});
  nameLast(b, "layer");
  inferShapes(b.graph);
  addHead(b);
  return b.graph;
}

const Node& nodeNamed(const Graph& g, const std::string& name) {
  return *std::find_if(g.nodes.begin(), g.nodes.end(), [&](const Node& n) { return n.name == name; });
}

const Slot& slotNamed(const Explained& e, const std::string& name) {
  return *std::find_if(e.ledger.begin(), e.ledger.end(), [&](const Slot& s) { return s.node == name; });
}

Doubles rowOf(const Doubles& all, std::size_t row, std::size_t rows) {
  const auto n = static_cast<std::ptrdiff_t>(all.size() / rows), at = static_cast<std::ptrdiff_t>(row) * n;
  return {all.begin() + at, all.begin() + at + n};
}

const Doubles kSeed = {0.7, -1.1, 0.9, -0.3, 0.9, 1.3};

WalkOptions unitBox(std::int64_t channels) {
  WalkOptions o;
  const std::vector<float> ones(static_cast<std::size_t>(channels), 1), minusOnes(ones.size(), -1);
  o.bounds = InputBounds{minusOnes, ones};
  return o;
}

void expectParts(const Slot& s, std::size_t row, const Parts& p, double scale, const std::string& what) {
  EXPECT_NEAR(s.bias[row], p.bias, 1e-5 * scale) << what;
  EXPECT_NEAR(s.stabiliser[row], p.stabiliser, 1e-5 * scale) << what;
  EXPECT_NEAR(s.zeroDenominator[row], p.zero, 1e-5 * scale) << what;
  EXPECT_NEAR(s.bias[row] + s.stabiliser[row] + s.zeroDenominator[row], s.in[row] - s.out[row], 1e-5 * scale) << what;
}

class LinearLedger : public testing::TestWithParam<RuleCase> {
 protected:
  // Layer under a head that hands it relevance of both signs. Non-negative inputs take the walk's shorter way.
  static void compare(bool dense, double low) {
    const RuleCase& c = GetParam();
    const Shape shape = dense ? Shape{2, 8} : Shape{2, 3, 4, 4};
    const Graph g = netWith(dense, shape);
    const Array x = input(shape, 4, low, 1);
    const Layer l = layerOf(g, nodeNamed(g, "layer")), head = layerOf(g, nodeNamed(g, "head"));
    const Method m = methodOf({{"layer", c.text}, {"head", "gradient"}, {"[move]", "jacobian"}});
    for (const auto& backend : bothBackends()) {
      const Explained e = explain(g, m, *backend, x, kSeed, unitBox(shape[1]));
      for (std::size_t row = 0; row < 2; ++row) {
        const Doubles r = twin("gradient", head, {}, rowOf(kSeed, row, 2)), values = rowOf(x.data, row, 2);
        Parts parts;
        double scale = 0;
        for (std::size_t j = 0; j < r.size(); ++j) {
          Parts one;
          for (const Denominator& d : c.denominators) account(l, values, j, r[j], c.epsilon, d, one);
          parts.bias += one.bias, parts.stabiliser += one.stabiliser, parts.zero += one.zero;
          scale += std::abs(r[j]) + std::abs(one.bias) + std::abs(one.stabiliser);
        }
        EXPECT_NE(c.epsilon == 0 ? parts.zero : parts.stabiliser, 0);
        expectParts(slotNamed(e, "layer"), row, parts, scale, c.text + " on " + backend->name());
      }
    }
  }
};

TEST_P(LinearLedger, OfAConvolution) {
  compare(false, -1);
}
TEST_P(LinearLedger, OfADenseLayer) {
  compare(true, -1);
}

std::string caseName(const testing::TestParamInfo<RuleCase>& info) {
  std::string name = info.param.text;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}
INSTANTIATE_TEST_SUITE_P(Rules, LinearLedger, testing::ValuesIn(ruleCases()), caseName);

// gamma shares out where z ≠ 0, over the positive or the negative reading.
TEST(GammaLedger, BiasAndZeros) {
  const double g = 0.5;
  const Denominator up = {
      [g](double x, double w, std::size_t) { return pos(x) * (w + g * pos(w)) + neg(x) * (w + g * neg(w)); },
      [g](double b) { return b + g * pos(b); }};
  const Denominator down = {
      [g](double x, double w, std::size_t) { return pos(x) * (w + g * neg(w)) + neg(x) * (w + g * pos(w)); },
      [g](double b) { return b + g * neg(b); }};
  for (const bool dense : {false, true}) {
    const Shape shape = dense ? Shape{2, 8} : Shape{2, 3, 4, 4};
    const Graph graph = netWith(dense, shape);
    const Array x = input(shape, 4);
    const Layer l = layerOf(graph, nodeNamed(graph, "layer")), head = layerOf(graph, nodeNamed(graph, "head"));
    const Method m = methodOf({{"layer", "gamma:gamma=0.5"}, {"head", "gradient"}, {"[move]", "jacobian"}});
    for (const auto& backend : bothBackends()) {
      const Explained e = explain(graph, m, *backend, x, kSeed);
      for (std::size_t row = 0; row < 2; ++row) {
        const Doubles r = twin("gradient", head, {}, rowOf(kSeed, row, 2)), values = rowOf(x.data, row, 2);
        const Doubles z = outputsOf(l, values);
        Parts parts;
        double scale = 0;
        for (std::size_t j = 0; j < r.size(); ++j) {
          if (z[j] != 0) account(l, values, j, r[j], 0, z[j] > 0 ? up : down, parts);
          if (z[j] == 0) parts.zero += r[j];
          scale += std::abs(r[j]);
        }
        EXPECT_NE(parts.zero, 0);
        expectParts(slotNamed(e, "layer"), row, parts, scale, backend->name());
      }
    }
  }
}

// Where a shift puts back what is missing, nothing is absorbed.
TEST(LedgerReasons, NoneWhereNothingIsLost) {
  const Graph g = netWith(false, {2, 3, 4, 4});
  const Array x = input({2, 3, 4, 4}, 4);
  for (const auto& backend : bothBackends())
    for (const char* rule : {"rap", "rap-signed", "rap-summary-top", "zbox:bounds=range,stabilizer=0"}) {
      const Method m = methodOf({{"layer", rule}, {"head", "gradient"}, {"[move]", "jacobian"}});
      const Slot s = slotNamed(explain(g, m, *backend, x, kSeed, unitBox(3)), "layer");
      for (std::size_t row = 0; row < 2; ++row) EXPECT_NEAR(s.in[row], s.out[row], 1e-5 * std::abs(s.in[row])) << rule;
      for (const Doubles& part : {s.bias, s.stabiliser, s.zeroDenominator}) EXPECT_EQ(part, Doubles(2)) << rule;
    }
}

// A bias that is given back to the inputs is not absorbed; the stabiliser still is.
TEST(LedgerReasons, SpreadBiasIsNotAbsorbed) {
  const Graph g = netWith(false, {2, 3, 4, 4});
  const Array x = input({2, 3, 4, 4}, 4);
  for (const auto& backend : bothBackends())
    for (const char* rule : {"epsilon:epsilon=0.5,bias=spread", "zplus:stabilizer=0.5,bias=spread"}) {
      const Method m = methodOf({{"layer", rule}, {"head", "gradient"}, {"[move]", "jacobian"}});
      const Slot s = slotNamed(explain(g, m, *backend, x, kSeed), "layer");
      for (std::size_t row = 0; row < 2; ++row) {
        EXPECT_EQ(s.bias[row], 0);
        EXPECT_NE(s.stabiliser[row], 0);
        EXPECT_NEAR(s.stabiliser[row], s.in[row] - s.out[row], 1e-4 * std::abs(s.in[row])) << rule;
      }
    }
}

// ---- nodes without weights: z and what arrives are known, since the head is linear
class NodeLedger : public testing::Test {
 protected:
  static Doubles atHead(const Graph& g) {
    return twin("gradient", layerOf(g, nodeNamed(g, "head")), {}, {0.7, -1.1, 0.4});
  }
  static void expectLoss(const Graph& g, const Rows& rule, const std::string& node, const Array& x, const Doubles& z,
                         double epsilon) {
    Rows rows = rule;
    rows.insert(rows.end(), {{"head", "gradient"}, {"[move]", "jacobian"}, {"[activation]", "pass"}});
    const Doubles r = atHead(g);
    ASSERT_EQ(r.size(), z.size());
    Parts parts;
    double scale = 0;
    for (std::size_t j = 0; j < z.size(); ++j) {
      if (epsilon == 0)
        parts.zero += z[j] == 0 ? r[j] : 0;
      else
        parts.stabiliser += r[j] * epsilon / (std::abs(z[j]) + epsilon);
      scale += std::abs(r[j]);
    }
    EXPECT_NE(parts.zero + parts.stabiliser, 0);
    for (const auto& backend : bothBackends())
      expectParts(slotNamed(explain(g, methodOf(rows), *backend, x, {0.7, -1.1, 0.4}), node), 0, parts, scale,
                  backend->name());
  }
  // Twos by two of each channel averaged.
  static Doubles averages(const Array& x) {
    Doubles z;
    for (std::size_t c = 0; c < 9; ++c)
      for (std::size_t y = 0; y < 2; ++y)
        for (std::size_t u = 0; u < 2; ++u) {
          const std::size_t at = c * 16 + y * 8 + u * 2;
          z.push_back((x.data[at] + x.data[at + 1] + x.data[at + 4] + x.data[at + 5]) / 4);
        }
    return z;
  }
};

TEST_F(NodeLedger, Pools) {
  for (const Op op : {Op::AveragePool, Op::MaxPool}) {
    Build b({1, 9, 4, 4});
    b.add(op, {b.x()}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
    nameLast(b, "pool");
    addHead(b);
    Array x = input({1, 9, 4, 4});
    for (std::size_t i : {0u, 1u, 4u, 5u, 42u, 43u, 46u, 47u}) x.data[i] = 0;
    expectLoss(b.graph, {{"pool", "proportional:stabilizer=0"}}, "pool", x, averages(x), 0);
    expectLoss(b.graph, {{"pool", "proportional:stabilizer=0.25"}}, "pool", x, averages(x), 0.25);
  }
}

TEST_F(NodeLedger, ResidualAdditions) {
  for (const Op op : {Op::Add, Op::Sub}) {
    Build b({1, 18, 2, 2});
    const auto half = [&](std::int64_t from) {
      return b.add(Op::Slice, {b.x()},
                   {{"axes", Ints{0, 1, 2, 3}},
                    {"starts", Ints{0, from, 0, 0}},
                    {"ends", Ints{1, from + 9, 2, 2}},
                    {"steps", Ints{1, 1, 1, 1}}});
    };
    const ValueId left = half(0), right = half(9);
    b.add(op, {left, right});
    nameLast(b, "sum");
    addHead(b);
    Array x = input({1, 18, 2, 2});
    x.data[0] = x.data[36] = 0;
    x.data[5] = 0.5, x.data[41] = op == Op::Add ? -0.5 : 0.5;
    Doubles z;
    for (std::size_t i = 0; i < 36; ++i) z.push_back(x.data[i] + (op == Op::Add ? 1 : -1) * x.data[36 + i]);
    expectLoss(b.graph, {{"sum", "proportional:stabilizer=0"}}, "sum", x, z, 0);
    expectLoss(b.graph, {{"sum", "proportional:stabilizer=0.25"}}, "sum", x, z, 0.25);
  }
}

}  // namespace ledger_test
}  // namespace relprop::test

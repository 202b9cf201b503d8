// Several targets from one forward pass: each gets what a run of its own gives, at the input, at recorded nodes
// and in the ledger.
#include "unit/core/failure.h"
#include "unit/explain/support.h"

namespace relprop::test {
namespace targets_test {

constexpr std::int64_t kRows = 2, kTargets = 3;

ValueId conv(Build& b, ValueId x, std::int64_t in, std::int64_t out, std::int64_t k = 3, std::int64_t stride = 1) {
  return b.add(Op::Conv, {x, b.random({out, in, k, k}, -0.5f, 0.5f), b.random({out}, -0.1f, 0.1f)},
               {{"pads", Ints{k / 2, k / 2, k / 2, k / 2}}, {"strides", Ints{stride, stride}}});
}

ValueId relu(Build& b, ValueId x) {
  return b.add(Op::Relu, {x});
}

// Odd channel counts, overlapping max pool, LRN, skip with and without projection.
void residual(Build& b) {
  const ValueId stem = b.add(Op::MaxPool, {relu(b, conv(b, b.x(), 3, 17))},
                             {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}});
  const ValueId normal = b.add(Op::LRN, {stem}, {{"size", std::int64_t{5}}, {"alpha", 0.5f}, {"beta", 0.75f}});
  const ValueId one = relu(b, b.add(Op::Add, {conv(b, relu(b, conv(b, normal, 17, 17)), 17, 17), normal}));
  const ValueId two =
      b.add(Op::Add, {conv(b, relu(b, conv(b, one, 17, 20, 3, 2)), 20, 20), conv(b, one, 17, 20, 1, 2)});
  b.add(Op::AveragePool, {relu(b, two)}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{1, 1}}});
}

// Concatenations along whole blocks of channels and across them, then an enlargement.
void branches(Build& b) {
  const ValueId a = relu(b, conv(b, b.x(), 3, 16)), c = relu(b, conv(b, b.x(), 3, 32, 1)),
                d = relu(b, conv(b, b.x(), 3, 5));
  const ValueId whole = b.add(Op::Concat, {a, c}, {{"axis", std::int64_t{1}}});
  const ValueId odd = b.add(Op::Concat, {conv(b, whole, 48, 7), d}, {{"axis", std::int64_t{1}}});
  b.add(Op::Resize, {odd},
        {{"mode", std::string("nearest")},
         {"coordinate", std::string("asymmetric")},
         {"rounding", std::string("floor")},
         {"scales", std::vector<float>{1, 1, 2, 2}}});
  b.graph.value(b.graph.outputs[0]).shape = {kRows, 12, 16, 16}, b.graph.value(b.graph.outputs[0]).hasShape = true;
}

// A gate that the sizes tell (squeeze and excite) and one that the squashing function tells.
void gates(Build& b) {
  const ValueId x = relu(b, conv(b, b.x(), 3, 12));
  const ValueId squeeze = b.add(Op::AveragePool, {x}, {{"kernel_shape", Ints{8, 8}}});
  const ValueId excited = b.add(Op::Mul, {x, b.add(Op::Sigmoid, {conv(b, squeeze, 12, 12, 1)})});
  b.add(Op::Mul, {excited, b.add(Op::HardSigmoid, {conv(b, excited, 12, 12)})});
}

void softmaxGate(Build& b) {
  const ValueId x = relu(b, conv(b, b.x(), 3, 19));
  b.add(Op::Mul, {x, b.add(Op::Softmax, {conv(b, x, 19, 19)}, {{"axis", std::int64_t{1}}})});
}

// Reshape, transposition, slices, padding; constants of every shape.
void moves(Build& b) {
  const ValueId x = relu(b, conv(b, b.x(), 3, 18));
  const ValueId part = b.add(Op::Slice, {x},
                             {{"axes", Ints{0, 1, 2, 3}},
                              {"starts", Ints{0, 1, 7, 0}},
                              {"ends", Ints{kRows, 18, 0, 8}},
                              {"steps", Ints{1, 2, -2, 1}}});
  b.add(Op::Pad, {b.add(Op::Mul, {part, b.random({9, 1, 1}, 1, 2)})},
        {{"pads", Ints{0, 1, 2, 0, 0, 3, 0, 1}}, {"value", 0.0f}});
  b.add(Op::Transpose, {b.add(Op::Add, {b.graph.outputs[0], b.random({9})})}, {{"perm", Ints{0, 3, 1, 2}}});
  inferShapes(b.graph);
  const Shape s = b.graph.value(b.graph.outputs[0]).shape;
  b.add(Op::Tanh, {reshaped(b, {kRows, s[1] * s[2], s[3], 1})});
}

// Dense layers over the last of several axes.
void tokens(Build& b) {
  const auto dense = [&](ValueId x, std::int64_t in, std::int64_t out) {
    return b.add(Op::Dense, {x, b.random({out, in}), b.random({out}, -0.1f, 0.1f)});
  };
  const ValueId x = relu(b, dense(b.x(), 8, 13));
  b.add(Op::Add, {dense(relu(b, dense(x, 13, 9)), 9, 13), x});
}

struct Net {
  const char* name;
  void (*make)(Build&);
};
const Net kNets[] = {{"Residual", residual},       {"Branches", branches}, {"Gates", gates},
                     {"SoftmaxGate", softmaxGate}, {"Moves", moves},       {"Tokens", tokens}};

Graph graphOf(const Net& net) {
  Build b({kRows, 3, 8, 8});
  net.make(b);
  addHead(b, 4);
  return b.graph;
}

CompileOptions optionsFor(const Graph& g, std::int64_t targets) {
  CompileOptions o;
  o.targets = targets;
  o.walk.bounds = InputBounds{{-1, -1, -1}, {1, 1, 1}};
  o.walk.patterns = patternsFor(g);
  return o;
}

// One seed for each row and target: a class, a mixture, and one of both signs that sums to nearly nothing.
Doubles seeds() {
  Doubles s = {1.5, 0, 0, 0, 0.25, 0.5, 0.125, 0.75, -1, 0.5, 0.25, 0.125};
  const Doubles other = {0, 0, 0, 2, 1, -0.5, 0.5, -0.25, 0.5, 0.25, 1, 1};
  s.insert(s.end(), other.begin(), other.end());
  return s;
}

// What belongs to one target: [row][n] of [row][target][n].
Doubles targetOf(const Doubles& all, std::int64_t target) {
  Doubles out;
  const auto n = static_cast<std::int64_t>(all.size()) / (kRows * kTargets);
  for (std::int64_t row = 0; row < kRows; ++row) {
    const auto first = all.begin() + (row * kTargets + target) * n;
    out.insert(out.end(), first, first + n);
  }
  return out;
}

// DeepLIFT has no multiplier for a softmax.
bool refused(std::size_t net, const std::string& method) {
  return kNets[net].make == softmaxGate && parseMethod(method).comparesWithBaseline;
}

class Targets : public testing::TestWithParam<std::tuple<std::size_t, std::string>> {};

// Σ|R| of a row: the summands of the ledger are of that size, however much they cancel.
double magnitudeOf(const Doubles& relevance, std::size_t row) {
  const std::size_t n = relevance.size() / kRows;
  double total = 0;
  for (std::size_t i = row * n; i < (row + 1) * n; ++i) total += std::abs(relevance[i]);
  return total;
}

void expectSame(const Explained& wide, const Explained& alone, std::int64_t target, const std::string& what) {
  expectClose(targetOf(wide.relevance, target), alone.relevance, 1e-6, what);
  ASSERT_EQ(wide.ledger.size(), alone.ledger.size());
  for (std::size_t k = 0; k < wide.ledger.size(); ++k) {
    const Slot &w = wide.ledger[k], &a = alone.ledger[k];
    for (const auto part : {&Slot::in, &Slot::out, &Slot::bias, &Slot::stabiliser, &Slot::zeroDenominator}) {
      const Doubles got = targetOf(w.*part, target);
      for (std::size_t row = 0; row < got.size(); ++row) {
        const double scale = magnitudeOf(targetOf(seeds(), target), row) + magnitudeOf(alone.relevance, row);
        ASSERT_NEAR(got[row], (a.*part)[row], 2e-6 * scale) << what << ", ledger of " << w.node;
      }
    }
  }
}

TEST_P(Targets, AreRunsOfTheirOwn) {
  const auto& [net, name] = GetParam();
  const Method method = parseMethod(name);
  const Graph g = graphOf(kNets[net]);
  const Array x = input({kRows, 3, 8, 8}, 1), base = input({kRows, 3, 8, 8}, 2);
  for (const auto& backend : bothBackends()) {
    const auto explained = [&](const Doubles& seed, std::int64_t targets) {
      return explainWith(g, method, *backend, x, seed, optionsFor(g, targets), base);
    };
    if (refused(net, name)) {
      EXPECT_EQ(codeOf([&] { explained(seeds(), kTargets); }), ErrorCode::NotSupportedByMethod);
      continue;
    }
    const Explained wide = explained(seeds(), kTargets);
    EXPECT_EQ(wide.relevance.size(), static_cast<std::size_t>(kRows * kTargets * 192));
    for (std::int64_t t = 0; t < kTargets; ++t) {
      expectSame(wide, explained(targetOf(seeds(), t), 1), t,
                 name + " on " + backend->name() + ", target " + std::to_string(t));
    }
  }
}

std::vector<std::string> methods() {
  std::vector<std::string> all = walkingMethods();
  all.insert(all.end(), {"lrp-zplus:maxpool=average,residual=symmetric", "lrp-gamma:bias=spread", "rap:first=none",
                         "lrp-zplus:maxpool=proportional,identity_skip=off", "lrp-zplus:stabilizer=0,bias=drop"});
  return all;
}

std::string caseName(const testing::TestParamInfo<std::tuple<std::size_t, std::string>>& info) {
  std::string name = std::string(kNets[std::get<0>(info.param)].name) + "_" + std::get<1>(info.param);
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, Targets,
                         testing::Combine(testing::Range<std::size_t>(0, std::size(kNets)),
                                          testing::ValuesIn(methods())),
                         caseName);

// Methods that end at a layer: its relevance by target.
TEST(TargetsOfALayer, AreRunsOfTheirOwn) {
  for (const Net& net : {kNets[0], kNets[1], kNets[2], kNets[3]}) {
    const Graph g = graphOf(net);
    const Array x = input({kRows, 3, 8, 8}, 1);
    for (const auto& backend : bothBackends()) {
      const Explained wide = explainWith(g, parseMethod("grad-cam"), *backend, x, seeds(), optionsFor(g, kTargets));
      ASSERT_EQ(wide.recorded.size(), 1u);
      for (std::int64_t t = 0; t < kTargets; ++t)
        expectClose(
            targetOf(wide.recorded[0], t),
            explainWith(g, parseMethod("grad-cam"), *backend, x, targetOf(seeds(), t), optionsFor(g, 1)).recorded[0],
            1e-6, net.name);
    }
  }
}

}  // namespace targets_test
}  // namespace relprop::test

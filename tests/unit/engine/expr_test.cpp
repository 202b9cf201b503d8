// Formulas compiled to programs: random expression graphs against direct evaluation.
#include <algorithm>
#include <map>

#include "engine/expr_compile.h"
#include "engine/plan.h"
#include "relprop/error.h"
#include "unit/engine/support.h"

namespace relprop::test {
namespace {

const Shape kShape = {2, 11, 3, 2};

// A formula beside its values, element by element in row-major order.
struct Traced {
  Expr expr;
  std::vector<float> values;
};

float applied(Elt op, float a, float b, float k) {
  switch (op) {
    case Elt::Add:
      return a + b;
    case Elt::Sub:
      return a - b;
    case Elt::Mul:
      return a * b;
    case Elt::SafeDiv:
      return b == 0 ? 0 : a / b;
    case Elt::Max0:
      return std::max(a, 0.0f);
    case Elt::Min0:
      return std::min(a, 0.0f);
    case Elt::Abs:
      return std::abs(a);
    case Elt::MulImm:
      return a * k;
    default:
      return a + k;
  }
}

class Dag {
 public:
  Dag(Plan& plan, unsigned seed) : plan_(plan), engine_(seed), desc_{kShape, plan.backend().block()} {
    for (int k = 0; k < 3; ++k) leaf();
    std::vector<float> perChannel;
    for (int c = 0; c < 11; ++c) perChannel.push_back(uniform());
    Traced channel{channelConstant(perChannel, desc_), {}};
    for (std::size_t i = 0; i < count(); ++i) channel.values.push_back(perChannel[i / 6 % 11]);
    known_.push_back(channel);
    known_.push_back({number(0.75f), std::vector<float>(count(), 0.75f)});
  }

  // A new node over earlier ones: nodes are shared, so that registers live for different spans.
  void grow() {
    static constexpr Elt ops[] = {Elt::Add,  Elt::Sub, Elt::Mul,    Elt::SafeDiv, Elt::Max0,
                                  Elt::Min0, Elt::Abs, Elt::MulImm, Elt::AddImm};
    const Elt op = ops[engine_() % std::size(ops)];
    const Traced &a = known_[engine_() % known_.size()], &b = known_[engine_() % known_.size()];
    const float k = uniform() + 2.5f;
    Traced t{op <= Elt::Div ? binary(op, a.expr, b.expr) : unary(op, a.expr, k), {}};
    for (std::size_t i = 0; i < count(); ++i) t.values.push_back(applied(op, a.values[i], b.values[i], k));
    known_.push_back(std::move(t));
  }

  const Traced& pick() {
    // Not the bare number: a program takes its shape from what it stores.
    for (;;) {
      const Traced& t = known_[engine_() % known_.size()];
      if (!t.expr->desc.shape.empty()) return t;
    }
  }
  const Traced& last() const { return known_.back(); }
  const TensorDesc& desc() const { return desc_; }

  void fill() {
    for (const auto& [id, values] : leaves_) write(id, values);
  }
  void write(BufferId id, const std::vector<float>& values) {
    std::size_t plain = 0;
    std::fill_n(plan_.data(id), desc_.floats(), 0.0f);
    for (std::int64_t n = 0; n < kShape[0]; ++n)
      for (std::int64_t c = 0; c < kShape[1]; ++c)
        for (std::int64_t i = 0; i < 6; ++i) plan_.data(id)[physicalIndex(desc_, n, c, i)] = values[plain++];
  }
  std::vector<float> read(BufferId id) const {
    std::vector<float> values;
    for (std::int64_t n = 0; n < kShape[0]; ++n)
      for (std::int64_t c = 0; c < kShape[1]; ++c)
        for (std::int64_t i = 0; i < 6; ++i) values.push_back(plan_.data(id)[physicalIndex(desc_, n, c, i)]);
    return values;
  }
  const std::map<BufferId, std::vector<float>>& leaves() const { return leaves_; }

 private:
  static std::size_t count() { return static_cast<std::size_t>(elementCount(kShape)); }
  float uniform() { return std::uniform_real_distribution<float>(-1, 1)(engine_); }
  static Expr binary(Elt op, const Expr& a, const Expr& b) {
    return op == Elt::Add ? a + b : op == Elt::Sub ? a - b : op == Elt::Mul ? a * b : safeDivide(a, b);
  }
  void leaf() {
    const BufferId id = plan_.addBuffer(desc_, "leaf");
    plan_.pin(id);
    std::vector<float> values(count());
    for (float& v : values) v = uniform();
    leaves_[id] = values;
    known_.push_back({load({id, desc_}), values});
  }

  Plan& plan_;
  std::mt19937 engine_;
  TensorDesc desc_;
  std::vector<Traced> known_;
  std::map<BufferId, std::vector<float>> leaves_;
};

void expectValues(const std::vector<float>& got, const std::vector<float>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], expected[i], 1e-5 * (1 + std::abs(expected[i]))) << i;
}

class ExpressionDag : public testing::TestWithParam<unsigned> {};

TEST_P(ExpressionDag, EvaluatesAsWritten) {
  for (const auto& backend : bothBackends()) {
    Plan plan(*backend, kShape[0]);
    Dag dag(plan, GetParam());
    for (int k = 0; k < 25; ++k) dag.grow();
    ProgramRequest request;
    std::vector<Traced> stored;
    for (int k = 0; k < 3; ++k) {
      stored.push_back(k == 0 && !dag.last().expr->desc.shape.empty() ? dag.last() : dag.pick());
      const BufferId id = plan.addBuffer(dag.desc(), "out");
      plan.pin(id);
      request.outputs.push_back({stored.back().expr, {id, dag.desc()}});
    }
    const Traced summed = dag.pick();
    const ScalarId sum = plan.addScalar();
    request.reductions.push_back({summed.expr, Reduction::Sum, sum});
    plan.addProgram("dag", request);
    plan.compile();
    dag.fill();
    plan.run(Phase::Forward);
    for (std::size_t k = 0; k < stored.size(); ++k)
      expectValues(dag.read(request.outputs[k].to.buffer), stored[k].values);
    for (const auto& [id, values] : dag.leaves()) EXPECT_EQ(dag.read(id), values) << "a loaded buffer was written to";
    for (std::size_t row = 0; row < 2; ++row) {
      double expected = 0, scale = 1;
      for (std::size_t i = row * 66; i < (row + 1) * 66; ++i)
        expected += summed.values[i], scale += std::abs(summed.values[i]);
      EXPECT_NEAR(plan.scalar(sum)[row], expected, 1e-5 * scale);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ExpressionDag, testing::Range(1u, 41u));

TEST(ExpressionCompiler, RecyclesRegistersOfALongChain) {
  const auto backend = makeReferenceBackend();
  Plan plan(*backend, 1);
  const TensorDesc d{{1, 4}, 1};
  const BufferView in{plan.addBuffer(d, "in"), d}, out{plan.addBuffer(d, "out"), d};
  Expr e = load(in);
  for (int k = 0; k < 50; ++k) e = absolute(e * 1.5f) + number(1);
  const CompiledProgram c = compileProgram({{{e, out}}, {}});
  EXPECT_LT(c.program.registers, 8);
  EXPECT_EQ(c.inputs.size(), 1u);
}

// A few hundred bytes of functions within functions make a network that deep.
TEST(ExpressionCompiler, FormulasMayBeDeeperThanTheStack) {
  constexpr std::size_t kDepth = 300000;
  const TensorDesc d{{1, 4}, 1};
  const Expr in = load({0, d});
  Expr e = in;
  for (std::size_t k = 0; k < kDepth; ++k) e = k % 3 == 0 ? absolute(e) : k % 3 == 1 ? in + e : e * in;
  const CompiledProgram c = compileProgram({{{e, {1, d}}}, {}});
  EXPECT_EQ(c.program.code.size(), kDepth + 1);
  EXPECT_LT(c.program.registers, 8);
}

// What others still read outlives the formula that was made of it.
TEST(ExpressionCompiler, FreesOnlyWhatNobodyReads) {
  const Expr shared = absolute(load({0, {{1, 4}, 1}}));
  Expr e = shared + shared * 2.0f;
  EXPECT_EQ(shared.use_count(), 3);
  e.reset();
  EXPECT_EQ(shared.use_count(), 1);
  EXPECT_TRUE(isLoad(shared->a));
}

TEST(ExpressionCompiler, EvaluatesASharedFormulaOnce) {
  const TensorDesc d{{1, 4}, 1};
  const Expr x = load({0, d}), shared = absolute(x) * 2.0f;
  const CompiledProgram c = compileProgram({{{shared + shared, {1, d}}, {shared, {2, d}}}, {}});
  EXPECT_EQ(c.program.code.size(), 4u) << "load, abs, mulimm, add\n" << toString(c.program);
}

TEST(ExpressionCompiler, LoadsAViewOnceAndKeepsOffsetsApart) {
  const TensorDesc d{{1, 4}, 1};
  const Expr a = load({0, d}), again = load({0, d}), shifted = load({0, d, 4});
  const CompiledProgram c = compileProgram({{{a + again + shifted, {1, d}}}, {}});
  EXPECT_EQ(c.inputs.size(), 2u);
}

TEST(ExpressionCompiler, DropsNeutralConstants) {
  const Expr x = load({0, {{1, 4}, 1}});
  EXPECT_EQ(x * 1.0f, x);
  EXPECT_EQ(x + 0.0f, x);
  EXPECT_NE(x * 2.0f, x);
}

}  // namespace
}  // namespace relprop::test

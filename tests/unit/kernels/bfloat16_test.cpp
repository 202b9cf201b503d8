// Narrow operands: rounding, programs that read and write them, and linear kernels against plain loops that round at
// the same places.
#include <bit>
#include <cstdint>
#include <limits>

#include "kernels/backend.h"
#include "relprop/error.h"
#include "unit/kernels/linear_cases.h"
#include "unit/kernels/support.h"

namespace relprop::test {
namespace {

float rounded(float v) {
  return fromBfloat16(toBfloat16(v));
}

TEST(Bfloat16, RoundsToTheNearestAndTiesToEven) {
  EXPECT_EQ(rounded(1.0f), 1.0f);
  EXPECT_EQ(rounded(1.0f + 0x1p-8f), 1.0f) << "half way, and 1 is even";
  EXPECT_EQ(rounded(1.0f + 3 * 0x1p-8f), 1.0f + 4 * 0x1p-8f) << "half way, up to the even one";
  EXPECT_EQ(rounded(1.0f + 0x1.8p-8f), 1.0f + 0x1p-7f);
  EXPECT_EQ(rounded(-3.14159f), -3.140625f);
  EXPECT_EQ(rounded(std::numeric_limits<float>::max()), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(rounded(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_TRUE(std::isnan(rounded(std::bit_cast<float>(0x7f800001u)))) << "rounding must not make it infinity";
}

using Narrow = std::vector<std::uint16_t>;

Narrow narrowed(const Floats& values) {
  Narrow out;
  for (float v : values) out.push_back(toBfloat16(v));
  return out;
}

// y = x + x with x and y narrow, and Σy of what was not yet rounded.
TEST(Bfloat16, ProgramsReadAndWriteIt) {
  const TensorDesc desc{{2, 20, 9, 5}, 20};
  const Narrow x = narrowed(randomFloats(desc.floats(), 7));
  Program p;
  p.desc = desc, p.registers = 2;
  p.code = {{.op = Elt::LoadNarrow, .dst = 0, .slot = 0}, {.op = Elt::MulImm, .dst = 1, .a = 0, .imm = 1.7f}};
  p.stores = {{1, 0}};
  p.reductions = {{Reduction::Sum, 1, 0}};
  for (const auto& backend : {makeReferenceBackend(), makeOneDnnBackend()}) {
    Narrow y(x.size());
    std::vector<double> sums(2);
    ProgramArgs args;
    args.inputs = {{bytes(x.data()), desc.rowFloats(), 1, Element::Bfloat16}};
    args.outputs = {{bytes(y.data()), desc.rowFloats(), Element::Bfloat16}};
    args.reductions = {sums.data()};
    backend->runProgram(p, args);
    double exact[2] = {0, 0};
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float product = fromBfloat16(x[i]) * 1.7f;
      ASSERT_EQ(y[i], toBfloat16(product)) << backend->name() << " element " << i;
      exact[i / sz(desc.rowFloats())] += static_cast<double>(product);
    }
    for (int row = 0; row < 2; ++row) EXPECT_NEAR(sums[sz(row)], exact[row], 1e-6) << backend->name();
  }
}

TEST(Bfloat16, DescriptionsCountItsBytes) {
  const TensorDesc d{{2, 3, 4, 4}, 3};
  EXPECT_EQ(d.bytes(), 4 * d.floats());
  EXPECT_EQ(d.as(Element::Bfloat16).bytes(), 2 * d.floats());
}

class NarrowLinear : public testing::TestWithParam<LinearCase> {
 protected:
  void SetUp() override {
    if (!hasOperand(Element::Bfloat16)) GTEST_SKIP() << "this processor does not multiply bfloat16";
    fast_ = makeOneDnnBackend(Element::Bfloat16);
  }
  const LinearShape& shape() const { return GetParam().shape; }
  TensorDesc in(const Backend& b) const { return b.activation(shape().inputShape()); }
  TensorDesc out(const Backend& b) const { return b.activation(shape().outputShape()); }
  LinearKernelSpec spec(const Backend& b) const {
    return {.shape = shape(),
            .srcBlock = in(b).block,
            .dstBlock = out(b).block,
            .weights = randomFloats(shape().weightCount(), 1),
            .operands = Element::Bfloat16,
            .in = shape().dense ? Element::Float32 : Element::Bfloat16};
  }
  // Values in row-major order go in as the kernel reads them, and come out as float32.
  static Floats ran(const Kernel& kernel, const Floats& x, const TensorDesc& from, Element element,
                    const TensorDesc& to) {
    const Buffer wide = laidOut(x, from);
    const Narrow narrow = narrowed(wide.values());
    Buffer z(to.floats(), 77.0f);
    const void* reads = narrow.data();
    if (element == Element::Float32) reads = wide.data();
    run(kernel, {reads}, {z.data()});
    return rowMajor(z, to);
  }
  Floats forward(Backend& b) const {
    LinearKernelSpec k = spec(b);
    k.bias = randomFloats(shape().oc, 2);
    return ran(*b.linearForward(k), randomFloats(elementCount(shape().inputShape()), 3), in(b), k.in, out(b));
  }
  Floats backward(Backend& b, bool adds = false) const {
    LinearKernelSpec k = spec(b);
    k.accumulate = adds;  // to 77s
    return ran(*b.linearBackward(k), randomFloats(elementCount(shape().outputShape()), 4), out(b), k.in, in(b));
  }
  std::unique_ptr<Backend> fast_, slow_ = makeReferenceBackend(Element::Bfloat16);
};

// Both round the operands alike, and sum in float32 or wider.
TEST_P(NarrowLinear, ForwardIsTheReferences) {
  expectClose(forward(*fast_), forward(*slow_), 1e-5);
}
TEST_P(NarrowLinear, BackwardIsTheReferences) {
  expectClose(backward(*fast_), backward(*slow_), 1e-5);
}
TEST_P(NarrowLinear, BackwardAddsToWhatIsThere) {
  expectClose(backward(*fast_, true), backward(*slow_, true), 1e-5);
}

// What the next layer reads is stored as it reads it.
TEST_P(NarrowLinear, ResultsCutAtZeroAreStoredNarrow) {
  if (shape().dense) GTEST_SKIP() << "dense layers give float32";
  LinearKernelSpec k = spec(*fast_);
  k.relu = true;
  const Narrow x = narrowed(laidOut(randomFloats(elementCount(shape().inputShape()), 3), in(*fast_)).values());
  const TensorDesc to = out(*fast_);
  Buffer wide(to.floats()), narrow((to.floats() + 1) / 2);
  run(*fast_->linearForward(k), {x.data()}, {wide.data()});
  k.out = Element::Bfloat16;
  run(*fast_->linearForward(k), {x.data()}, {narrow.data()});
  const auto* values = reinterpret_cast<const std::uint16_t*>(narrow.data());
  for (std::int64_t i = 0; i < to.floats(); ++i)
    ASSERT_NEAR(fromBfloat16(values[i]), wide[i], 0x1p-8 * std::abs(wide[i]) + 1e-6) << "element " << i;
}

INSTANTIATE_TEST_SUITE_P(All, NarrowLinear, testing::ValuesIn(linearCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace relprop::test

// Dense layers that read their weights in place, against plain loops and against layers with weights of their own.
#include <utility>

#include "kernels/backend.h"
#include "kernels/threads.h"
#include "unit/kernels/support.h"

namespace relprop::test {
namespace {

struct DenseCase {
  std::string name;
  std::int64_t rows, ic, oc;
  std::vector<DenseTerm> terms;

  std::size_t operands() const {
    int count = 0;
    for (const DenseTerm& t : terms) count = std::max(count, t.in + 1);
    return static_cast<std::size_t>(count);
  }
};
std::ostream& operator<<(std::ostream& out, const DenseCase& c) {
  return out << c.name;
}

constexpr WeightSlopes kAll = {1, 1}, kPositive = {1, 0}, kNegative = {0, 1}, kMagnitude = {1, -1};

std::vector<DenseCase> cases() {
  return {{"One", 1, 1, 1, {{kAll}}},
          {"ShortOfAVector", 1, 7, 3, {{kPositive}}},
          {"Vectors", 1, 64, 8, {{kAll}}},
          {"VectorsAndRest", 2, 67, 9, {{kNegative}}},
          {"TwoOperands", 3, 130, 21, {{kPositive, 0}, {kNegative, 1}}},
          {"FourRows", 4, 40, 33, {{kMagnitude}}},
          {"EightRows", 8, 530, 18, {{kAll, 0}, {{1.25f, 1}, 1}}},
          {"FiveRowsThreeOperands", 5, 100, 50, {{kPositive, 0}, {kNegative, 1}, {{-1, -1}, 2}}},
          {"TwoResults", 1, 75, 22, {{kAll, 0, 0}, {kPositive, 0, 1}}},
          {"TwoResultsOfTwoOperands", 3, 2200, 13, {{kAll, 0, 0}, {kPositive, 1, 1}, {kNegative, 0, 1}}},
          {"ResultsOutOfOrder", 7, 33, 6, {{kAll, 1, 2}, {kPositive, 0, 0}, {kNegative, 0, 1}, {kMagnitude, 2, 2}}},
          {"ManyTerms", 2, 50, 7, {{kAll, 0, 0}, {kPositive, 0, 1}, {kNegative, 1, 0}, {kAll, 1, 1}, {kAll, 1, 2}}},
          {"ColumnsOfSeveralStretches", 1, 70000, 2, {{kPositive, 0, 0}, {kNegative, 1, 1}}}};
}

Floats joined(const std::vector<Buffer>& buffers) {
  Floats all;
  for (const Buffer& b : buffers) {
    const Floats values = b.values();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

// Runs a kernel whose operands have `in` values each and whose results have `out`.
Floats ran(const Kernel& kernel, std::size_t operands, std::int64_t in, std::size_t results, std::int64_t out) {
  std::vector<Buffer> from, to;
  std::vector<const void*> reads;
  std::vector<void*> writes;
  for (std::size_t k = 0; k < operands; ++k) from.emplace_back(randomFloats(in, static_cast<unsigned>(10 + k)));
  for (std::size_t k = 0; k < results; ++k) to.emplace_back(out, 77.0f);
  for (const Buffer& b : from) reads.push_back(b.data());
  for (Buffer& b : to) writes.push_back(b.data());
  run(kernel, reads, writes);
  return joined(to);
}

DenseSpec specOf(const DenseCase& c, bool bias) {
  return {c.rows,
          c.ic,
          c.oc,
          std::make_shared<const Floats>(randomFloats(c.ic * c.oc, 1)),
          bias ? randomFloats(c.oc, 2) : Floats{},
          c.terms};
}

Floats forward(Backend& b, const DenseCase& c) {
  const DenseKernelPtr kernel = b.denseForward(specOf(c, true));
  return ran(*kernel, c.operands(), c.rows * c.ic, sz(kernel->spec().results()), c.rows * c.oc);
}
Floats backward(Backend& b, const DenseCase& c) {
  const DenseSpec spec = specOf(c, false);
  return ran(*b.denseBackward(spec), c.operands(), c.rows * c.oc, sz(spec.results()), c.rows * c.ic);
}

class DenseInPlace : public testing::TestWithParam<std::tuple<DenseCase, Element>> {
 protected:
  const DenseCase& layer() const { return std::get<0>(GetParam()); }
  Element element() const { return std::get<1>(GetParam()); }
  void SetUp() override {
    if (!hasOperand(element())) GTEST_SKIP() << "this processor does not multiply bfloat16";
    fast_ = makeOneDnnBackend(element()), slow_ = makeReferenceBackend(element());
  }
  std::unique_ptr<Backend> fast_, slow_;
};

TEST_P(DenseInPlace, ForwardIsTheReferences) {
  expectClose(forward(*fast_, layer()), forward(*slow_, layer()), 1e-5);
}

TEST_P(DenseInPlace, BackwardIsTheReferences) {
  expectClose(backward(*fast_, layer()), backward(*slow_, layer()), 1e-5);
}

TEST_P(DenseInPlace, SameBitsWithOneAndTwoThreads) {
  const auto by = [&](int threads) {
    const ThreadScope scope(threads);
    return std::pair(forward(*fast_, layer()), backward(*fast_, layer()));
  };
  const auto one = by(1), two = by(2);
  EXPECT_TRUE(sameBits(one.first, two.first));
  EXPECT_TRUE(sameBits(one.second, two.second));
}

// What is asked for besides, and how many rows there are, changes no bit of a result.
TEST_P(DenseInPlace, EachResultIsThatOfAKernelAlone) {
  const Floats together = forward(*fast_, layer());
  const std::int64_t each = layer().rows * layer().oc;
  for (int result = 0; result < specOf(layer(), true).results(); ++result) {
    DenseSpec spec = specOf(layer(), result == 0);
    std::erase_if(spec.terms, [=](const DenseTerm& t) { return t.out != result; });
    for (DenseTerm& t : spec.terms) t.out = 0;
    const Floats alone = ran(*fast_->denseForward(spec), layer().operands(), layer().rows * layer().ic, 1, each);
    EXPECT_TRUE(sameBits(alone, Floats(together.begin() + result * each, together.begin() + (result + 1) * each)));
  }
}

TEST_P(DenseInPlace, TermsAddedLaterAreThoseGivenAtOnce) {
  const DenseSpec all = specOf(layer(), true);
  DenseSpec first = all;
  first.terms.resize(1);
  const DenseKernelPtr kernel = fast_->denseForward(first), slow = slow_->denseForward(first);
  for (DenseKernel* k : {kernel.get(), slow.get()}) k->add({all.terms.begin() + 1, all.terms.end()});
  const auto result = [&](const Kernel& k) {
    return ran(k, layer().operands(), layer().rows * layer().ic, sz(all.results()), layer().rows * layer().oc);
  };
  EXPECT_TRUE(sameBits(result(*kernel), forward(*fast_, layer())));
  EXPECT_TRUE(sameBits(result(*slow), forward(*slow_, layer())));
}

TEST_P(DenseInPlace, SameBitsForARowAloneAndAmongOthers) {
  DenseCase one = layer();
  one.rows = 1;
  const auto firstRows = [&](const Floats& all, std::int64_t length) {
    Floats first;
    for (std::int64_t at = 0; at < static_cast<std::int64_t>(all.size()); at += layer().rows * length)
      first.insert(first.end(), all.begin() + at, all.begin() + at + length);
    return first;
  };
  EXPECT_TRUE(sameBits(forward(*fast_, one), firstRows(forward(*fast_, layer()), layer().oc)));
  EXPECT_TRUE(sameBits(backward(*fast_, one), firstRows(backward(*fast_, layer()), layer().ic)));
}

INSTANTIATE_TEST_SUITE_P(All, DenseInPlace,
                         testing::Combine(testing::ValuesIn(cases()),
                                          testing::Values(Element::Float32, Element::Bfloat16)),
                         [](const auto& info) {
                           const bool narrow = std::get<1>(info.param) == Element::Bfloat16;
                           return std::get<0>(info.param).name + (narrow ? "Bfloat16" : "");
                         });

// W⁺x + W⁻x = Wx, and both slopes together are those of w + γw⁺.
TEST(DenseParts, AddUpToTheLayer) {
  const auto backend = makeReferenceBackend();
  const auto weights = std::make_shared<const Floats>(Floats{2, -3, 0, 5});
  const Floats x = {1, 10};
  const auto result = [&](const std::vector<WeightSlopes>& parts) {
    Buffer z(2);
    std::vector<DenseTerm> terms;
    for (const WeightSlopes& part : parts) terms.push_back({part});
    run(*backend->denseForward({1, 2, 2, weights, {}, terms}), {x.data()}, {z.data()});
    return z.values();
  };
  EXPECT_EQ(result({kAll}), (Floats{-28, 50}));
  EXPECT_EQ(result({kPositive}), (Floats{2, 50}));
  EXPECT_EQ(result({kNegative}), (Floats{-30, 0}));
  EXPECT_EQ(result({kPositive, kNegative}), (Floats{-28, 50}));
  EXPECT_EQ(result({kMagnitude}), (Floats{32, 50}));
  EXPECT_EQ(result({{1.5f, 1}}), (Floats{-27, 75}));
}

TEST(DenseParts, RoundedWeightsAreMadeOnce) {
  if (!hasOperand(Element::Bfloat16)) GTEST_SKIP() << "this processor does not multiply bfloat16";
  const auto backend = makeOneDnnBackend(Element::Bfloat16);
  const DenseSpec spec = specOf(cases()[2], false);
  const KernelPtr first = backend->denseForward(spec), second = backend->denseBackward(spec);
  EXPECT_EQ(first->weightBytes(), 2 * 64 * 8);
  EXPECT_EQ(second->weightBytes(), 0);
  EXPECT_EQ(makeOneDnnBackend()->denseForward(spec)->weightBytes(), 0) << "float32 weights are read where they lie";
}

}  // namespace
}  // namespace relprop::test

// Elementwise programs: the tiled interpreter against one element at a time.
#include "kernels/program.h"

#include "kernels/simd/simd.h"
#include "unit/kernels/programs.h"

namespace relprop::test {
namespace {

std::vector<ProgramCase> programCases() {
  const int b = makeOneDnnBackend()->block();
  constexpr std::int64_t tile = simd::kTile, chunk = 8 * tile;
  return {{"TileLessOne", {{1, 1, tile - 1}, 1}},
          {"Tile", {{2, 1, tile}, 1}},
          {"TileAndOne", {{2, 1, tile + 1}, 1}},
          {"ChunkLessOne", {{1, 1, chunk - 1}, 1}},
          {"Chunk", {{2, 1, chunk}, 1}},
          {"ChunkAndOne", {{2, 1, chunk + 1}, 1}},
          {"FourThousand", {{2, 1, 4096}, 1}},
          {"TwoChunks", {{1, 3, 5500}, 1}},
          {"One", {{1, 1}, 1}},
          {"Vector", {{3, 10}, 1}},
          {"LongVector", {{2, 3000}, 1}},
          {"Plain", {{3, 3, 7, 5}, 1}},
          {"PlainStrided", {{3, 3, 7, 5}, 1}, 11},
          {"Blocked", {{2, 32, 9, 7}, b}},
          {"BlockedStrided", {{3, 32, 4, 4}, b}, 64},
          {"Padded", {{2, 17, 9, 13}, b}},
          {"PaddedStrided", {{3, 17, 3, 5}, b}, 32},
          {"BlockedTile", {{1, 32, 1, tile / b}, b}},
          {"PaddedTile", {{1, 19, 1, tile / b}, b}},
          {"PaddedTileAndOne", {{1, 19, 1, tile / b + 1}, b}},
          {"PaddedLarge", {{2, 40, 33, 33}, b}},
          {"ChannelsLast", {{2, 24, 9, 7}, 24}},
          {"ChannelsLastOdd", {{2, 37, 9, 13}, 37}},
          {"ChannelsLastBeyondTile", {{2, 300, 5, 3}, 300}},
          {"ChannelsLastOfTile", {{1, tile, 3, 3}, static_cast<int>(tile)}},
          {"PaddedVector", {{2, 17, 1, 1}, b}}};
}

void expectSameResults(const Program& p, const ProgramRun& fast, const ProgramRun& slow) {
  for (std::size_t k = 0; k < fast.outputs.size(); ++k) {
    const Floats got = fast.outputs[k].values(), expected = slow.outputs[k].values();
    for (std::size_t i = 0; i < got.size(); ++i)
      ASSERT_NEAR(got[i], expected[i], 1e-5 * (1 + std::abs(expected[i])))
          << "output " << k << ", element " << i << "\n"
          << toString(p);
  }
  for (std::size_t k = 0; k < fast.reductions.size(); ++k)
    for (std::size_t row = 0; row < fast.reductions[k].size(); ++row)
      ASSERT_NEAR(fast.reductions[k][row], slow.reductions[k][row],
                  1e-6 * static_cast<double>(p.desc.rowFloats()) + 1e-5 * std::abs(slow.reductions[k][row]))
          << "reduction " << k << ", row " << row << "\n"
          << toString(p);
}

class Programs : public testing::TestWithParam<ProgramCase> {
 protected:
  std::unique_ptr<Backend> fast_ = makeOneDnnBackend(), slow_ = makeReferenceBackend();
};

TEST_P(Programs, AsOneElementAtATime) {
  const auto& [name, desc, gap] = GetParam();
  for (unsigned seed = 1; seed <= 12; ++seed) {
    const Program p = ProgramMaker(desc, seed).random(static_cast<int>(4 + seed));
    ProgramRun fast(p, gap, seed), slow(p, gap, seed);
    fast.run(*fast_, p);
    slow.run(*slow_, p);
    expectSameResults(p, fast, slow);
  }
}

// Extremes are those of the elements, whatever padding lanes hold.
TEST_P(Programs, ExtremesOfValuesOfOneSign) {
  const auto& [name, desc, gap] = GetParam();
  for (const float from : {1.0f, -3.0f}) {
    Program p;
    p.desc = desc, p.registers = 2;
    p.code = {{.op = Elt::Load, .dst = 0, .slot = 0}, {.op = Elt::MulImm, .dst = 1, .a = 0, .imm = 2}};
    p.stores = {{1, 0}};
    p.reductions = {{Reduction::Min, 0, 0}, {Reduction::Max, 0, 1}, {Reduction::Min, 1, 2}, {Reduction::Max, 1, 3}};
    ProgramRun fast(p, gap, 5, from, from + 2), slow(p, gap, 5, from, from + 2);
    fast.run(*fast_, p);
    slow.run(*slow_, p);
    EXPECT_EQ(fast.reductions, slow.reductions);
  }
}

TEST_P(Programs, NothingBetweenRowsIsTouched) {
  const auto& [name, desc, gap] = GetParam();
  const Program p = ProgramMaker(desc, 3).random(6);
  ProgramRun run(p, gap, 3);
  run.run(*fast_, p);
  for (const Buffer& out : run.outputs)
    for (std::int64_t row = 0; row < desc.rows(); ++row)
      for (std::int64_t i = desc.rowFloats(); i < run.stride; ++i) ASSERT_EQ(out[row * run.stride + i], kUntouched);
}

TEST_P(Programs, PaddingLanesStayZero) {
  const auto& [name, desc, gap] = GetParam();
  for (unsigned seed = 1; seed <= 6; ++seed) {
    const Program p = ProgramMaker(desc, seed).random(8);
    ProgramRun run(p, 0, seed);
    run.run(*fast_, p);
    for (const Buffer& out : run.outputs) expectCleanPadding(out, desc);
  }
}

TEST_P(Programs, SameBitsWithOneAndTwoThreads) {
  const auto& [name, desc, gap] = GetParam();
  const Program p = ProgramMaker(desc, 9).random(10);
  ProgramRun one(p, gap, 9), two(p, gap, 9);
  fast_->setThreads(1);
  one.run(*fast_, p);
  fast_->setThreads(2);
  two.run(*fast_, p);
  fast_->setThreads(0);
  for (std::size_t k = 0; k < one.outputs.size(); ++k)
    EXPECT_TRUE(sameBits(one.outputs[k].values(), two.outputs[k].values())) << "output " << k;
  EXPECT_EQ(one.reductions, two.reductions);
}

INSTANTIATE_TEST_SUITE_P(All, Programs, testing::ValuesIn(programCases()),
                         [](const auto& info) { return info.param.name; });

struct OpCase {
  Elt op;
  float imm;
  float a, b, expected;
};

// Values worked out by hand, the ends and signs included.
TEST(ProgramOps, KnownValues) {
  const std::vector<OpCase> cases = {{Elt::Add, 0, 2, 3, 5},
                                     {Elt::Sub, 0, 2, 3, -1},
                                     {Elt::Mul, 0, 2, 3, 6},
                                     {Elt::Div, 0, 3, 2, 1.5f},
                                     {Elt::SafeDiv, 0, 3, 2, 1.5f},
                                     {Elt::SafeDiv, 0, 3, 0, 0},
                                     {Elt::SafeDiv, 0, 0, 0, 0},
                                     {Elt::SafeDiv, 0, 3, -0.0f, 0},
                                     {Elt::Share, 0, -3, 1, 0.75f},
                                     {Elt::Share, 0, 0, -2, 0},
                                     {Elt::Share, 0, 0, 0, 0.5f},
                                     {Elt::Stab, 0.5f, 2, 0, 2.5f},
                                     {Elt::Stab, 0.5f, -2, 0, -2.5f},
                                     {Elt::Stab, 0.5f, 0, 0, 0.5f},
                                     {Elt::Max0, 0, -2, 0, 0},
                                     {Elt::Max0, 0, 2, 0, 2},
                                     {Elt::Min0, 0, -2, 0, -2},
                                     {Elt::Min0, 0, 2, 0, 0},
                                     {Elt::Abs, 0, -2, 0, 2},
                                     {Elt::NonZero, 0, -2, 0, 1},
                                     {Elt::NonZero, 0, 0, 0, 0},
                                     {Elt::IsPositive, 0, 2, 0, 1},
                                     {Elt::IsPositive, 0, 0, 0, 0},
                                     {Elt::IsPositive, 0, -2, 0, 0},
                                     {Elt::AddImm, 3, 2, 0, 5},
                                     {Elt::MulImm, 3, 2, 0, 6},
                                     {Elt::MaxImm, 3, 2, 0, 3},
                                     {Elt::MaxImm, 1, 2, 0, 2},
                                     {Elt::MinImm, 3, 2, 0, 2},
                                     {Elt::MinImm, 1, 2, 0, 1},
                                     {Elt::Exp, 0, 1, 0, 2.7182817f},
                                     {Elt::Exp, 0, -90, 0, 8.194e-40f},
                                     {Elt::Sigmoid, 0, 0, 0, 0.5f},
                                     {Elt::Sigmoid, 0, -2, 0, 0.11920292f},
                                     {Elt::Sigmoid, 0, 200, 0, 1},
                                     {Elt::Sigmoid, 0, -200, 0, 0},
                                     {Elt::Tanh, 0, 0.5f, 0, 0.46211716f},
                                     {Elt::Tanh, 0, -50, 0, -1}};
  for (const auto& backend : {makeReferenceBackend(), makeOneDnnBackend()})
    for (const OpCase& c : cases) {
      Program p;
      p.desc = {{1, 40}, 1}, p.registers = 3;
      p.code = {{.op = Elt::Load, .dst = 0, .slot = 0},
                {.op = Elt::Load, .dst = 1, .slot = 1},
                {.op = c.op, .dst = 2, .a = 0, .b = c.op <= Elt::Div ? 1 : -1, .imm = c.imm}};
      p.stores = {{2, 0}};
      Buffer a(40, c.a), b(40, c.b), out(40, kUntouched);
      backend->runProgram(p, {{{bytes(a.data()), 40}, {bytes(b.data()), 40}}, {{bytes(out.data()), 40}}, {}, {}});
      for (const float v : out.values())
        ASSERT_NEAR(v, c.expected, 1e-6 * std::abs(c.expected) + 1e-38) << backend->name() << "\n" << toString(p);
    }
}

// What is not zero is shifted by a number of its row; rounding may not eat the sum.
TEST(ProgramOps, ShiftMovesWhatIsNotZero) {
  constexpr std::int64_t count = 5000;
  Floats x = randomFloats(2 * count, 1);
  for (std::size_t i = 0; i < x.size(); i += 3) x[i] = 0;
  Program p;
  p.desc = {{2, count}, 1}, p.registers = 2;
  p.code = {{.op = Elt::Load, .dst = 0, .slot = 0}, {.op = Elt::Shift, .dst = 1, .a = 0, .slot = 0}};
  p.stores = {{1, 0}};
  const std::vector<double> by = {1.0 / 3, -1e-4 / 7};
  for (const auto& backend : {makeReferenceBackend(), makeOneDnnBackend()}) {
    Buffer out(2 * count, kUntouched);
    backend->runProgram(p, {{{bytes(x.data()), count}}, {{bytes(out.data()), count}}, {{by.data()}}, {}});
    for (std::size_t row = 0; row < 2; ++row) {
      double sum = 0, expected = 0;
      for (std::size_t i = row * count; i < (row + 1) * count; ++i) {
        const double shifted = x[i] == 0 ? 0 : x[i] - by[row];
        const float got = out[static_cast<std::int64_t>(i)];
        ASSERT_NEAR(got, shifted, 2e-7) << backend->name() << ", element " << i;
        if (x[i] == 0) ASSERT_EQ(got, 0);
        sum += got, expected += shifted;
      }
      EXPECT_NEAR(sum, expected, 1e-4) << backend->name();
    }
  }
}

TEST(ProgramText, OneLineAnInstruction) {
  Program p;
  p.code = {{.op = Elt::Load, .dst = 0, .slot = 2},
            {.op = Elt::MulImm, .dst = 1, .a = 0, .imm = 3},
            {.op = Elt::Add, .dst = 2, .a = 0, .b = 1}};
  p.stores = {{2, 0}};
  p.reductions = {{Reduction::Sum, 1, 4}};
  EXPECT_EQ(toString(p), "r0 = load #2\nr1 = mulimm r0 3\nr2 = add r0 r1\nout#0 = r2\nreduce#4 r1\n");
}

}  // namespace
}  // namespace relprop::test

// Plans: where buffers lie, what lives how long, what runs when.
#include "engine/plan.h"

#include <omp.h>

#include "kernels/lambda_kernel.h"
#include "kernels/threads.h"
#include "relprop/error.h"
#include "support/expect_error.h"
#include "unit/engine/support.h"

namespace relprop::test {
namespace {

BufferView vectorOf(Plan& plan, std::int64_t floats, const std::string& name) {
  const TensorDesc d{{plan.rows(), floats}, 1};
  return {plan.addBuffer(d, name), d};
}

class Plans : public testing::Test {
 protected:
  void fill(Plan& plan, const BufferView& to, float value) {
    plan.addKernel("fill", backend_->fill(to.desc.floats(), value), {}, {to});
  }
  void sum(Plan& plan, const BufferView& from, ScalarId to) {
    plan.addProgram("sum", {{}, {{load(from), Reduction::Sum, to}}});
  }
  std::unique_ptr<Backend> backend_ = makeReferenceBackend();
};

// Two walks behind one forward phase, in any order and again: what the forward phase left is never lost, and none of
// its steps runs twice.
TEST_F(Plans, SeveralWalksShareAForwardPhase) {
  Plan plan(*backend_, 1);
  int runs = 0;
  const auto counting = [&](const BufferView& from, const BufferView& to) {
    plan.addKernel("counting", makeKernel([&runs, n = to.desc.floats()](FloatsIn in, FloatsOut out) {
                     for (std::int64_t i = 0; i < n; ++i) out[0][i] = in[0][i] + 1;
                     ++runs;
                   }),
                   {from}, {to});
  };
  const BufferView x = vectorOf(plan, 64, "x"), kept = vectorOf(plan, 64, "kept"), sum1 = vectorOf(plan, 64, "sum");
  fill(plan, x, 1);
  counting(x, kept);  // 2
  std::vector<ScalarId> results;
  plan.beginBackward();
  counting(kept, sum1);  // 3, which the next walk needs as well
  for (int walk = 0; walk < 2; ++walk) {
    if (walk == 1) plan.beginBackward(), plan.share(sum1.buffer);
    const BufferView scratch = vectorOf(plan, 64, "scratch"), out = vectorOf(plan, 64, "out");
    fill(plan, scratch, static_cast<float>(10 * (walk + 1)));
    plan.addProgram("out", {{{load(kept) + load(sum1) + load(scratch), out}}, {}});
    results.push_back(plan.addScalar());
    sum(plan, out, results.back());
  }
  plan.compile();
  for (const int walk : {1, 0, 0, 1}) {
    plan.run(Phase::Forward, walk);
    plan.run(Phase::Backward, walk);
    EXPECT_EQ(plan.scalar(results[static_cast<std::size_t>(walk)])[0], 64.0 * (2 + 3 + 10 * (walk + 1)));
    EXPECT_EQ(runs, 2);
  }
  plan.forget();
  plan.run(Phase::Forward, 0);
  EXPECT_EQ(runs, 4);
}

// A dense layer that reads what an earlier step reads becomes another result of that.
TEST_F(Plans, DenseLayersOverTheSameWeightsAndInputAreOneStep) {
  const auto weights = std::make_shared<const std::vector<float>>(std::vector<float>{1, -2, 3, 4});
  const DenseSpec layer{1, 2, 2, weights, {10, 20}}, positive{1, 2, 2, weights, {}, {{{1, 0}}}};
  for (const auto& backend : {makeReferenceBackend(), makeOneDnnBackend()}) {
    Plan plan(*backend, 1);
    const BufferView x = vectorOf(plan, 2, "x"), other = vectorOf(plan, 2, "other");
    const BufferView z = vectorOf(plan, 2, "z"), p = vectorOf(plan, 2, "p");
    for (const BufferView& view : {x, z, p}) plan.pin(view.buffer);
    fill(plan, x, 1), fill(plan, other, 1);
    plan.addDense("z", backend->denseForward(layer), {x}, z);
    plan.beginBackward();
    EXPECT_FALSE(plan.joinDense(positive, other, p)) << "another input";
    DenseSpec foreign = positive;
    foreign.weights = std::make_shared<const std::vector<float>>(*weights);
    EXPECT_FALSE(plan.joinDense(foreign, x, p)) << "other weights";
    EXPECT_TRUE(plan.joinDense(positive, x, p));
    plan.compile();
    ASSERT_EQ(plan.steps().size(), 3);
    EXPECT_EQ(plan.steps()[2].flops, 2 * layer.flops());
    plan.run(Phase::Forward);
    EXPECT_EQ(std::vector<float>(plan.data(z.buffer), plan.data(z.buffer) + 2), (std::vector<float>{9, 27}));
    EXPECT_EQ(std::vector<float>(plan.data(p.buffer), plan.data(p.buffer) + 2), (std::vector<float>{1, 7}));
  }
}

// Not of another walk, which may never run.
TEST_F(Plans, DenseLayersDoNotJoinAnotherWalk) {
  const DenseSpec layer{1, 1, 1, std::make_shared<const std::vector<float>>(std::vector<float>{2})};
  Plan plan(*backend_, 1);
  const BufferView x = vectorOf(plan, 1, "x"), first = vectorOf(plan, 1, "first"), second = vectorOf(plan, 1, "second");
  fill(plan, x, 1);
  plan.beginBackward();
  plan.addDense("first", backend_->denseForward(layer), {x}, first);
  plan.beginBackward();
  EXPECT_FALSE(plan.joinDense(layer, x, second));
}

// What only the later of two walks shares with an earlier one is not computed for a third.
TEST_F(Plans, AWalkRunsOnlyWhatItNeedsOfTheForwardPhase) {
  Plan plan(*backend_, 1);
  const BufferView x = vectorOf(plan, 8, "x"), shared = vectorOf(plan, 8, "shared");
  fill(plan, x, 1);
  plan.beginBackward();
  plan.addProgram("shared", {{{load(x) * 2.0f, shared}}, {}});
  plan.beginBackward();
  plan.share(shared.buffer);
  plan.beginBackward();
  plan.compile();
  std::vector<int> needed;
  for (int walk = 0; walk < 3; ++walk)
    needed.push_back(static_cast<int>(std::count_if(plan.steps().begin(), plan.steps().end(), [&](const StepInfo& s) {
      return s.phase == Phase::Forward && s.serves(walk);
    })));
  EXPECT_EQ(needed, (std::vector<int>{2, 2, 1}));
}

// Buffers of many sizes, each written at one random step and read at a later one: none may lose its value to another.
TEST_F(Plans, BuffersThatLiveTogetherNeverOverlap) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 engine(seed);
    Plan plan(*backend_, 1);
    struct Live {
      BufferView view;
      float value;
      ScalarId sum;
    };
    std::vector<Live> open, all;
    for (int step = 0; step < 60; ++step) {
      if (open.empty() || engine() % 2 == 0) {
        const BufferView v = vectorOf(plan, 1 + engine() % 300, "b");
        open.push_back({v, static_cast<float>(step + 1), plan.addScalar()});
        fill(plan, v, open.back().value);
      } else {
        std::swap(open[engine() % open.size()], open.back());
        sum(plan, open.back().view, open.back().sum);
        all.push_back(open.back());
        open.pop_back();
      }
    }
    for (const Live& l : open) sum(plan, l.view, l.sum), all.push_back(l);
    plan.compile();
    plan.run(Phase::Forward);
    for (const Live& l : all)
      ASSERT_EQ(plan.scalar(l.sum)[0], static_cast<double>(l.value) * static_cast<double>(l.view.desc.floats()));
  }
}

TEST_F(Plans, BuffersThatNeverMeetShareMemory) {
  Plan plan(*backend_, 1);
  for (int k = 0; k < 100; ++k) {
    const BufferView v = vectorOf(plan, 1024, "b");
    fill(plan, v, 1);
    sum(plan, v, plan.addScalar());
  }
  plan.compile();
  EXPECT_LT(plan.arenaBytes(), 3 * 4096) << "one hundred buffers of 4096 bytes, alive one after the other";
}

TEST_F(Plans, PinnedBuffersSurviveTheWholeRun) {
  Plan plan(*backend_, 1);
  const BufferView kept = vectorOf(plan, 100, "kept"), early = vectorOf(plan, 100, "early");
  plan.pin(kept.buffer);
  fill(plan, early, 1);
  sum(plan, early, plan.addScalar());
  fill(plan, kept, 42);
  for (int k = 0; k < 10; ++k) {
    const BufferView v = vectorOf(plan, 100, "later");
    fill(plan, v, 7);
    sum(plan, v, plan.addScalar());
  }
  plan.compile();
  std::fill_n(plan.data(kept.buffer), 100, 5.0f);
  plan.run(Phase::Forward);
  EXPECT_EQ(std::vector<float>(plan.data(kept.buffer), plan.data(kept.buffer) + 100), std::vector<float>(100, 42));
}

// What a caller writes into a pinned buffer before running is still there when its first reader comes late.
TEST_F(Plans, PinnedInputSurvivesUntilItsFirstReader) {
  Plan plan(*backend_, 1);
  const BufferView in = vectorOf(plan, 64, "in");
  plan.pin(in.buffer);
  for (int k = 0; k < 5; ++k) {
    const BufferView v = vectorOf(plan, 64, "b");
    fill(plan, v, 7);
    sum(plan, v, plan.addScalar());
  }
  const ScalarId total = plan.addScalar();
  sum(plan, in, total);
  plan.compile();
  std::fill_n(plan.data(in.buffer), 64, 2.0f);
  plan.run(Phase::Forward);
  EXPECT_EQ(plan.scalar(total)[0], 128);
}

TEST_F(Plans, BuffersStartOnCacheLines) {
  Plan plan(*backend_, 1);
  std::vector<BufferView> views;
  for (const std::int64_t floats : {1, 3, 17, 5}) {
    views.push_back(vectorOf(plan, floats, "b"));
    plan.pin(views.back().buffer);
  }
  plan.compile();
  for (const BufferView& v : views) EXPECT_EQ(reinterpret_cast<std::uintptr_t>(plan.data(v.buffer)) % 64, 0u);
}

TEST_F(Plans, AbsurdBufferIsOutOfMemory) {
  Plan plan(*backend_, 1);
  const BufferId huge = plan.addStorage(std::int64_t{1} << 48, "huge");
  plan.pin(huge);
  try {
    plan.compile();
    FAIL() << "a petabyte was allocated";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::OutOfMemory);
    EXPECT_FALSE(e.hint().empty());
  }
}

TEST_F(Plans, SumOfLargeBuffersIsOutOfMemoryToo) {
  Plan plan(*backend_, 1);
  for (int k = 0; k < 64; ++k) plan.pin(plan.addStorage(std::int64_t{1} << 36, "large"));
  try {
    plan.compile();
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::OutOfMemory);
  }
}

// A constant for each pixel is made before the plan is laid out, and would be part of it.
TEST_F(Plans, NoLargePartIsBeyondTheLimit) {
  constexpr std::int64_t side = 4096, both = 2 * 4 * side * side;  // as it is given and as it is kept
  const auto build = [&](std::int64_t memory) {
    Build b({1, 1, side, side});
    b.add(Op::Add, {b.x(), b.random({side})});
    inferShapes(b.graph);
    Plan plan(*backend_, 1, 1, memory);
    Forward(b.graph, plan, {}).build();
  };
  build(both);
  const Error e = expectError(ErrorCode::OutOfMemory, [&] { build(both - 1); });
  EXPECT_EQ(e.where(), "a constant spread to 1×1×4096×4096");
  EXPECT_EQ(e.hint(), "allow more with --memory, or use a smaller --batch or input size");
}

// How many threads share a loop.
int teamSize() {
  int size = 0;
#pragma omp parallel
#pragma omp single
  size = omp_get_num_threads();
  return size;
}

TEST_F(Plans, RunOnTheirBackendsThreadsAndLeaveTheCallersAlone) {
  const ThreadScope callers(3);
  for (const int threads : {1, 2}) {
    backend_->setThreads(threads);
    Plan plan(*backend_, 1);
    int team = 0;
    plan.addKernel("team", makeKernel([&](auto, auto) { team = teamSize(); }), {}, {vectorOf(plan, 1, "out")});
    plan.compile();
    plan.run(Phase::Forward);
    EXPECT_EQ(team, threads);
    EXPECT_EQ(omp_get_max_threads(), 3);
  }
}

TEST_F(Plans, FailureLeavesTheCallersThreadsAlone) {
  const ThreadScope callers(3);
  backend_->setThreads(1);
  Plan plan(*backend_, 1);
  const auto fails = [](auto, auto) { throw Error(ErrorCode::NumericFailure, "step", "it fails"); };
  plan.addKernel("fails", makeKernel(fails), {}, {vectorOf(plan, 1, "out")});
  plan.compile();
  EXPECT_THROW(plan.run(Phase::Forward), Error);
  EXPECT_EQ(omp_get_max_threads(), 3);
}

TEST_F(Plans, PhasesRunApart) {
  Plan plan(*backend_, 1);
  const BufferView a = vectorOf(plan, 4, "a");
  plan.pin(a.buffer);
  fill(plan, a, 1);
  plan.beginBackward();
  fill(plan, a, 2);
  plan.compile();
  plan.run(Phase::Forward);
  EXPECT_EQ(plan.data(a.buffer)[0], 1);
  plan.run(Phase::Backward);
  EXPECT_EQ(plan.data(a.buffer)[0], 2);
  EXPECT_EQ(plan.steps()[0].phase, Phase::Forward);
  EXPECT_EQ(plan.steps()[1].phase, Phase::Backward);
}

TEST_F(Plans, ScalarStepsSeeEveryRow) {
  Plan plan(*backend_, 3);
  const BufferView a = vectorOf(plan, 2, "a");
  plan.pin(a.buffer);
  const ScalarId s = plan.addScalar(), t = plan.addScalar(), out = plan.addScalar();
  plan.addProgram("sums", {{}, {{load(a), Reduction::Sum, s}, {load(a), Reduction::Max, t}}});
  plan.addScalarStep({s, t}, out, [](const double* v) { return v[0] * 10 + v[1]; });
  plan.compile();
  const float values[] = {1, 2, 3, 4, 5, -6};
  std::copy(std::begin(values), std::end(values), plan.data(a.buffer));
  plan.run(Phase::Forward);
  EXPECT_EQ(plan.scalar(out)[0], 32);
  EXPECT_EQ(plan.scalar(out)[1], 74);
  EXPECT_EQ(plan.scalar(out)[2], -5);
}

// What was still to be summed at the output of a node may have another shape than what is stored at its input.
TEST_F(Plans, SumsOverOtherShapesAreProgramsOfTheirOwn) {
  for (const auto& backend : bothBackends()) {
    Plan plan(*backend, 2);
    const BufferView few = vectorOf(plan, 1, "few"), many = vectorOf(plan, 40, "many"), to = vectorOf(plan, 1, "to");
    for (const BufferView& view : {few, many, to}) plan.pin(view.buffer);
    const ScalarId ofMany = plan.addScalar(), ofFew = plan.addScalar();
    const std::vector<ProgramRequest::Reduce> sums = {{load(many), Reduction::Sum, ofMany},
                                                      {load(few), Reduction::Sum, ofFew}};
    plan.addProgram("stored", {{{load(few) * 2.0f, to}}, sums});
    plan.compile();
    std::fill_n(plan.data(few.buffer), 2, 7.0f);
    std::fill_n(plan.data(many.buffer), 80, 1.0f);
    plan.run(Phase::Forward);
    EXPECT_EQ(plan.data(to.buffer)[1], 14);
    EXPECT_EQ(plan.scalar(ofMany)[1], 40);
    EXPECT_EQ(plan.scalar(ofFew)[1], 7);
  }
}

// Rows of a slice lie further apart than their size.
TEST_F(Plans, ViewsOfALargerBufferReadAndWriteTheirRowsOnly) {
  for (const auto& backend : bothBackends()) {
    Plan plan(*backend, 2);
    const BufferView whole = vectorOf(plan, 6, "whole");
    plan.pin(whole.buffer);
    const TensorDesc part{{2, 2}, 1};
    const BufferView left{whole.buffer, part, 0, 6}, right{whole.buffer, part, 4, 6};
    plan.addProgram("move", {{{load(left) * 10.0f, right}}, {}});
    plan.compile();
    for (int i = 0; i < 12; ++i) plan.data(whole.buffer)[i] = static_cast<float>(i);
    plan.run(Phase::Forward);
    const std::vector<float> expected = {0, 1, 2, 3, 0, 10, 6, 7, 8, 9, 60, 70};
    EXPECT_EQ(std::vector<float>(plan.data(whole.buffer), plan.data(whole.buffer) + 12), expected) << backend->name();
  }
}

}  // namespace
}  // namespace relprop::test

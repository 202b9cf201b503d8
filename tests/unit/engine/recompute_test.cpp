// Less memory for more work: which steps run again, and that nothing but memory changes.
#include "engine/recompute.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "engine/plan.h"
#include "kernels/lambda_kernel.h"
#include "relprop/error.h"
#include "unit/engine/support.h"

namespace relprop::test {
namespace {

constexpr std::int64_t kFloats = 256;

// A network of one branch: y_0 = the input, y_i = f_i(y_{i-1}); backwards r_n = y_n, r_{i-1} = r_i·y_{i-1} + i.
// Every kernel counts its runs.
class Chain {
 public:
  Chain(int layers, std::int64_t limit, std::int64_t taken = 0) : plan_(*backend_, 1), runs_(layers + 1) {
    std::vector<BufferView> y = {vectorNamed("input")};
    plan_.pin(y[0].buffer);
    for (int i = 1; i <= layers; ++i) y.push_back(layer(i, y.back()));
    plan_.beginBackward();
    result_ = back(y);
    plan_.compile({limit, taken});
  }

  std::vector<float> run() {
    for (std::int64_t k = 0; k < kFloats; ++k) plan_.data(0)[k] = 0.001f * static_cast<float>(k);
    std::fill(runs_.begin(), runs_.end(), 0);
    plan_.run(Phase::Forward);
    plan_.run(Phase::Backward);
    return {plan_.data(result_.buffer), plan_.data(result_.buffer) + kFloats};
  }

  Plan& plan() { return plan_; }
  // By layer, from 1 on.
  int runs(int layer) const { return runs_[static_cast<std::size_t>(layer)]; }
  int total() const { return std::accumulate(runs_.begin(), runs_.end(), 0); }

 private:
  BufferView vectorNamed(const std::string& name) {
    const TensorDesc d{{1, kFloats}, 1};
    return {plan_.addBuffer(d, name), d};
  }

  BufferView layer(int i, const BufferView& x) {
    const BufferView y = vectorNamed("y");
    const NodeScope scope(plan_, "node of f" + std::to_string(i));
    plan_.addKernel("f" + std::to_string(i), makeKernel([this, i](FloatsIn in, FloatsOut out) {
                      ++runs_[static_cast<std::size_t>(i)];
                      for (std::int64_t k = 0; k < kFloats; ++k) out[0][k] = std::sin(in[0][k] + static_cast<float>(i));
                    }),
                    {x}, {y}, 1000);
    return y;
  }

  BufferView back(const std::vector<BufferView>& y) {
    BufferView r = y.back();
    for (std::size_t i = y.size(); i-- > 1;) {
      const BufferView next = vectorNamed("r");
      if (i == 1) plan_.pin(next.buffer);
      plan_.addProgram("back", {{{load(r) * load(y[i - 1]) + static_cast<float>(i), next}}, {}});
      r = next;
    }
    return r;
  }

  std::unique_ptr<Backend> backend_ = makeReferenceBackend();
  Plan plan_;
  std::vector<int> runs_;
  BufferView result_;
};

int countAgain(const Plan& plan) {
  int count = 0;
  for (const StepInfo& s : plan.steps())
    if (s.name.ends_with(" (again)")) {
      EXPECT_EQ(s.phase, Phase::Backward) << s.name;
      EXPECT_EQ(s.node + " (again)", "node of " + s.name);
      ++count;
    }
  return count;
}

TEST(Recompute, WithoutALimitEveryStepRunsOnce) {
  Chain chain(20, 0);
  chain.run();
  for (int i = 1; i <= 20; ++i) EXPECT_EQ(chain.runs(i), 1) << i;
  EXPECT_EQ(countAgain(chain.plan()), 0);
}

TEST(Recompute, ALimitThatIsEnoughChangesNothing) {
  const std::int64_t needed = Chain(20, 0).plan().arenaBytes();
  Chain chain(20, needed);
  chain.run();
  EXPECT_EQ(chain.total(), 20);
  EXPECT_EQ(chain.plan().arenaBytes(), needed);
}

TEST(Recompute, SmallerLimitsCostMoreWorkAndGiveTheSameBits) {
  Chain free(30, 0);
  const std::vector<float> expected = free.run();
  const std::int64_t needed = free.plan().arenaBytes();
  int before = 30;
  for (const double share : {0.9, 0.7, 0.5, 0.45}) {
    const auto limit = static_cast<std::int64_t>(share * static_cast<double>(needed));
    Chain chain(30, limit);
    EXPECT_EQ(chain.run(), expected) << share;
    EXPECT_LE(chain.plan().arenaBytes(), limit);
    EXPECT_GE(chain.total(), before) << share;
    EXPECT_EQ(chain.total(), 30 + countAgain(chain.plan())) << "each step listed as run again did";
    for (int i = 1; i <= 30; ++i) EXPECT_LE(chain.runs(i), 2) << "layer " << i << " at " << share;
    before = chain.total();
    EXPECT_EQ(chain.run(), expected) << "a second time";
  }
  EXPECT_GT(before, 30);
}

// Only what waits longest is dropped when little is missing: the end of the network runs once.
TEST(Recompute, TheEndOfTheForwardPassIsKept) {
  const std::int64_t needed = Chain(30, 0).plan().arenaBytes();
  Chain chain(30, needed * 3 / 4);
  chain.run();
  EXPECT_EQ(chain.runs(30), 1);
  EXPECT_EQ(chain.runs(29), 1);
  EXPECT_GT(chain.total(), 30);
}

TEST(Recompute, WhatOthersHoldCounts) {
  const std::int64_t needed = Chain(30, 0).plan().arenaBytes();
  EXPECT_EQ(countAgain(Chain(30, needed + 1000, 1000).plan()), 0);
  EXPECT_GT(countAgain(Chain(30, needed + 1000, 1064).plan()), 0);
}

TEST(Recompute, ImpossibleLimitsSayWhatIsNeeded) {
  try {
    Chain chain(30, std::int64_t{5} << 20, std::int64_t{7} << 20);
    FAIL() << "7 MiB are taken already";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::OutOfMemory);
    EXPECT_STREQ(e.what(),
                 "plan: 8 MiB needed at least, 7 of them for weights (expected at most 5 MiB); allow more with "
                 "--memory, or use a smaller --batch or input size");
  }
}

TEST(Recompute, ALimitBelowAMebibyteIsNotSaidToBeZero) {
  try {
    Chain chain(30, 1, std::int64_t{7} << 20);
    FAIL() << "7 MiB are taken already";
  } catch (const Error& e) {
    EXPECT_EQ(e.expected(), "at most 1 B");
  }
}

// ---- lists of steps without kernels
struct ListBuilder {
  StepList list;
  BufferId buffer(std::int64_t floats = 1600, bool pinned = false) {
    list.buffers.push_back({floats, pinned});
    return static_cast<BufferId>(list.buffers.size()) - 1;
  }
  int step(std::vector<BufferId> reads, std::vector<BufferId> writes, bool forward = true, bool repeatable = true) {
    list.steps.push_back({std::move(reads), std::move(writes), forward, repeatable, false, 1.0, {}});
    return static_cast<int>(list.steps.size()) - 1;
  }
};

// Runs an arrangement on numbers that stand for contents: what a step writes is a mixture of its index, what it reads
// and, for later writers of a buffer, what lies there. A step has to see what it saw in the plain list.
class Interpreter {
 public:
  explicit Interpreter(const StepList& list) : list_(list) {
    Arrangement plain = arrangedOnce(list);
    replay(plain);
    expected_ = seen_;
  }
  void check(const Arrangement& a) {
    replay(a);
    for (const auto& [step, values] : seen_) EXPECT_EQ(values, expected_.at(step)) << "step " << step;
    EXPECT_EQ(seen_.size(), list_.steps.size());
  }

 private:
  // Contents are kept by place, so that overlapping buffers destroy one another.
  void replay(const Arrangement& a) {
    seen_.clear();
    std::map<std::int64_t, std::uint64_t> memory;
    for (std::size_t id = 0; id < list_.buffers.size(); ++id)
      if (list_.buffers[id].pinned) set(memory, a.place(static_cast<BufferId>(id)), 1000 + id);
    for (const ScheduledStep& s : a.steps) {
      std::vector<std::uint64_t> values;
      for (BufferId id : s.reads) values.push_back(get(memory, a.place(id)));
      std::uint64_t mixed = static_cast<std::uint64_t>(s.step) * 0x9e3779b97f4a7c15ull;
      for (std::uint64_t v : values) mixed = (mixed ^ v) * 0xff51afd7ed558ccdull + 1;
      if (s.again) {
        EXPECT_EQ(values, seen_[s.step]) << "second run of step " << s.step;
      } else {
        seen_[s.step] = values;
      }
      for (std::size_t k = 0; k < s.writes.size(); ++k) {
        const Lifetime& place = a.place(s.writes[k]);
        const bool first = started_.insert(s.writes[k]).second;
        set(memory, place, first ? mixed : mixed + get(memory, place));
      }
    }
    started_.clear();
  }
  static std::uint64_t get(const std::map<std::int64_t, std::uint64_t>& memory, const Lifetime& b) {
    std::uint64_t all = memory.count(b.offset) ? memory.at(b.offset) : 0;
    for (auto at = memory.upper_bound(b.offset); at != memory.end() && at->first < b.offset + b.floats; ++at)
      all ^= at->second * 3;
    return all;
  }
  static void set(std::map<std::int64_t, std::uint64_t>& memory, const Lifetime& b, std::uint64_t value) {
    memory.erase(memory.lower_bound(b.offset), memory.lower_bound(b.offset + b.floats));
    memory[b.offset] = value;
  }

  const StepList& list_;
  std::map<int, std::vector<std::uint64_t>> seen_, expected_;
  std::set<BufferId> started_;
};

// Random networks: several inputs a step, several writers a buffer, several results a step, steps that may not repeat,
// buffers that the backward phase changes. Every read has to see what it would without a limit, at every limit.
TEST(Recompute, RandomNetworksSeeTheSameValues) {
  int dropped = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    std::mt19937 engine(seed);
    ListBuilder b;
    std::vector<BufferId> values = {b.buffer(1600, true)};
    const auto any = [&] { return values[values.size() - 1 - engine() % std::min<std::size_t>(values.size(), 6)]; };
    for (int i = 0; i < 40; ++i) {
      std::vector<BufferId> writes = {b.buffer(engine() % 2 ? 1600 : 160 + static_cast<std::int64_t>(engine() % 3000))};
      if (engine() % 6 == 0) writes.push_back(b.buffer(160 + engine() % 500));
      b.step({any(), any()}, writes, true, engine() % 10 != 0);
      b.list.steps.back().inPlace = {{0, 0}, {0, 1}};
      if (engine() % 5 == 0) b.step({any()}, {writes[0]});
      values.insert(values.end(), writes.begin(), writes.end());
    }
    BufferId r = values.back();
    for (std::size_t k = values.size(); k-- > 0;) {
      const BufferId next = b.buffer(800, k == 0);
      if (engine() % 4 != 0) {
        b.step({r, values[k]}, {next}, false);
        b.list.steps.back().inPlace = {{0, 0}};
      }
      if (engine() % 15 == 0 && k > 0) b.step({r}, {values[engine() % k]}, false);
      if (b.list.steps.back().writes[0] == next) r = next;
    }
    Interpreter interpreter(b.list);
    const Arrangement plain = arrangedOnce(b.list);
    for (const double share : {0.9, 0.8, 0.7, 0.6, 0.01}) {
      const Arrangement a =
          arrangedWithin(b.list, static_cast<std::int64_t>(share * static_cast<double>(plain.floats)));
      interpreter.check(a);
      EXPECT_LE(a.floats, plain.floats);
      dropped += a.steps.size() > plain.steps.size();
    }
  }
  EXPECT_GT(dropped, 100) << "hardly anything was computed again: the test tests nothing";
}

// Each of some 440 arrangements looked at each of these units for each step: minutes.
TEST(Recompute, ALongChainOfCheapStepsIsArrangedInSeconds) {
  ListBuilder b;
  std::vector<BufferId> values = {b.buffer(16, true)};
  for (int i = 0; i < 10'000; ++i) {
    values.push_back(b.buffer(16));
    b.step({values[values.size() - 2]}, {values.back()});
    b.list.steps.back().cheap = true;
  }
  BufferId r = values.back();
  for (std::size_t k = values.size() - 1; k-- > 0;) {
    const BufferId next = b.buffer(16, k == 0);
    b.step({r, values[k]}, {next}, false);
    r = next;
  }
  Interpreter interpreter(b.list);
  const Arrangement plain = arrangedOnce(b.list), a = arrangedWithin(b.list, plain.floats / 2);
  interpreter.check(a);
  EXPECT_LE(a.floats, plain.floats / 2);
}

std::vector<int> again(const Arrangement& a) {
  std::vector<int> steps;
  for (const ScheduledStep& s : a.steps)
    if (s.again) steps.push_back(s.step);
  return steps;
}

// A buffer with two writers (a concatenation) is made by both again; one that is written after it was read is not
// dropped.
TEST(Recompute, AllWritersOfABufferRunAgain) {
  ListBuilder b;
  const BufferId in = b.buffer(16, true), joined = b.buffer(), out = b.buffer(16, true);
  const int left = b.step({in}, {joined}), right = b.step({in}, {joined});
  BufferId x = joined;
  for (int i = 0; i < 4; ++i) {
    const BufferId y = b.buffer(8000);
    b.step({x}, {y});
    x = y;
  }
  b.step({x}, {out}, false);
  b.step({joined}, {out}, false);
  const Arrangement a = arrangedWithin(b.list, 16100);
  EXPECT_EQ(again(a), (std::vector<int>{left, right}));
}

// A chain behind x, and a way back that reads x last: x could be computed again, were it allowed.
void expectNothingAgain(ListBuilder& b, BufferId x, BufferId out) {
  BufferId y = x;
  for (int i = 0; i < 4; ++i) {
    const BufferId next = b.buffer(8000);
    b.step({y}, {next});
    y = next;
  }
  b.step({y}, {out}, false);
  b.step({x}, {out}, false);
  EXPECT_TRUE(again(arrangedWithin(b.list, 1)).empty());
}

TEST(Recompute, WhatIsWrittenAfterItWasReadStays) {
  ListBuilder b;
  const BufferId in = b.buffer(16, true), x = b.buffer(), side = b.buffer(16), out = b.buffer(16, true);
  b.step({in}, {x});
  b.step({x}, {side});
  b.step({side}, {x});
  expectNothingAgain(b, x, out);
}

TEST(Recompute, StepsThatMayNotRepeatRunOnce) {
  ListBuilder b;
  const BufferId in = b.buffer(16, true), x = b.buffer(), out = b.buffer(16, true);
  b.step({in}, {x}, true, false);
  expectNothingAgain(b, x, out);
}

// A result takes the place of an input that nobody reads any more; no input is given away twice, or while it is read.
TEST(Recompute, ResultsTakeThePlaceOfInputsThatEnd) {
  ListBuilder b;
  const BufferId in = b.buffer(16, true), x = b.buffer(), y = b.buffer(), z = b.buffer(), other = b.buffer();
  b.step({in}, {x});
  b.step({x}, {y});
  b.list.steps.back().inPlace = {{0, 0}};
  b.step({y}, {z, other});
  b.list.steps.back().inPlace = {{0, 0}, {1, 0}};
  b.step({z, other}, {in}, false);
  const Arrangement a = arrangedOnce(b.list);
  EXPECT_EQ(a.offset(x), a.offset(y));
  EXPECT_EQ(a.offset(y), a.offset(z));
  EXPECT_NE(a.offset(z), a.offset(other));
  EXPECT_EQ(a.floats, 16 + 2 * 1600);
  b.step({x}, {in}, false);
  const Arrangement late = arrangedOnce(b.list);
  EXPECT_NE(late.offset(x), late.offset(y)) << "x is read at the end";
}

// The same random formulas, once on inputs that have to stay and once on inputs that results may be written over.
std::vector<float> computed(Backend& backend, unsigned seed, bool mayOverwrite, std::int64_t& arena) {
  std::mt19937 engine(seed);
  Plan plan(backend, 2);
  const TensorDesc d{{2, 24, 9, 9}, backend.block()};
  std::vector<Expr> terms;
  for (int k = 0; k < 4; ++k) {
    const BufferView in{plan.addBuffer(d, "in"), d};
    if (!mayOverwrite) plan.pin(in.buffer);
    std::vector<float> image(24 * 81);
    for (float& v : image) v = static_cast<float>(static_cast<int>(engine() % 2000) - 1000) / 256;
    plan.addProgram("fill", {{{imageConstant(image, d), in}}, {}});
    terms.push_back(load(in));
  }
  const auto any = [&] { return terms[engine() % terms.size()]; };
  for (int k = 0; k < 8; ++k) {
    const Expr a = any(), b = any();
    const Expr choices[] = {a + b, a - b, a * b, positive(a), safeDivide(a, b), stabilise(a, 0.5f), a * 3.0f};
    terms.push_back(choices[engine() % std::size(choices)]);
  }
  ProgramRequest request;
  std::vector<ScalarId> sums;
  std::vector<BufferView> results;
  for (int k = 0; k < 2; ++k) {
    const BufferView middle{plan.addBuffer(d, "middle"), d}, out{plan.addBuffer(d, "out"), d};
    request.outputs.push_back({any(), middle});
    sums.push_back(plan.addScalar());
    request.reductions.push_back({any(), Reduction::Sum, sums.back()});
    plan.pin(out.buffer);
    results.insert(results.end(), {middle, out});
  }
  plan.addProgram("formulas", request);
  for (std::size_t k = 0; k < results.size(); k += 2)
    plan.addProgram("copy", {{{load(results[k]), results[k + 1]}}, {}});
  plan.compile();
  plan.run(Phase::Forward);
  arena = plan.arenaBytes();
  std::vector<float> all;
  for (std::size_t k = 1; k < results.size(); k += 2)
    all.insert(all.end(), plan.data(results[k].buffer), plan.data(results[k].buffer) + d.floats());
  for (ScalarId s : sums) all.push_back(static_cast<float>(plan.scalar(s)[1]));
  return all;
}

TEST(Recompute, FormulasMayBeWrittenOverWhatTheyRead) {
  int smaller = 0;
  for (const auto& backend : bothBackends())
    for (unsigned seed = 1; seed <= 200; ++seed) {
      std::int64_t with = 0, without = 0;
      const std::vector<float> expected = computed(*backend, seed, false, without);
      const std::vector<float> got = computed(*backend, seed, true, with);
      ASSERT_EQ(std::memcmp(expected.data(), got.data(), expected.size() * sizeof(float)), 0)
          << backend->name() << " seed " << seed;
      smaller += with < without - 2 * 2 * 24 * 81 * 4;
    }
  EXPECT_GT(smaller, 20) << "hardly any result was written in place: the test tests nothing";
}

// ---- layout
TEST(Arena, BuffersOfOneTimeNeverOverlapAndTheArenaIsTight) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 engine(seed);
    std::vector<Lifetime> all;
    for (int k = 0; k < 60; ++k) {
      const int first = static_cast<int>(engine() % 100);
      all.push_back({static_cast<std::int64_t>(1 + engine() % 5000), first, first + static_cast<int>(engine() % 20)});
    }
    const std::int64_t floats = layOut(all);
    EXPECT_GE(floats, mostAlive(all));
    EXPECT_LE(floats, mostAlive(all) * 3 / 2);
    for (const Lifetime& a : all) {
      EXPECT_EQ(a.offset % 16, 0);
      EXPECT_LE(a.offset + a.floats, floats);
      for (const Lifetime& b : all) {
        const bool meet = &a != &b && a.first <= b.last && b.first <= a.last;
        EXPECT_FALSE(meet && a.offset < b.offset + b.floats && b.offset < a.offset + a.floats);
      }
    }
  }
}

// As many as a network of the most nodes has: no order looks at all pairs of them.
TEST(Arena, AHundredThousandBuffersAreLaidOut) {
  std::vector<Lifetime> chain(100'000);
  for (int i = 0; i < 100'000; ++i) chain[static_cast<std::size_t>(i)] = {48, i, i + 1};
  EXPECT_EQ(layOut(chain), 96);
  for (std::size_t i = 1; i < chain.size(); ++i) ASSERT_NE(chain[i].offset, chain[i - 1].offset);
  std::vector<Lifetime> atOnce(100'000);
  for (int i = 0; i < 100'000; ++i) atOnce[static_cast<std::size_t>(i)] = {1, i, 100'000};
  EXPECT_EQ(layOut(atOnce), 1'600'000);
  std::vector<bool> taken(100'000);
  for (const Lifetime& b : atOnce) {
    EXPECT_FALSE(taken[static_cast<std::size_t>(b.offset / 16)]);
    taken[static_cast<std::size_t>(b.offset / 16)] = true;
  }
}

TEST(Arena, BuffersThatNobodyUsesTakeNothing) {
  std::vector<Lifetime> all = {{1 << 20}, {16, 0, 1}};
  EXPECT_EQ(layOut(all), 16);
}

}  // namespace
}  // namespace relprop::test

// Elementwise programs and pools on their own, as bytes a second: they should run at memory speed.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "engine/plan.h"
#include "kernels/backend.h"

namespace relprop::bench {
namespace {

const TensorDesc kLarge{{1, 256, 56, 56}, 16};

// A plan of one program over buffers of `kLarge`, run again and again.
template <class Formula>
void runProgram(benchmark::State& state, int inputs, Formula formula) {
  const auto backend = makeBackend();
  const TensorDesc desc{kLarge.shape, backend->block()};
  Plan plan(*backend, 1);
  std::vector<Expr> in;
  for (int i = 0; i < inputs; ++i) {
    const BufferView v{plan.addBuffer(desc, "in"), desc};
    plan.pin(v.buffer);
    in.push_back(load(v));
  }
  plan.addProgram("program", formula(plan, desc, in));
  plan.compile();
  for (const Expr& e : in) std::fill_n(plan.data(e->view.buffer), desc.floats(), 0.5f);
  for (auto _ : state) plan.run(Phase::Forward);
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * plan.steps()[0].bytes);
}

ProgramRequest stored(Plan& plan, const TensorDesc& desc, const Expr& e) {
  return {{{e, {plan.addBuffer(desc, "out"), desc}}}, {}};
}

void addAndRelu(benchmark::State& state) {
  runProgram(state, 2, [](Plan& plan, const TensorDesc& d, const std::vector<Expr>& in) {
    return stored(plan, d, positive(in[0] + in[1]));
  });
}

// RAP's numerators behind a residual addition: the program that costs most on ResNet-50.
void rapNumerators(benchmark::State& state) {
  runProgram(state, 4, [](Plan& plan, const TensorDesc& d, const std::vector<Expr>& in) {
    const Expr r = in[0] * magnitudeShare(in[1], in[2]);
    ProgramRequest request = stored(plan, d, safeDivide(r, in[3]));
    request.outputs.push_back({safeDivide(r, in[3] * 2.0f - in[1]), {plan.addBuffer(d, "out"), d}});
    request.reductions.push_back({r, Reduction::Sum, plan.addScalar()});
    return request;
  });
}

void shiftSums(benchmark::State& state) {
  runProgram(state, 2, [](Plan& plan, const TensorDesc&, const std::vector<Expr>& in) {
    const Expr raw = in[0] * in[1];
    return ProgramRequest{{},
                          {{raw, Reduction::Sum, plan.addScalar()}, {nonZero(raw), Reduction::Sum, plan.addScalar()}}};
  });
}

BENCHMARK(addAndRelu);
BENCHMARK(rapNumerators);
BENCHMARK(shiftSums);

}  // namespace
}  // namespace relprop::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);  // what is left names networks, for the other programs of `make bench`
  benchmark::RunSpecifiedBenchmarks();
}

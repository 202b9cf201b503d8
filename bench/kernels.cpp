// Elementwise programs and pools on their own, as bytes a second: they should run at memory speed. Convolutions as
// FLOP a second of the direct computation, however they are computed.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

#include "engine/plan.h"
#include "kernels/backend.h"
#include "kernels/onednn/linear.h"
#include "kernels/simd/simd.h"
#include "kernels/simd/winograd.h"

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

// ---- convolutions of 3×3 windows
// Memory as plans give it: 64-byte aligned.
using Memory = std::unique_ptr<void, void (*)(void*)>;

Memory filled(std::int64_t bytes) {
  Memory m(std::aligned_alloc(64, static_cast<std::size_t>(bytes + 63) / 64 * 64), std::free);
  std::fill_n(static_cast<float*>(m.get()), bytes / 4, 0.5f);
  return m;
}

LinearKernelSpec layerOf(const benchmark::State& state) {
  LinearShape s;
  s.ic = state.range(0), s.oc = state.range(1), s.ih = s.iw = s.oh = s.ow = state.range(2);
  s.kh = s.kw = 3, s.pt = s.pl = s.pb = s.pr = 1;
  const int block = simd::bestOps().block;
  return {.shape = s,
          .srcBlock = block,
          .dstBlock = block,
          .weights = std::vector<float>(static_cast<std::size_t>(s.weightCount()), 0.01f)};
}

// Several kernels in turn, so that weights come from where they lie in a network's run: not from the caches.
void convolution(benchmark::State& state, int tile) {
  const simd::WinogradOps* ops = simd::bestWinogradOps();
  if (tile && !ops) return state.SkipWithError("no such kernels for this processor");
  const LinearKernelSpec spec = layerOf(state);
  std::vector<KernelPtr> kernels;
  for (std::int64_t bytes = 0; kernels.size() < 2 || bytes < 100'000'000; bytes += kernels.back()->weightBytes()) {
    simd::WinogradPacked transformed;  // of each kernel, so that they share nothing
    onednn::Packed packed;
    kernels.push_back(tile ? simd::winograd(*ops, spec, simd::Direction::Forward, tile, &transformed)
                           : onednn::linearForward(spec, &packed));
  }
  const LinearShape& s = spec.shape;
  const Memory x = filled(s.ic * s.ih * s.iw * 4), y = filled(s.oc * s.oh * s.ow * 4);
  const Memory scratch = filled(kernels[0]->scratchBytes());
  const std::byte* in = static_cast<const std::byte*>(x.get());
  std::byte* out = static_cast<std::byte*>(y.get());
  std::size_t turn = 0;
  for (auto _ : state) kernels[turn++ % kernels.size()]->run(&in, &out, scratch.get());
  state.counters["FLOPS"] = benchmark::Counter(
      static_cast<double>(s.flops()), benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

void layers(benchmark::internal::Benchmark* b) {
  const std::int64_t all[][3] = {{64, 64, 224},  {128, 128, 112}, {256, 256, 56}, {512, 512, 28},
                                 {512, 512, 14}, {512, 512, 7},   {64, 64, 56},   {128, 128, 28},
                                 {256, 256, 14}, {96, 128, 28},   {160, 320, 14}, {16, 64, 55}};
  for (const auto& [ic, oc, size] : all) b->Args({ic, oc, size});
  b->Unit(benchmark::kMillisecond)->UseRealTime();
}

BENCHMARK_CAPTURE(convolution, direct, 0)->Apply(layers);
BENCHMARK_CAPTURE(convolution, F2, 2)->Apply(layers);
BENCHMARK_CAPTURE(convolution, F4, 4)->Apply(layers);

// ---- functions that are computed value by value
void function(benchmark::State& state, Elt op) {
  runProgram(state, 1, [op](Plan& plan, const TensorDesc& d, const std::vector<Expr>& in) {
    return stored(plan, d, unary(op, in[0]));
  });
}

BENCHMARK_CAPTURE(function, exp, Elt::Exp);
BENCHMARK_CAPTURE(function, sigmoid, Elt::Sigmoid);
BENCHMARK_CAPTURE(function, tanh, Elt::Tanh);
BENCHMARK_CAPTURE(function, erf, Elt::Erf);

BENCHMARK(addAndRelu);
BENCHMARK(rapNumerators);
BENCHMARK(shiftSums);

}  // namespace
}  // namespace relprop::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);  // what is left names networks, for the other programs of `make bench`
  benchmark::RunSpecifiedBenchmarks();
}

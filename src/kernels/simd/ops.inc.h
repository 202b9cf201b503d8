// Included by ops_*.cpp, each compiled for another instruction set with RELPROP_ISA naming it. Only raw pointers and
// builtins here: an inline library function compiled with AVX-512 could otherwise be picked by the linker for all.
#include <math.h>

#include "kernels/pool_window.h"
#include "kernels/safe_division.h"
#include "kernels/simd/simd.h"

namespace relprop::simd {
namespace {

template <class F>
inline void map1(float* __restrict d, const float* a, std::int64_t n, F f) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) d[i] = f(a[i]);
}

template <class F>
inline void map2(float* d, const float* a, const float* b, std::int64_t n, F f) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) d[i] = f(a[i], b[i]);
}

#include "kernels/simd/functions.inc.h"

void computeTwo(const Instruction& i, float* d, const float* a, const float* b, std::int64_t n) {
  switch (i.op) {
    case Elt::Add:
      return map2(d, a, b, n, [](float x, float y) { return x + y; });
    case Elt::Sub:
      return map2(d, a, b, n, [](float x, float y) { return x - y; });
    case Elt::Mul:
      return map2(d, a, b, n, [](float x, float y) { return x * y; });
    case Elt::SafeDiv:
      return map2(d, a, b, n, [](float x, float y) {
        const float q = x / (y == 0.0f ? 1.0f : y);
        const bool tooSmall = fabsf(y)<kSmallDenominator, tooLarge = fabsf(q)> kLargestQuotient;
        return y == 0.0f || (tooSmall && tooLarge) ? 0.0f : q;
      });
    case Elt::Div:
      return map2(d, a, b, n, [](float x, float y) { return x / y; });
    case Elt::Share:
      return map2(d, a, b, n, [](float x, float y) {
        const float part = fabsf(x), total = part + fabsf(y);
        const float q = part / (total == 0.0f ? 1.0f : total);
        return total == 0.0f ? 0.5f : q;
      });
    case Elt::Pow:
      return map2(d, a, b, n, [](float x, float y) { return powf(x, y); });
    case Elt::Max:
      return map2(d, a, b, n, [](float x, float y) { return x > y ? x : y; });
    case Elt::Min:
      return map2(d, a, b, n, [](float x, float y) { return x < y ? x : y; });
    case Elt::Greater:
      return map2(d, a, b, n, [](float x, float y) { return x > y ? 1.0f : 0.0f; });
    case Elt::Equal:
      return map2(d, a, b, n, [](float x, float y) { return x == y ? 1.0f : 0.0f; });
    case Elt::Keep:
      return map2(d, a, b, n, [](float x, float y) { return y != 0.0f ? x : 0.0f; });
    default:
      return;
  }
}

void computeOne(const Instruction& i, float* d, const float* a, std::int64_t n) {
  const float k = i.imm;
  switch (i.op) {
    case Elt::Stab:
      return map1(d, a, n, [k](float x) { return x + (x < 0.0f ? -k : k); });
    case Elt::Max0:
      return map1(d, a, n, [](float x) { return x > 0.0f ? x : 0.0f; });
    case Elt::Min0:
      return map1(d, a, n, [](float x) { return x < 0.0f ? x : 0.0f; });
    case Elt::Abs:
      return map1(d, a, n, [](float x) { return fabsf(x); });
    case Elt::NonZero:
      return map1(d, a, n, [](float x) { return x != 0.0f ? 1.0f : 0.0f; });
    case Elt::IsPositive:
      return map1(d, a, n, [](float x) { return x > 0.0f ? 1.0f : 0.0f; });
    case Elt::AddImm:
      return map1(d, a, n, [k](float x) { return x + k; });
    case Elt::MulImm:
      return map1(d, a, n, [k](float x) { return x * k; });
    case Elt::MaxImm:
      return map1(d, a, n, [k](float x) { return x > k ? x : k; });
    case Elt::MinImm:
      return map1(d, a, n, [k](float x) { return x < k ? x : k; });
    case Elt::Exp:
      return map1(d, a, n, [](float x) { return exponential(x); });
    case Elt::Sigmoid:
      return map1(d, a, n, [](float x) { return 1.0f / (1.0f + exponential(-x)); });
    case Elt::Tanh:
      return map1(d, a, n, [](float x) { return hyperbolicTangent(x); });
    case Elt::Erf:
      return map1(d, a, n, [](float x) { return errorFunction(x); });
    case Elt::Log1p:
      return map1(d, a, n, [](float x) { return logOnePlus(x); });
    case Elt::Sqrt:
      return map1(d, a, n, [](float x) { return sqrtf(x); });
    case Elt::Log:
      return map1(d, a, n, [](float x) { return logf(x); });
    case Elt::Sin:
      return map1(d, a, n, [](float x) { return sinf(x); });
    case Elt::Cos:
      return map1(d, a, n, [](float x) { return cosf(x); });
    case Elt::Floor:
      return map1(d, a, n, [](float x) { return floorf(x); });
    case Elt::Ceil:
      return map1(d, a, n, [](float x) { return ceilf(x); });
    case Elt::Round:
      return map1(d, a, n, [](float x) { return nearbyintf(x); });
    default:
      return;
  }
}

void fillWith(float* d, float value, std::int64_t n) {
#pragma omp simd
  for (std::int64_t k = 0; k < n; ++k) d[k] = value;
}

constexpr int B = RELPROP_BLOCK;
typedef float Lanes __attribute__((vector_size(B * 4)));
typedef int Places __attribute__((vector_size(B * 4)));

typedef float Eight __attribute__((vector_size(32)));
typedef double WideEight __attribute__((vector_size(64)));
static_assert(B % 8 == 0);

// A lane whose element is zero keeps both the zero and its carry.
inline void shiftEight(float* d, const float* a, double by, WideEight* carry) {
  Eight v;
  __builtin_memcpy(&v, a, sizeof v);
  const WideEight x = __builtin_convertvector(v, WideEight), exact = x - by + *carry;
  const WideEight rounded = __builtin_convertvector(__builtin_convertvector(exact, Eight), WideEight);
  *carry = x != 0.0 ? exact - rounded : *carry;
  v = __builtin_convertvector(x != 0.0 ? rounded : WideEight{}, Eight);
  __builtin_memcpy(d, &v, sizeof v);
}

inline void shiftLane(float* d, float a, double by, double* carry) {
  const double exact = static_cast<double>(a) - by + *carry;
  const float rounded = static_cast<float>(exact);
  *carry = a != 0.0f ? exact - static_cast<double>(rounded) : *carry;
  *d = a != 0.0f ? rounded : 0.0f;
}

// What rounding cut off an element is handed to the next one in its lane, so the sum stays what it was in double:
// relevance of both signs can cancel to a ten-thousandth of its magnitude, and most of it has the same value (−by) and
// would be rounded the same way.
void shift(float* d, const float* a, double by, std::int64_t n) {
  WideEight carry[B / 8] = {};
  std::int64_t i = 0;
  for (; i + B <= n; i += B)
    for (int k = 0; k < B; k += 8) shiftEight(d + i + k, a + i + k, by, carry + k / 8);
  double last = carry[0][0];
  for (; i < n; ++i) shiftLane(d + i, a[i], by, &last);
}

void widen(float* d, const std::uint16_t* a, std::int64_t n) {
  auto* bits = reinterpret_cast<std::uint32_t*>(d);
#pragma omp simd
  for (std::int64_t k = 0; k < n; ++k) bits[k] = static_cast<std::uint32_t>(a[k]) << 16;
}

// To the nearest, ties to even; NaN stays NaN.
void narrow(const float* a, std::uint16_t* d, std::int64_t n) {
  const auto* bits = reinterpret_cast<const std::uint32_t*>(a);
#pragma omp simd
  for (std::int64_t k = 0; k < n; ++k) {
    const std::uint32_t u = bits[k];
    const bool nan = (u & 0x7fffffffu) > 0x7f800000u;
    d[k] = static_cast<std::uint16_t>(nan ? u >> 16 | 0x40u : (u + 0x7fffu + (u >> 16 & 1u)) >> 16);
  }
}

// Loads only re-point their register (they never write through it).
void step(const Tile& t, const Instruction& i) {
  switch (i.op) {
    case Elt::Load:
      t.reg[i.dst] = const_cast<float*>(reinterpret_cast<const float*>(t.inputs[i.slot]));
      return;
    case Elt::LoadChannel:
      t.reg[i.dst] = const_cast<float*>(t.channels[i.slot]);
      return;
    case Elt::LoadImage:
      t.reg[i.dst] = const_cast<float*>(t.images[i.slot]);
      return;
    case Elt::LoadNarrow:
      return widen(t.reg[i.dst], reinterpret_cast<const std::uint16_t*>(t.inputs[i.slot]), t.n);
    case Elt::LoadScalar:
      return fillWith(t.reg[i.dst], static_cast<float>(t.scalars[i.slot]), t.n);
    case Elt::Shift:
      return shift(t.reg[i.dst], t.reg[i.a], t.scalars[i.slot], t.n);
    case Elt::Immediate:
      return fillWith(t.reg[i.dst], i.imm, t.n);
    default:
      return i.b < 0 ? computeOne(i, t.reg[i.dst], t.reg[i.a], t.n)
                     : computeTwo(i, t.reg[i.dst], t.reg[i.a], t.reg[i.b], t.n);
  }
}

void runTile(const Tile& t) {
  for (int k = 0; k < t.count; ++k) step(t, t.code[k]);
}

// Several independent sums, so that additions need not wait for one another.
double sum(const float* x, std::int64_t n) {
  double lanes[2 * B] = {}, total = 0;
  std::int64_t i = 0;
  for (; i + 2 * B <= n; i += 2 * B)
    for (int k = 0; k < 2 * B; ++k) lanes[k] += static_cast<double>(x[i + k]);
  for (; i < n; ++i) total += static_cast<double>(x[i]);
  for (int k = 0; k < 2 * B; ++k) total += lanes[k];
  return total;
}

void minMax(const float* x, std::int64_t n, double* low, double* high) {
  float a = x[0], b = x[0];
#pragma omp simd reduction(min : a) reduction(max : b)
  for (std::int64_t i = 0; i < n; ++i) {
    a = x[i] < a ? x[i] : a;
    b = x[i] > b ? x[i] : b;
  }
  *low = static_cast<double>(a);
  *high = static_cast<double>(b);
}

struct Taps {
  WindowAxis h, w;
};

// One vector of channels of one image. Blocks are as long as a vector, or longer (channels last), whose last vector may
// be cut short.
struct PoolPlane {
  std::int64_t in, out;  // of its first element
  int lanes;
};

inline PoolPlane planeOf(const PoolShape& p, std::int64_t plane) {
  const std::int64_t vectors = (p.block + B - 1) / B, block = plane / vectors, first = plane % vectors * B;
  const std::int64_t lanes = p.block - first;
  return {block * p.ih * p.iw * p.block + first, block * p.oh * p.ow * p.block + first,
          lanes < B ? static_cast<int>(lanes) : B};
}

template <class F>
inline void forEachOutput(const PoolShape& p, F f) {
  for (std::int64_t y = 0; y < p.oh; ++y) {
    const WindowAxis h = poolWindow(y, p.ih, p.kh, p.sh, p.dh, p.pt, p.pb);
    for (std::int64_t x = 0; x < p.ow; ++x)
      f(Taps{h, poolWindow(x, p.iw, p.kw, p.sw, p.dw, p.pl, p.pr)}, (y * p.ow + x) * p.block);
  }
}

template <class F>
inline void forEachTap(const PoolShape& p, const Taps& t, F f) {
  for (std::int64_t y = t.h.begin; y < t.h.end; y += t.h.step)
    for (std::int64_t x = t.w.begin; x < t.w.end; x += t.w.step) f((y * p.iw + x) * p.block);
}

inline std::int64_t tapsOf(const WindowAxis& a) {
  return a.end > a.begin ? dividedUp(a.end - a.begin, a.step) : 0;
}

inline float inverseCount(const PoolShape& p, const Taps& t) {
  const std::int64_t count = p.countPadding ? t.h.paddedCount * t.w.paddedCount : tapsOf(t.h) * tapsOf(t.w);
  return 1.0f / static_cast<float>(count > 0 ? count : 1);
}

// The number of lanes as a constant, so that whole vectors stay in registers.
template <class F>
inline void withLanes(int lanes, F f) {
  if (lanes == B)
    f([] { return B; });
  else
    f([lanes] { return lanes; });
}

// The first lanes() of a vector; the others are 0, and are not stored.
template <class L>
inline Lanes loadSome(const float* x, L lanes) {
  Lanes v = {};
  __builtin_memcpy(&v, x, static_cast<std::size_t>(lanes()) * sizeof(float));
  return v;
}
template <class L>
inline void storeSome(float* x, Lanes v, L lanes) {
  __builtin_memcpy(x, &v, static_cast<std::size_t>(lanes()) * sizeof(float));
}

void zero(float* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) x[i] = 0.0f;
}

template <class L>
inline void zeroPlane(const PoolShape& p, float* dx, L lanes) {
  for (std::int64_t i = 0; i < p.ih * p.iw; ++i)
    for (int k = 0; k < lanes(); ++k) dx[i * p.block + k] = 0.0f;
}

void maxPool(const PoolShape& p, const float* xs, float* ys, std::int64_t plane) {
  const PoolPlane at = planeOf(p, plane);
  const float* x = xs + at.in;
  float* y = ys + at.out;
  withLanes(at.lanes, [&](auto lanes) {
    forEachOutput(p, [&](const Taps& t, std::int64_t o) {
      Lanes best = Lanes{} - __builtin_inff();
      bool any = false;
      forEachTap(p, t, [&](std::int64_t i) {
        const Lanes v = loadSome(x + i, lanes);
        any = true;
        best = v > best ? v : best;
      });
      storeSome(y + o, any ? best : Lanes{}, lanes);
    });
  });
}

void maxPoolBackward(const PoolShape& p, const float* xs, const float* rs, float* dxs, std::int64_t plane) {
  const PoolPlane at = planeOf(p, plane);
  const float *x = xs + at.in, *r = rs + at.out;
  float* dx = dxs + at.in;
  withLanes(at.lanes, [&](auto lanes) {
    zeroPlane(p, dx, lanes);
    forEachOutput(p, [&](const Taps& t, std::int64_t o) {
      Lanes best = Lanes{} - __builtin_inff();
      Places where = {}, tap = {};
      forEachTap(p, t, [&](std::int64_t i) {
        const Lanes v = loadSome(x + i, lanes);
        const Places better = v > best;  // strict: ties stay with the first
        best = better ? v : best;
        where = better ? tap : where;
        tap += 1;
      });
      const Lanes back = loadSome(r + o, lanes);
      tap = Places{};
      forEachTap(p, t, [&](std::int64_t i) {
        storeSome(dx + i, loadSome(dx + i, lanes) + (where == tap ? back : Lanes{}), lanes);
        tap += 1;
      });
    });
  });
}

// Σ f(k) for first ≤ k < last, in halves where there are many: rounding then grows with the logarithm of their number.
template <class F>
inline Lanes pairwiseSum(std::int64_t first, std::int64_t last, const F& f) {
  if (last - first > 64) {
    const std::int64_t middle = first + (last - first) / 2;
    return pairwiseSum(first, middle, f) + pairwiseSum(middle, last, f);
  }
  Lanes total = {};
  for (std::int64_t k = first; k < last; ++k) total += f(k);
  return total;
}

// An average of many: a single sum of a whole picture would be off in the fourth digit.
template <class L>
inline void averagePoolOfMany(const PoolShape& p, const float* x, float* y, L lanes) {
  forEachOutput(p, [&](const Taps& t, std::int64_t o) {
    const Lanes total = pairwiseSum(0, tapsOf(t.h), [&](std::int64_t row) {
      const float* line = x + ((t.h.begin + row * t.h.step) * p.iw + t.w.begin) * p.block;
      return pairwiseSum(0, tapsOf(t.w),
                         [&](std::int64_t k) { return loadSome(line + k * t.w.step * p.block, lanes); });
    });
    storeSome(y + o, total * inverseCount(p, t), lanes);
  });
}

void averagePool(const PoolShape& p, const float* xs, float* ys, std::int64_t plane) {
  const PoolPlane at = planeOf(p, plane);
  const float* x = xs + at.in;
  float* y = ys + at.out;
  withLanes(at.lanes, [&](auto lanes) {
    if (p.kh * p.kw > 64) return averagePoolOfMany(p, x, y, lanes);
    forEachOutput(p, [&](const Taps& t, std::int64_t o) {
      Lanes total = {};
      forEachTap(p, t, [&](std::int64_t i) { total += loadSome(x + i, lanes); });
      storeSome(y + o, total * inverseCount(p, t), lanes);
    });
  });
}

void averagePoolBackward(const PoolShape& p, const float* ss, float* dxs, std::int64_t plane) {
  const PoolPlane at = planeOf(p, plane);
  const float* s = ss + at.out;
  float* dx = dxs + at.in;
  withLanes(at.lanes, [&](auto lanes) {
    zeroPlane(p, dx, lanes);
    forEachOutput(p, [&](const Taps& t, std::int64_t o) {
      const Lanes share = loadSome(s + o, lanes) * inverseCount(p, t);
      forEachTap(p, t, [&](std::int64_t i) { storeSome(dx + i, loadSome(dx + i, lanes) + share, lanes); });
    });
  });
}

struct Moments {
  double mean, inverseDeviation;
};

inline double wideSum(const double* lanes) {
  double total = 0;
  for (int k = 0; k < B; ++k) total += lanes[k];
  return total;
}

// Two passes, in double: the square of a mean much larger than the deviation would swallow it.
Moments momentsOf(const LayerNormSpec& s, const float* x) {
  double sums[B] = {}, squares[B] = {};
  for (std::int64_t i = 0; i + B <= s.extent; i += B)
    for (int k = 0; k < B; ++k) sums[k] += static_cast<double>(x[i + k]);
  for (std::int64_t i = s.extent / B * B; i < s.extent; ++i) sums[0] += static_cast<double>(x[i]);
  const double count = static_cast<double>(s.extent), mean = wideSum(sums) / count;
  const auto squareOf = [mean](float v) { return (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean); };
  for (std::int64_t i = 0; i + B <= s.extent; i += B)
    for (int k = 0; k < B; ++k) squares[k] += squareOf(x[i + k]);
  for (std::int64_t i = s.extent / B * B; i < s.extent; ++i) squares[0] += squareOf(x[i]);
  return {mean, 1.0 / sqrt(wideSum(squares) / count + static_cast<double>(s.epsilon))};
}

void layerNorm(const LayerNormSpec& s, const float* scale, const float* bias, const float* x, float* y) {
  const Moments m = momentsOf(s, x);
  const float mean = static_cast<float>(m.mean), inverse = static_cast<float>(m.inverseDeviation);
#pragma omp simd
  for (std::int64_t i = 0; i < s.extent; ++i) y[i] = (x[i] - mean) * inverse * scale[i] + bias[i];
}

// With x̂ the normalised input and h = scale·g: (h − mean(h) − x̂·mean(h·x̂))/deviation.
void layerNormBackward(const LayerNormSpec& s, const float* scale, const float* x, const float* g, float* dx) {
  const Moments m = momentsOf(s, x);
  const float mean = static_cast<float>(m.mean), inverse = static_cast<float>(m.inverseDeviation);
  double plain = 0, along = 0;
#pragma omp simd reduction(+ : plain, along)
  for (std::int64_t i = 0; i < s.extent; ++i) {
    const double h = static_cast<double>(scale[i] * g[i]);
    plain += h;
    along += h * static_cast<double>((x[i] - mean) * inverse);
  }
  const double count = static_cast<double>(s.extent);
  const float shift = static_cast<float>(plain / count);
  const float slope = s.constantDeviation ? 0.0f : static_cast<float>(along / count);
#pragma omp simd
  for (std::int64_t i = 0; i < s.extent; ++i)
    dx[i] = (scale[i] * g[i] - shift - (x[i] - mean) * inverse * slope) * inverse;
}

#include "kernels/simd/dense.inc.h"
#include "kernels/simd/lrn.inc.h"
#include "kernels/simd/softmax.inc.h"

}  // namespace

const Ops& RELPROP_ISA() {
  static constexpr Ops ops = {RELPROP_ISA_NAME,
                              B,
                              runTile,
                              narrow,
                              sum,
                              minMax,
                              maxPool,
                              maxPoolBackward,
                              averagePool,
                              averagePoolBackward,
                              layerNorm,
                              layerNormBackward,
                              softmax,
                              softmaxBackward,
                              lrnBackward,
                              denseForwardRange<float>,
                              denseBackwardRange<float>,
                              denseForwardRange<unsigned short>,
                              denseBackwardRange<unsigned short>};
  return ops;
}

}  // namespace relprop::simd

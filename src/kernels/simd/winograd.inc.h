// Included by winograd_*.cpp, each compiled for another instruction set. Only raw pointers and builtins, as in
// ops.inc.h. Compiled with contraction: a product and a sum are one operation here.
#include "kernels/simd/winograd.h"

namespace relprop::simd {
namespace {

constexpr int B = RELPROP_BLOCK;
constexpr int kPanel = RELPROP_PANEL;
constexpr int kRows = 6;                  // tiles side by side in a product
constexpr std::int64_t kPartialSum = 32;  // channels that are summed before they are added to the others: rounding

typedef float Lanes __attribute__((vector_size(B * 4)));
typedef double WideLanes __attribute__((vector_size(B * 8)));

inline Lanes load(const float* p) {
  Lanes v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, Lanes v) {
  __builtin_memcpy(p, &v, sizeof v);
}

// ---- the transforms in one dimension: M outputs, M + 2 inputs and places
template <int M>
struct Transform;

// Points 0, 1, −1, ∞.
template <>
struct Transform<2> {
  template <class V>
  static void input(const V* d, V* to) {
    to[0] = d[0] - d[2];
    to[1] = d[1] + d[2];
    to[2] = d[2] - d[1];
    to[3] = d[3] - d[1];
  }
  template <class V>
  static void weights(const V* g, V* to) {
    const V even = (g[0] + g[2]) * 0.5, odd = g[1] * 0.5;
    to[0] = g[0];
    to[1] = even + odd;
    to[2] = even - odd;
    to[3] = g[2];
  }
  template <class V>
  static void output(const V* s, V* to) {
    to[0] = s[0] + s[1] + s[2];
    to[1] = s[1] - s[2] + s[3];
  }
};

// Points 0, ±a, ±b, ∞. Of the choices tried, these round least.
template <>
struct Transform<4> {
  static constexpr double a = 0.625, b = 1.5, aa = a * a, bb = b * b;
  template <class V>
  static void input(const V* d, V* to) {
    constexpr float fa = float(a), fb = float(b), faa = float(aa), fbb = float(bb), both = float(aa + bb),
                    product = float(aa * bb);
    const V evenA = d[4] - d[2] * fbb, oddA = (d[3] - d[1] * fbb) * fa;
    const V evenB = d[4] - d[2] * faa, oddB = (d[3] - d[1] * faa) * fb;
    to[0] = d[4] - d[2] * both + d[0] * product;
    to[1] = evenA + oddA;
    to[2] = evenA - oddA;
    to[3] = evenB + oddB;
    to[4] = evenB - oddB;
    to[5] = d[5] - d[3] * both + d[1] * product;
  }
  // Divided by the product of the point's differences to the other points.
  template <class V>
  static void weights(const V* g, V* to) {
    constexpr double atZero = 1 / (aa * bb), atA = 1 / (2 * aa * (aa - bb)), atB = 1 / (2 * bb * (bb - aa));
    const V evenA = (g[0] + g[2] * aa) * atA, oddA = g[1] * (a * atA);
    const V evenB = (g[0] + g[2] * bb) * atB, oddB = g[1] * (b * atB);
    to[0] = g[0] * atZero;
    to[1] = evenA + oddA;
    to[2] = evenA - oddA;
    to[3] = evenB + oddB;
    to[4] = evenB - oddB;
    to[5] = g[2];
  }
  template <class V>
  static void output(const V* s, V* to) {
    constexpr float fa = float(a), fb = float(b), faa = float(aa), fbb = float(bb), aaa = float(aa * a),
                    bbb = float(bb * b);
    const V sumA = s[1] + s[2], sumB = s[3] + s[4], differenceA = s[1] - s[2], differenceB = s[3] - s[4];
    to[0] = s[0] + sumA + sumB;
    to[1] = differenceA * fa + differenceB * fb;
    to[2] = sumA * faa + sumB * fbb;
    to[3] = differenceA * aaa + differenceB * bbb + s[5];
  }
};

inline std::int64_t vectors(std::int64_t channels) {
  return (channels + B - 1) / B;
}
inline std::int64_t panelVectors(const WinogradLayer& l, std::int64_t panel) {
  const std::int64_t rest = vectors(l.oc) - panel * kPanel;
  return rest < kPanel ? rest : kPanel;
}
// Where in the packed weights a panel's products of one place begin.
inline std::int64_t packedAt(const WinogradLayer& l, int place, std::int64_t panel) {
  return (place * vectors(l.oc) + panel * kPanel) * l.ic * B;
}

// ---- weights, in double and rounded once
inline float weightAt(const WinogradWeights& w, const float* window, int k) {
  const float value = window[w.turned ? 8 - k : k];
  return value * (value > 0 ? w.part.up : w.part.down);
}

// Column x of the windows of a vector of outputs, from row 0 on.
inline void loadWindows(const WinogradLayer& l, const WinogradWeights& w, std::int64_t vector, std::int64_t i,
                        WideLanes (*columns)[3]) {
  float values[9][B] = {};
  const std::int64_t first = vector * B, count = l.oc - first < B ? l.oc - first : B;
  const float* window = w.values + first * w.fromOutput + i * w.fromInput;
  for (std::int64_t lane = 0; lane < count; ++lane, window += w.fromOutput)
    for (int k = 0; k < 9; ++k) values[k][lane] = weightAt(w, window, k);
  for (int k = 0; k < 9; ++k) columns[k % 3][k / 3] = __builtin_convertvector(load(values[k]), WideLanes);
}

template <int M>
void packOne(const WinogradLayer& l, const WinogradWeights& w, float* packed, std::int64_t vector, std::int64_t i) {
  constexpr int P = M + 2;
  WideLanes g[3][3], half[3][P], whole[P];
  loadWindows(l, w, vector, i, g);
  for (int x = 0; x < 3; ++x) Transform<M>::weights(g[x], half[x]);
  const std::int64_t panel = vector / kPanel, width = panelVectors(l, panel) * B;
  for (int y = 0; y < P; ++y) {
    const WideLanes row[3] = {half[0][y], half[1][y], half[2][y]};
    Transform<M>::weights(row, whole);
    for (int x = 0; x < P; ++x)
      store(packed + packedAt(l, y * P + x, panel) + i * width + vector % kPanel * B,
            __builtin_convertvector(whole[x], Lanes));
  }
}

void packWeights(const WinogradLayer& l, const WinogradWeights& w, float* packed, std::int64_t panel,
                 std::int64_t begin, std::int64_t end) {
  const std::int64_t first = panel * kPanel, last = first + panelVectors(l, panel);
  for (std::int64_t i = begin; i < end; ++i)
    for (std::int64_t v = first; v < last; ++v)
      l.tile == 2 ? packOne<2>(l, w, packed, v, i) : packOne<4>(l, w, packed, v, i);
}

// ---- tiles
struct Place {
  std::int64_t image, y, x;  // of the first output
};
inline Place placeOf(const WinogradLayer& l, std::int64_t tile) {
  const std::int64_t perImage = l.across * l.down, within = tile % perImage;
  return {tile / perImage, within / l.across * l.tile, within % l.across * l.tile};
}

// Pixels beyond the border are 0.
template <int P>
inline void loadTile(const WinogradLayer& l, const float* plane, std::int64_t y, std::int64_t x, Lanes (*d)[P]) {
  for (int r = 0; r < P; ++r)
    for (int c = 0; c < P; ++c) {
      const bool inside = y + r >= 0 && y + r < l.ih && x + c >= 0 && x + c < l.iw;
      d[c][r] = inside ? load(plane + ((y + r) * l.iw + x + c) * B) : Lanes{};
    }
}

template <int M>
void transformInputTile(const WinogradLayer& l, const WinogradChunk& chunk, const float* x, std::int64_t tile) {
  constexpr int P = M + 2;
  const Place at = placeOf(l, chunk.first + tile);
  const std::int64_t channels = vectors(l.ic) * B;
  for (std::int64_t c = 0; c < channels; c += B) {
    const float* plane = x + (at.image * channels + c) * l.ih * l.iw;
    Lanes d[P][P], half[P][P], whole[P];
    loadTile<P>(l, plane, at.y - l.pt, at.x - l.pl, d);
    for (int k = 0; k < P; ++k) Transform<M>::input(d[k], half[k]);
    for (int r = 0; r < P; ++r) {
      Lanes row[P];
      for (int k = 0; k < P; ++k) row[k] = half[k][r];
      Transform<M>::input(row, whole);
      for (int k = 0; k < P; ++k) store(chunk.inputs + ((r * P + k) * chunk.count + tile) * channels + c, whole[k]);
    }
  }
}

void transformInput(const WinogradLayer& l, const WinogradChunk& chunk, const float* x, std::int64_t tile) {
  l.tile == 2 ? transformInputTile<2>(l, chunk, x, tile) : transformInputTile<4>(l, chunk, x, tile);
}

template <int M>
void transformOutputTile(const WinogradLayer& l, const WinogradChunk& chunk, const WinogradFinish& finish, float* y,
                         std::int64_t tile) {
  constexpr int P = M + 2;
  const Place at = placeOf(l, chunk.first + tile);
  const std::int64_t outputs = vectors(l.oc) * B;
  const std::int64_t rows = l.oh - at.y < M ? l.oh - at.y : M, columns = l.ow - at.x < M ? l.ow - at.x : M;
  for (std::int64_t o = 0; o < outputs; o += B) {
    Lanes half[P][M], whole[M];
    for (int c = 0; c < P; ++c) {
      Lanes sums[P];
      for (int r = 0; r < P; ++r) sums[r] = load(chunk.sums + ((r * P + c) * chunk.count + tile) * outputs + o);
      Transform<M>::output(sums, half[c]);
    }
    float* to = y + ((at.image * outputs + o) * l.oh + at.y * B) * l.ow + at.x * B;
    const Lanes shift = finish.bias ? load(finish.bias + o) : Lanes{}, most = Lanes{} + finish.most;
    for (int r = 0; r < M; ++r) {
      Lanes row[P];
      for (int c = 0; c < P; ++c) row[c] = half[c][r];
      Transform<M>::output(row, whole);
      for (int c = 0; c < M; ++c) {
        if (r >= rows || c >= columns) continue;
        float* place = to + (r * l.ow + c) * B;
        Lanes value = whole[c] + shift;
        if (finish.accumulate) value += load(place);
        if (finish.relu) value = value > 0 ? (value < most ? value : most) : Lanes{};
        store(place, value);
      }
    }
  }
}

void transformOutput(const WinogradLayer& l, const WinogradChunk& chunk, const WinogradFinish& finish, float* y,
                     std::int64_t tile) {
  l.tile == 2 ? transformOutputTile<2>(l, chunk, finish, y, tile) : transformOutputTile<4>(l, chunk, finish, y, tile);
}

// ---- the products
// Of some of the channels; the sums are added to those of the channels before, if there are any.
struct Product {
  const float* inputs;  // tiles × channels
  const float* weights;
  float* sums;
  std::int64_t channels, inputStride, sumStride;
  bool adds;
  const float* next;  // weights that are needed next: these tiles bring a part of them nearer
};

// R tiles by N vectors of outputs, all in registers.
template <int R, int N>
void multiplyTiles(const Product& p) {
  Lanes sum[R][N] = {};
  for (std::int64_t k = 0; k < p.channels; ++k) {
    Lanes w[N];
    __builtin_prefetch(p.next + k * N * B, 0, 2);
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) w[j] = load(p.weights + (k * N + j) * B);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (int j = 0; j < N; ++j) sum[r][j] += w[j] * p.inputs[r * p.inputStride + k];
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) {
      float* to = p.sums + r * p.sumStride + j * B;
      store(to, p.adds ? load(to) + sum[r][j] : sum[r][j]);
    }
}

template <int N>
void multiplyAllTiles(Product p, std::int64_t tiles) {
  static constexpr void (*by[])(const Product&) = {multiplyTiles<1, N>, multiplyTiles<2, N>, multiplyTiles<3, N>,
                                                   multiplyTiles<4, N>, multiplyTiles<5, N>, multiplyTiles<6, N>};
  int group = 0;
  for (std::int64_t groups = (tiles + kRows - 1) / kRows; tiles > 0; --groups) {
    const std::int64_t rows = (tiles + groups - 1) / groups;  // groups as equal as they can be
    by[rows - 1](p);
    if (++group < N) p.next += B;
    p.inputs += rows * p.inputStride;
    p.sums += rows * p.sumStride;
    tiles -= rows;
  }
}

// Some channels of all tiles before the next ones: their weights stay in the first-level cache, and the next ones are
// on their way.
template <int N>
void multiplyPanel(Product p, std::int64_t tiles) {
  for (std::int64_t rest = p.channels; rest > 0; rest -= p.channels) {
    p.channels = rest < kPartialSum ? rest : kPartialSum;
    p.next = p.weights + p.channels * N * B;
    multiplyAllTiles<N>(p, tiles);
    p.inputs += p.channels;
    p.weights += p.channels * N * B;
    p.adds = true;
  }
}

void multiply(const WinogradLayer& l, const WinogradChunk& chunk, const float* packed, int place, std::int64_t panel) {
  const std::int64_t in = vectors(l.ic) * B, out = vectors(l.oc) * B;
  const Product p{chunk.inputs + place * chunk.count * in,
                  packed + packedAt(l, place, panel),
                  chunk.sums + place * chunk.count * out + panel * kPanel * B,
                  l.ic,
                  in,
                  out,
                  false,
                  nullptr};
  static constexpr void (*by[])(Product, std::int64_t) = {
    multiplyPanel<1>,
    multiplyPanel<2>,
#if RELPROP_PANEL == 4
    multiplyPanel<3>,
    multiplyPanel<4>
#endif
  };
  by[panelVectors(l, panel) - 1](p, chunk.count);
}

}  // namespace

const WinogradOps& RELPROP_WINOGRAD() {
  static constexpr WinogradOps ops = {B, kPanel, packWeights, transformInput, multiply, transformOutput};
  return ops;
}

}  // namespace relprop::simd

// Included by ops.inc.h: dense layers that read their weights where they lie. A weight counts up·w where w > 0 and
// down·w where w < 0, so that parts of the weights (w⁺, w⁻, |w|, w + γw⁺) cost no copy and no second stream from
// memory. At few rows the stream of weights is all the time there is: several rows of outputs are read side by side,
// and every weight that was read serves all operands and rows.

typedef unsigned Words __attribute__((vector_size(RELPROP_BLOCK * 4)));
typedef unsigned short Halves __attribute__((vector_size(RELPROP_BLOCK * 2)));

constexpr int kSide = 4;       // outputs side by side
constexpr int kAhead = 512;    // bytes of each row of weights that are asked for before they are read
constexpr int kTile = 64 * B;  // columns whose weights stay in the first-level cache

template <class W>
inline const float* operand(const DenseTask<W>& t, int term) {
  return reinterpret_cast<const float*>(t.in[t.term[term].in]);
}
template <class W>
inline float* result(const DenseTask<W>& t, int k) {
  return reinterpret_cast<float*>(t.out[k]);
}

inline Lanes loadLanes(const float* p) {
  Lanes v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

inline Lanes loadLanes(const unsigned short* p) {
  Halves h;
  __builtin_memcpy(&h, p, sizeof h);
  return (Lanes)(__builtin_convertvector(h, Words) << 16);
}

inline void storeLanes(float* p, Lanes v) {
  __builtin_memcpy(p, &v, sizeof v);
}

inline float widened(float v) {
  return v;
}
inline float widened(unsigned short v) {
  const unsigned bits = static_cast<unsigned>(v) << 16;
  float f;
  __builtin_memcpy(&f, &bits, sizeof f);
  return f;
}

inline Lanes part(Lanes w, WeightSlopes s) {
  return w * (w > 0 ? Lanes{} + s.up : Lanes{} + s.down);
}
inline float part(float w, WeightSlopes s) {
  return w * (w > 0 ? s.up : s.down);
}

inline float laneSum(Lanes v) {
  float total = 0;
  for (int k = 0; k < B; ++k) total += v[k];
  return total;
}

template <class W>
inline Lanes streamed(const W* p) {
  __builtin_prefetch(reinterpret_cast<const char*>(p) + kAhead);
  return loadLanes(p);
}

// Adds terms first … first + T − 1 of rows row … row + R − 1 of outputs o … o + Side − 1 to their results: every term
// is summed by itself, so that its sum does not depend on what else is asked for.
template <int Side, int R, int T, class W>
void dotTerms(const DenseTask<W>& t, int first, std::int64_t o, std::int64_t row) {
  Lanes sum[T][Side][R] = {};
  float rest[T][Side][R] = {};
  const std::int64_t whole = t.ic / B * B;
  const float* x[T];
  for (int k = 0; k < T; ++k) x[k] = operand(t, first + k) + row * t.ic;
  for (std::int64_t i = 0; i < whole; i += B)
    for (int j = 0; j < Side; ++j) {
      const Lanes all = streamed(t.weights + (o + j) * t.ic + i);
      for (int k = 0; k < T; ++k) {
        const Lanes w = part(all, t.term[first + k].part);
        for (int r = 0; r < R; ++r) sum[k][j][r] += w * loadLanes(x[k] + r * t.ic + i);
      }
    }
  for (std::int64_t i = whole; i < t.ic; ++i)
    for (int j = 0; j < Side; ++j)
      for (int k = 0; k < T; ++k)
        for (int r = 0; r < R; ++r)
          rest[k][j][r] += part(widened(t.weights[(o + j) * t.ic + i]), t.term[first + k].part) * x[k][r * t.ic + i];
  for (int k = 0; k < T; ++k)
    for (int j = 0; j < Side; ++j)
      for (int r = 0; r < R; ++r)
        result(t, t.term[first + k].out)[(row + r) * t.oc + o + j] += laneSum(sum[k][j][r]) + rest[k][j][r];
}

// The same for all terms, T at a time as far as they go; and the bias.
template <int Side, int R, int T, class W>
void dotRows(const DenseTask<W>& t, std::int64_t o, std::int64_t row) {
  for (int k = 0; k < t.results; ++k)
    for (int r = 0; r < R; ++r) zero(result(t, k) + (row + r) * t.oc + o, Side);
  int first = 0;
  for (; first + T <= t.terms; first += T) dotTerms<Side, R, T>(t, first, o, row);
  for (; first < t.terms; ++first) dotTerms<Side, R, 1>(t, first, o, row);
  for (int r = 0; r < R; ++r)
    for (int j = 0; t.bias && j < Side; ++j) result(t, 0)[(row + r) * t.oc + o + j] += t.bias[o + j];
}

// As many rows and terms at a time as leave their sums in registers.
template <int Side, class W>
void dotAllRows(const DenseTask<W>& t, std::int64_t o) {
  std::int64_t row = 0;
  for (; t.terms == 1 && row + 4 <= t.rows; row += 4) dotRows<Side, 4, 1>(t, o, row);
  for (; t.terms > 1 && row + 2 <= t.rows; row += 2) dotRows<Side, 2, 2>(t, o, row);
  for (; row < t.rows; ++row) dotRows<Side, 1, 3>(t, o, row);
}

template <class W>
void denseForwardRange(const DenseTask<W>& t, std::int64_t begin, std::int64_t end) {
  std::int64_t o = begin;
  for (; o + kSide <= end; o += kSide) dotAllRows<kSide>(t, o);
  for (; o < end; ++o) dotAllRows<1>(t, o);
}

// out[row][i] += Σ_j part(W[o + j][i])·s[row][o + j] of one term for the columns begin … end − 1.
template <int Side, class W>
void spreadTerm(const DenseTask<W>& t, int k, std::int64_t row, std::int64_t o, std::int64_t begin, std::int64_t end) {
  const WeightSlopes slopes = t.term[k].part;
  const float* s = operand(t, k) + row * t.oc + o;
  float* out = result(t, t.term[k].out) + row * t.ic;
  std::int64_t i = begin;
  for (; i + B <= end; i += B) {
    Lanes sum = loadLanes(out + i);
    for (int j = 0; j < Side; ++j) sum += part(streamed(t.weights + (o + j) * t.ic + i), slopes) * s[j];
    storeLanes(out + i, sum);
  }
  for (; i < end; ++i)
    for (int j = 0; j < Side; ++j) out[i] += part(widened(t.weights[(o + j) * t.ic + i]), slopes) * s[j];
}

// Weights come from memory once: what was read of a tile serves all rows and terms.
template <int Side, class W>
void spreadRows(const DenseTask<W>& t, std::int64_t o, std::int64_t begin, std::int64_t end) {
  for (std::int64_t tile = begin; tile < end; tile += kTile) {
    const std::int64_t stop = tile + kTile < end ? tile + kTile : end;
    for (std::int64_t row = 0; row < t.rows; ++row)
      for (int k = 0; k < t.terms; ++k) spreadTerm<Side>(t, k, row, o, tile, stop);
  }
}

template <class W>
void denseBackwardRange(const DenseTask<W>& t, std::int64_t begin, std::int64_t end) {
  for (int k = 0; k < t.results; ++k)
    for (std::int64_t row = 0; row < t.rows; ++row) zero(result(t, k) + row * t.ic + begin, end - begin);
  std::int64_t o = 0;
  for (; o + kSide <= t.oc; o += kSide) spreadRows<kSide>(t, o, begin, end);
  for (; o < t.oc; ++o) spreadRows<1>(t, o, begin, end);
}

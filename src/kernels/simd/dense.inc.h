// Included by ops.inc.h: dense layers that read their weights where they lie. A weight counts up·w where w > 0 and
// down·w where w < 0, so that parts of the weights (w⁺, w⁻, |w|, w + γw⁺) cost no copy and no second stream from
// memory. At few rows the stream of weights is all the time there is: several rows of outputs are read side by side,
// and every weight that was read serves all operands and rows.

typedef unsigned Words __attribute__((vector_size(RELPROP_BLOCK * 4)));
typedef unsigned short Halves __attribute__((vector_size(RELPROP_BLOCK * 2)));

constexpr int kSide = 4;  // outputs side by side

template <class W>
inline const float* operand(const DenseTask<W>& t, int k) {
  return reinterpret_cast<const float*>(t.in[k]);
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

// Rows row … row + R − 1 of outputs o … o + Side − 1.
template <int Side, int R, class W>
void dotRows(const DenseTask<W>& t, std::int64_t o, std::int64_t row) {
  Lanes sum[Side][R] = {};
  float rest[Side][R] = {};
  const std::int64_t whole = t.ic / B * B;
  for (int k = 0; k < t.operands; ++k) {
    const float* x = operand(t, k) + row * t.ic;
    for (std::int64_t i = 0; i < whole; i += B)
      for (int j = 0; j < Side; ++j) {
        const Lanes w = part(loadLanes(t.weights + (o + j) * t.ic + i), t.slopes[k]);
        for (int r = 0; r < R; ++r) sum[j][r] += w * loadLanes(x + r * t.ic + i);
      }
    for (std::int64_t i = whole; i < t.ic; ++i)
      for (int j = 0; j < Side; ++j)
        for (int r = 0; r < R; ++r)
          rest[j][r] += part(widened(t.weights[(o + j) * t.ic + i]), t.slopes[k]) * x[r * t.ic + i];
  }
  for (int j = 0; j < Side; ++j)
    for (int r = 0; r < R; ++r)
      result(t, 0)[(row + r) * t.oc + o + j] = laneSum(sum[j][r]) + rest[j][r] + (t.bias ? t.bias[o + j] : 0.0f);
}

template <int Side, class W>
void dotAllRows(const DenseTask<W>& t, std::int64_t o) {
  std::int64_t row = 0;
  for (; row + 4 <= t.rows; row += 4) dotRows<Side, 4>(t, o, row);
  for (; row < t.rows; ++row) dotRows<Side, 1>(t, o, row);
}

template <class W>
void denseForwardRange(const DenseTask<W>& t, std::int64_t begin, std::int64_t end) {
  std::int64_t o = begin;
  for (; o + kSide <= end; o += kSide) dotAllRows<kSide>(t, o);
  for (; o < end; ++o) dotAllRows<1>(t, o);
}

// out[row][i] += Σ_j part(W[o + j][i])·s[row][o + j] for the columns begin … end − 1.
template <int Side, class W>
void spreadRows(const DenseTask<W>& t, int k, std::int64_t row, std::int64_t o, std::int64_t begin, std::int64_t end) {
  float s[Side];
  for (int j = 0; j < Side; ++j) s[j] = operand(t, k)[row * t.oc + o + j];
  float* out = result(t, k) + row * t.ic;
  std::int64_t i = begin;
  for (; i + B <= end; i += B) {
    Lanes sum = loadLanes(out + i);
    for (int j = 0; j < Side; ++j) sum += part(loadLanes(t.weights + (o + j) * t.ic + i), t.slopes[k]) * s[j];
    storeLanes(out + i, sum);
  }
  for (; i < end; ++i)
    for (int j = 0; j < Side; ++j) out[i] += part(widened(t.weights[(o + j) * t.ic + i]), t.slopes[k]) * s[j];
}

template <class W>
void denseBackwardRange(const DenseTask<W>& t, std::int64_t begin, std::int64_t end) {
  for (int k = 0; k < t.operands; ++k)
    for (std::int64_t row = 0; row < t.rows; ++row) zero(result(t, k) + row * t.ic + begin, end - begin);
  for (std::int64_t o = 0; o < t.oc; o += kSide) {
    const bool all = o + kSide <= t.oc;
    for (int k = 0; k < t.operands; ++k)
      for (std::int64_t row = 0; row < t.rows; ++row) {
        if (all)
          spreadRows<kSide>(t, k, row, o, begin, end);
        else
          for (std::int64_t one = o; one < t.oc; ++one) spreadRows<1>(t, k, row, one, begin, end);
      }
  }
}

// Included by ops.inc.h: the derivative of a local response normalisation, some pixels at a time, which are brought
// into the order channel × pixel: then windows of channels are sums of vectors.

// scale^−β. 0.75 is what networks have.
inline void inversePower(float* f, const float* scale, float beta) {
  if (beta == 0.75f) {
#pragma omp simd
    for (int p = 0; p < kLrnPixels; ++p) {
      const float root = sqrtf(scale[p]);
      f[p] = 1.0f / (root * sqrtf(root));
    }
    return;
  }
  for (int p = 0; p < kLrnPixels; ++p) f[p] = powf(scale[p], -beta);
}

// to = Σ of the channels first … last − 1 of them that there are, squared or not.
template <class F>
inline void windowSum(const LrnTask& t, const float* values, std::int64_t first, std::int64_t last, float* to, F of) {
  for (int p = 0; p < kLrnPixels; ++p) to[p] = 0;
  for (std::int64_t c = first < 0 ? 0 : first; c < last && c < t.channels; ++c) {
    const float* row = values + c * kLrnPixels;
#pragma omp simd
    for (int p = 0; p < kLrnPixels; ++p) to[p] += of(row[p]);
  }
}

inline std::int64_t lrnAt(const LrnTask& t, std::int64_t c, std::int64_t pixel) {
  return (c / t.block * t.spatial + pixel) * t.block + c % t.block;
}

void lrnGather(const LrnTask& t, const float* from, std::int64_t first, std::int64_t count, float* to) {
  for (std::int64_t c = 0; c < t.channels; ++c)
    for (int p = 0; p < kLrnPixels; ++p) to[c * kLrnPixels + p] = p < count ? from[lrnAt(t, c, first + p)] : 0.0f;
}

// dx_i = g_i·f_i − 2αβ/size · x_i · Σ_{j: i in the window of j} g_j·x_j·f_j/scale_j with f = scale^−β.
void lrnBackward(const LrnTask& t, const float* x, const float* g, float* dx, std::int64_t first, float* work) {
  const std::int64_t all = t.channels * kLrnPixels,
                     count = t.spatial - first < kLrnPixels ? t.spatial - first : kLrnPixels;
  float *xs = work, *own = work + all, *shared = own + all, sum[kLrnPixels], scale[kLrnPixels], f[kLrnPixels];
  lrnGather(t, x, first, count, xs);
  lrnGather(t, g, first, count, own);
  for (std::int64_t c = 0; c < t.channels; ++c) {
    windowSum(t, xs, c - (t.size - 1) / 2, c + t.size / 2 + 1, sum, [](float v) { return v * v; });
    const float share = t.alpha / static_cast<float>(t.size);
    for (int p = 0; p < kLrnPixels; ++p) scale[p] = t.bias + share * sum[p];
    inversePower(f, scale, t.beta);
    float *o = own + c * kLrnPixels, *s = shared + c * kLrnPixels;
#pragma omp simd
    for (int p = 0; p < kLrnPixels; ++p) o[p] *= f[p];
#pragma omp simd
    for (int p = 0; p < kLrnPixels; ++p) s[p] = o[p] * xs[c * kLrnPixels + p] / scale[p];
  }
  const float slope = 2.0f * t.alpha * t.beta / static_cast<float>(t.size);
  for (std::int64_t c = 0; c < t.channels; ++c) {
    windowSum(t, shared, c - t.size / 2, c + (t.size - 1) / 2 + 1, sum, [](float v) { return v; });
    for (int p = 0; p < count; ++p)
      dx[lrnAt(t, c, first + p)] = own[c * kLrnPixels + p] - slope * xs[c * kLrnPixels + p] * sum[p];
  }
}

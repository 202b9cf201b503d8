// Included by ops.inc.h: softmax of a row and its derivative. Sums are in double.

void softmax(std::int64_t extent, const float* x, float* y) {
  float top = x[0];
#pragma omp simd reduction(max : top)
  for (std::int64_t i = 0; i < extent; ++i) top = x[i] > top ? x[i] : top;
#pragma omp simd
  for (std::int64_t i = 0; i < extent; ++i) y[i] = exponential(x[i] - top);
  const float inverse = static_cast<float>(1.0 / sum(y, extent));
#pragma omp simd
  for (std::int64_t i = 0; i < extent; ++i) y[i] *= inverse;
}

// y_k (g_k − Σ g y)
void softmaxBackward(std::int64_t extent, const float* y, const float* g, float* dx) {
  double dot = 0;
#pragma omp simd reduction(+ : dot)
  for (std::int64_t i = 0; i < extent; ++i) dot += static_cast<double>(y[i]) * static_cast<double>(g[i]);
#pragma omp simd
  for (std::int64_t i = 0; i < extent; ++i)
    dx[i] = static_cast<float>(static_cast<double>(y[i]) * (static_cast<double>(g[i]) - dot));
}

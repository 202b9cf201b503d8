#include "kernels/ref/pool.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/lambda_kernel.h"
#include "kernels/pool_window.h"

namespace relprop::ref {
namespace {

TensorDesc inputDesc(const PoolShape& p) {
  return {{p.n, p.c, p.ih, p.iw}, p.block};
}
TensorDesc outputDesc(const PoolShape& p) {
  return {{p.n, p.c, p.oh, p.ow}, p.block};
}

struct Window {
  WindowAxis h, w;
  std::int64_t inside() const { return count(h) * count(w); }
  std::int64_t padded() const { return h.paddedCount * w.paddedCount; }
  static std::int64_t count(const WindowAxis& a) {
    return a.end > a.begin ? (a.end - a.begin + a.step - 1) / a.step : 0;
  }
};

Window windowOf(const PoolShape& p, std::int64_t y, std::int64_t x) {
  return {poolWindow(y, p.ih, p.kh, p.sh, p.dh, p.pt, p.pb), poolWindow(x, p.iw, p.kw, p.sw, p.dw, p.pl, p.pr)};
}

double divisor(const PoolShape& p, const Window& w) {
  return static_cast<double>(std::max<std::int64_t>(1, p.countPadding ? w.padded() : w.inside()));
}

// visit(row, channel, window, output index) for every output element.
template <class Visit>
void forEachOutput(const PoolShape& p, Visit visit) {
  const TensorDesc out = outputDesc(p);
  for (std::int64_t n = 0; n < p.n; ++n)
    for (std::int64_t c = 0; c < p.c; ++c)
      for (std::int64_t y = 0; y < p.oh; ++y)
        for (std::int64_t x = 0; x < p.ow; ++x) visit(n, c, windowOf(p, y, x), physicalIndex(out, n, c, y * p.ow + x));
}

template <class Visit>
void forEachTap(const PoolShape& p, std::int64_t n, std::int64_t c, const Window& w, Visit visit) {
  const TensorDesc in = inputDesc(p);
  for (std::int64_t y = w.h.begin; y < w.h.end; y += w.h.step)
    for (std::int64_t x = w.w.begin; x < w.w.end; x += w.w.step) visit(physicalIndex(in, n, c, y * p.iw + x));
}

std::int64_t winner(const PoolShape& p, std::int64_t n, std::int64_t c, const Window& w, const float* x) {
  float best = -std::numeric_limits<float>::infinity();
  std::int64_t where = -1;
  forEachTap(p, n, c, w, [&](std::int64_t i) {
    if (where < 0 || x[i] > best) best = x[i], where = i;
  });
  return where;
}

// scale_c = bias + alpha/size · Σ x² over the channels within the window of c.
double lrnScale(const LrnSpec& s, const float* x, std::int64_t n, std::int64_t c, std::int64_t pos) {
  const std::int64_t first = std::max<std::int64_t>(0, c - (s.size - 1) / 2);
  const std::int64_t last = std::min(s.desc.channels() - 1, c + s.size / 2);
  double sum = 0;
  for (std::int64_t k = first; k <= last; ++k) {
    const double v = x[physicalIndex(s.desc, n, k, pos)];
    sum += v * v;
  }
  return s.bias + s.alpha / static_cast<double>(s.size) * sum;
}

template <class Visit>
void forEachElement(const TensorDesc& d, Visit visit) {
  for (std::int64_t n = 0; n < d.rows(); ++n)
    for (std::int64_t c = 0; c < d.channels(); ++c)
      for (std::int64_t i = 0; i < d.spatial(); ++i) visit(n, c, i, physicalIndex(d, n, c, i));
}

}  // namespace

KernelPtr maxPool(const PoolShape& p) {
  return makeKernel([p](FloatsIn in, FloatsOut out) {
    std::fill_n(out[0], outputDesc(p).floats(), 0.0f);
    forEachOutput(p, [&](auto n, auto c, const Window& w, auto o) {
      const std::int64_t i = winner(p, n, c, w, in[0]);
      out[0][o] = i < 0 ? 0.0f : in[0][i];
    });
  });
}

KernelPtr maxPoolBackward(const PoolShape& p) {
  return makeKernel([p](FloatsIn in, FloatsOut out) {
    std::fill_n(out[0], inputDesc(p).floats(), 0.0f);
    forEachOutput(p, [&](auto n, auto c, const Window& w, auto o) {
      const std::int64_t i = winner(p, n, c, w, in[0]);
      if (i >= 0) out[0][i] += in[1][o];
    });
  });
}

KernelPtr averagePool(const PoolShape& p) {
  return makeKernel([p](FloatsIn in, FloatsOut out) {
    std::fill_n(out[0], outputDesc(p).floats(), 0.0f);
    forEachOutput(p, [&](auto n, auto c, const Window& w, auto o) {
      double sum = 0;
      forEachTap(p, n, c, w, [&](std::int64_t i) { sum += in[0][i]; });
      out[0][o] = static_cast<float>(sum / divisor(p, w));
    });
  });
}

KernelPtr averagePoolBackward(const PoolShape& p) {
  return makeKernel([p](FloatsIn in, FloatsOut out) {
    std::fill_n(out[0], inputDesc(p).floats(), 0.0f);
    forEachOutput(p, [&](auto n, auto c, const Window& w, auto o) {
      const float share = static_cast<float>(in[0][o] / divisor(p, w));
      forEachTap(p, n, c, w, [&](std::int64_t i) { out[0][i] += share; });
    });
  });
}

// y = x / scale^beta
KernelPtr lrn(const LrnSpec& s) {
  return makeKernel([s](FloatsIn in, FloatsOut out) {
    std::fill_n(out[0], s.desc.floats(), 0.0f);
    forEachElement(s.desc, [&](auto n, auto c, auto pos, auto i) {
      out[0][i] = static_cast<float>(in[0][i] / std::pow(lrnScale(s, in[0], n, c, pos), static_cast<double>(s.beta)));
    });
  });
}

// g_i·scale_i^-β − 2αβ/size · x_i · Σ_{j: i in window of j} g_j x_j scale_j^(-β-1)
KernelPtr lrnBackward(const LrnSpec& s) {
  return makeKernel([s](FloatsIn in, FloatsOut out) {
    std::vector<double> scale(static_cast<std::size_t>(s.desc.floats()), 1.0);
    forEachElement(s.desc, [&](auto n, auto c, auto pos, auto i) {
      scale[static_cast<std::size_t>(i)] = lrnScale(s, in[0], n, c, pos);
    });
    std::fill_n(out[0], s.desc.floats(), 0.0f);
    forEachElement(s.desc, [&](auto n, auto c, auto pos, auto i) {
      double sum = 0;
      const std::int64_t first = std::max<std::int64_t>(0, c - s.size / 2);
      const std::int64_t last = std::min(s.desc.channels() - 1, c + (s.size - 1) / 2);
      for (std::int64_t k = first; k <= last; ++k) {
        const std::int64_t j = physicalIndex(s.desc, n, k, pos);
        sum += static_cast<double>(in[1][j]) * in[0][j] * std::pow(scale[static_cast<std::size_t>(j)], -s.beta - 1.0);
      }
      const double own = in[1][i] * std::pow(scale[static_cast<std::size_t>(i)], -static_cast<double>(s.beta));
      out[0][i] = static_cast<float>(own - 2.0 * s.alpha * s.beta / static_cast<double>(s.size) * in[0][i] * sum);
    });
  });
}

namespace {

// (a^-β − b^-β)/(a − b), and the derivative where that is 0/0.
double powerSecant(double a, double b, double beta) {
  if (std::abs(a - b) < 1e-6 * a) return -beta * std::pow((a + b) / 2, -beta - 1);
  return (std::pow(a, -beta) - std::pow(b, -beta)) / (a - b);
}

}  // namespace

// y = x·f with f = scale^-β: Δy_j = ½(f_j + f′_j)·Δx_j + ½(x_j + x′_j)·Δf_j, and Δf_j is shared over its window in
// proportion to Δ(x_i²) = (x_i + x′_i)·Δx_i. Gradient and secant are the same where x = x′.
KernelPtr lrnSecant(const LrnSpec& s) {
  return makeKernel([s](FloatsIn in, FloatsOut out) {
    const auto count = static_cast<std::size_t>(s.desc.floats());
    std::vector<double> own(count), shared(count);
    forEachElement(s.desc, [&](auto n, auto c, auto pos, auto i) {
      const double a = lrnScale(s, in[0], n, c, pos), b = lrnScale(s, in[1], n, c, pos), g = in[2][i];
      const auto at = static_cast<std::size_t>(i);
      own[at] = g * (std::pow(a, -static_cast<double>(s.beta)) + std::pow(b, -static_cast<double>(s.beta))) / 2;
      shared[at] = g * (static_cast<double>(in[0][i]) + in[1][i]) / 2 * powerSecant(a, b, s.beta);
    });
    std::fill_n(out[0], s.desc.floats(), 0.0f);
    forEachElement(s.desc, [&](auto n, auto c, auto pos, auto i) {
      double sum = 0;
      const std::int64_t first = std::max<std::int64_t>(0, c - s.size / 2);
      const std::int64_t last = std::min(s.desc.channels() - 1, c + (s.size - 1) / 2);
      for (std::int64_t k = first; k <= last; ++k)
        sum += shared[static_cast<std::size_t>(physicalIndex(s.desc, n, k, pos))];
      const double square = static_cast<double>(in[0][i]) + in[1][i];
      out[0][i] =
          static_cast<float>(own[static_cast<std::size_t>(i)] + s.alpha / static_cast<double>(s.size) * square * sum);
    });
  });
}

}  // namespace relprop::ref

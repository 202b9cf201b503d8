// Maps from forward passes over changed images.
//   occlusion  mean over the windows that cover a pixel of f(x) − f(x with the window covered).  Zeiler & Fergus 2014,
//              section 4.2
//   rise       Σ_n p_t(x ⊙ M_n)·M_n / (N·p) over random masks M_n.               [RISE] Petsiuk et al. 2018, eq. 6
// A mask is a grid of s×s cells, each 1 with probability p, enlarged bilinearly to s+1 cells' size and cut out at a
// random shift (section 3.2).
#include "explain/procedures/perturbation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "explain/procedures/procedures.h"
#include "relprop/error.h"

namespace relprop {
namespace {

// ---- occlusion
struct Window {
  std::int64_t y, x, h, w;
};

void eachPixel(const Window& at, std::int64_t width, const std::function<void(std::int64_t)>& visit) {
  for (std::int64_t y = at.y; y < at.y + at.h; ++y)
    for (std::int64_t x = at.x; x < at.x + at.w; ++x) visit(y * width + x);
}

// Starts on one axis: every `stride`, and one that ends with the axis, so that every pixel is covered.
std::vector<std::int64_t> startsOf(std::int64_t extent, std::int64_t window, std::int64_t stride) {
  std::vector<std::int64_t> starts;
  for (std::int64_t at = 0; at < extent - window; at += stride) starts.push_back(at);
  starts.push_back(extent - window);
  return starts;
}

class Occlusion : public Procedure {
 public:
  Occlusion(int window, int stride) : window_(window), stride_(stride) {}  // 0: by the image

  std::vector<Attribution> explain(Session& session, const Subject& subject) const override {
    std::vector<Attribution> out = planes(session, subject.questions.size());
    const Shape& image = session.imageShape();
    const std::vector<Window> windows = windowsOf(image);
    const std::vector<float> cover = session.baseline(subject.input);
    std::vector<int> covered(out[0].map.size());
    const auto fill = [&](std::int64_t k, float* to) {
      std::copy_n(subject.input, session.imageFloats(), to);
      for (std::int64_t c = 0; c < image[0]; ++c) {
        const std::int64_t plane = c * image[1] * image[2];
        eachPixel(windows[static_cast<std::size_t>(k)], image[2],
                  [&](std::int64_t i) { to[plane + i] = cover[static_cast<std::size_t>(plane + i)]; });
      }
    };
    session.forward(static_cast<std::int64_t>(windows.size()), fill, [&](std::int64_t k, const Session::Row& row) {
      const Window& at = windows[static_cast<std::size_t>(k)];
      eachPixel(at, image[2], [&](std::int64_t i) { ++covered[static_cast<std::size_t>(i)]; });
      for (std::size_t q = 0; q < out.size(); ++q) {
        const double fall = valueOf(subject.questions[q], session.scoreShape(), subject.scores) -
                            valueOf(subject.questions[q], session.scoreShape(), row.scores());
        eachPixel(at, image[2], [&](std::int64_t i) { out[q].map[static_cast<std::size_t>(i)] += fall; });
      }
    });
    for (Attribution& a : out)
      for (std::size_t i = 0; i < covered.size(); ++i) a.map[i] /= covered[i];
    return out;
  }

 private:
  std::vector<Window> windowsOf(const Shape& image) const {
    const std::int64_t side = window_ ? window_ : std::max<std::int64_t>(1, std::min(image[1], image[2]) / 8);
    const std::int64_t stride = stride_ ? stride_ : std::max<std::int64_t>(1, side / 2);
    if (stride > side)
      throw Error(ErrorCode::InvalidMethodParameter, "method occlusion, stride", std::to_string(stride),
                  fmt::format("at most the window, {}: every pixel has to be covered", side));
    const std::int64_t h = std::min(side, image[1]), w = std::min(side, image[2]);
    std::vector<Window> all;
    for (std::int64_t y : startsOf(image[1], h, stride))
      for (std::int64_t x : startsOf(image[2], w, stride)) all.push_back({y, x, h, w});
    return all;
  }

  int window_, stride_;
};

// A length in pixels; 0 for "auto".
int pixels(Parameters& p, const std::string& key, const std::string& meaning) {
  const std::string text = p.text(key, "auto", "pixels, or auto: " + meaning);
  if (text == "auto") return 0;
  const bool digits = !text.empty() && text.size() < 6 && text.find_first_not_of("0123456789") == std::string::npos;
  const int value = digits ? std::stoi(text) : 0;
  if (value == 0)
    throw Error(ErrorCode::InvalidMethodParameter, "method occlusion, " + key, "'" + text + "'",
                "a whole number from 1, or auto");
  p.spell(key, value);  // 064 is 64
  return value;
}

Baseline coverOf(Parameters& p) {
  const std::string word = p.word("fill", "zero", {"zero", "mean", "black"});
  return {word == "zero" ? Baseline::Kind::Zero : word == "mean" ? Baseline::Kind::Mean : Baseline::Kind::Black, ""};
}

// ---- rise
class Rise : public Procedure {
 public:
  Rise(int samples, int cells, double share, unsigned seed)
      : samples_(samples), cells_(cells), share_(share), seed_(seed) {}

  std::vector<Attribution> explain(Session& session, const Subject& subject) const override {
    std::vector<Attribution> out = planes(session, subject.questions.size());
    std::vector<std::vector<double>> masks(static_cast<std::size_t>(samples_));  // of the samples under way
    const auto fill = [&](std::int64_t k, float* to) {
      std::vector<double>& mask = masks[static_cast<std::size_t>(k)] = maskOf(k, session.imageShape());
      maskInput(subject, session.imageShape(), mask, to);
    };
    session.forward(samples_, fill, [&](std::int64_t k, const Session::Row& row) {
      const std::vector<double> mask = std::move(masks[static_cast<std::size_t>(k)]);
      for (std::size_t q = 0; q < out.size(); ++q) {
        const double weight = probabilityOf(subject.questions[q], session.scoreShape(), row.scores());
        for (std::size_t i = 0; i < mask.size(); ++i) out[q].map[i] += weight / (samples_ * share_) * mask[i];
      }
    });
    return out;
  }

 private:
  std::vector<double> maskOf(std::int64_t sample, const Shape& image) const {
    RandomNumbers random(seed_, sample);
    const std::int64_t cellH = (image[1] + cells_ - 1) / cells_, cellW = (image[2] + cells_ - 1) / cells_;
    std::vector<double> grid(static_cast<std::size_t>(cells_ * cells_));
    for (double& v : grid) v = random.uniform() < share_ ? 1 : 0;
    const auto shift = [&](std::int64_t cell) {
      return static_cast<std::int64_t>(random.uniform() * static_cast<double>(cell));
    };
    const std::int64_t top = shift(cellH), left = shift(cellW), width = (cells_ + 1) * cellW;
    const std::vector<double> large = upsampled(grid, cells_, cells_, (cells_ + 1) * cellH, width);
    std::vector<double> mask(static_cast<std::size_t>(image[1] * image[2]));
    for (std::int64_t y = 0; y < image[1]; ++y)
      std::copy_n(large.data() + (top + y) * width + left, image[2], mask.data() + y * image[2]);
    return mask;
  }

  int samples_, cells_;
  double share_;
  unsigned seed_;
};

}  // namespace

std::vector<Attribution> planes(const Session& session, std::size_t count) {
  const Shape plane = planeOf(session);
  std::vector<Attribution> out(count);
  for (Attribution& a : out) a = {plane, std::vector<double>(static_cast<std::size_t>(elementCount(plane))), {}};
  return out;
}

double probabilityOf(const Question& q, const ScoreShape& shape, const float* scores) {
  if (!shape.hasProbabilities()) return valueOf(q, shape, scores);
  const std::vector<double> p = probabilities(shape, scores);
  std::vector<float> all(static_cast<std::size_t>(shape.count()));
  for (std::size_t k = 0; k < p.size(); ++k)
    all[static_cast<std::size_t>(shape.at(static_cast<std::int64_t>(k)))] = static_cast<float>(p[k]);
  const bool other = q.negated && q.contrast == Question::Contrast::None;
  return (other ? 1 : 0) + valueOf(q, shape, all.data());
}

Method forwardOnly(std::shared_ptr<const Procedure> procedure) {
  Method m;
  m.seed = Seed::One;
  m.conserves = m.backward = false;
  m.procedure = std::move(procedure);
  m.bag = BagWay();
  return m;
}

Method occlusion(Parameters& p) {
  const int window = pixels(p, "window", "an eighth of the shorter side");
  const int stride = pixels(p, "stride", "half the window");
  Method m = forwardOnly(std::make_shared<Occlusion>(window, stride));
  m.baseline = coverOf(p);
  return m;
}

// 4000 masks are the paper's number for VGG-16 (8000 for ResNet-50); the error of the mean falls with 1/√N.
Method rise(Parameters& p) {
  const int samples = p.whole("samples", 4000, 1, 1000000), cells = p.whole("cells", 7, 1, 256);
  const float share = p.number("p", 0.5f);
  if (!(share > 0 && share <= 1))
    throw Error(ErrorCode::InvalidMethodParameter, "method rise, p", fmt::format("{}", share),
                "a probability above 0, up to 1");
  return forwardOnly(std::make_shared<Rise>(samples, cells, share, rngOf(p)));
}

}  // namespace relprop

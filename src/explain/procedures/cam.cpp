// Class activation maps from gradients, at one layer with activation A and gradient g = ∂f_t/∂A, sums over positions:
//   grad-cam    ReLU(Σ_k w_k A_k), w_k = mean of g_k.                  [GC] Selvaraju et al., ICCV 2017, eq. 1, 2
//   grad-cam++  ReLU(Σ_k w_k A_k), w_k = Σ α_k ReLU(g_k), α = g²/(2g² + g³ΣA).
//                                                                      Chattopadhay et al., WACV 2018, eq. 5, 19
//   layer-cam   ReLU(Σ_k ReLU(g_k)⊙A_k).                               Jiang et al., TIP 2021, eq. 5 and 6
//   hires-cam   ReLU(Σ_k g_k⊙A_k).                                     Draelos & Carin, 2020, eq. 4
//   excitation-backprop  Σ_k R_k, R the probability that a walk from the output by the rule below comes by.
//                                                                      Zhang et al., IJCV 2018, eq. 2, 5 and 8
//   guided-grad-cam  the map of grad-cam, upsampled, times that of guided backpropagation.
//                                                                      [GC] section 3.2
//   xgrad-cam   ReLU(Σ_k w_k A_k), w_k = Σ g_k A_k / Σ A_k.            Fu et al., BMVC 2020, eq. 8
// and upsampled bilinearly to the input (half-pixel centres). Grad-CAM++ speaks of exp(f): its derivatives are those of
// f times exp(f), which cancels in α and is left out of the weights, as a factor of the whole map.
#include "explain/procedures/cam.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "explain/procedures/procedures.h"
#include "relprop/error.h"

namespace relprop {

std::vector<double> fromZeroToOne(std::vector<double> values) {
  const auto [at, end] = std::minmax_element(values.begin(), values.end());
  const double low = *at, range = *end - low;
  for (double& v : values) v = range > 0 ? (v - low) / range : 0;
  return values;
}

std::vector<double> upsampled(const std::vector<double>& map, std::int64_t h, std::int64_t w, std::int64_t H,
                              std::int64_t W) {
  struct Tap {
    std::int64_t low, high;
    double share;
  };
  const auto tapOf = [](std::int64_t i, std::int64_t from, std::int64_t to) {
    const double x =
        std::max(0.0, (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5);
    const auto low = std::min(static_cast<std::int64_t>(x), from - 1);
    return Tap{low, std::min(low + 1, from - 1), x - static_cast<double>(low)};
  };
  std::vector<double> out(static_cast<std::size_t>(H * W));
  const auto at = [&](std::int64_t y, std::int64_t x) { return map[static_cast<std::size_t>(y * w + x)]; };
  for (std::int64_t y = 0; y < H; ++y) {
    const Tap v = tapOf(y, h, H);
    for (std::int64_t x = 0; x < W; ++x) {
      const Tap u = tapOf(x, w, W);
      const double top = at(v.low, u.low) * (1 - u.share) + at(v.low, u.high) * u.share;
      const double bottom = at(v.high, u.low) * (1 - u.share) + at(v.high, u.high) * u.share;
      out[static_cast<std::size_t>(y * W + x)] = top * (1 - v.share) + bottom * v.share;
    }
  }
  return out;
}

Shape planeOf(const Session& session) {
  const Shape& image = session.imageShape();
  if (image.size() == 3) return {1, image[1], image[2]};
  throw Error(ErrorCode::NotSupportedByMethod, "input", toString(image), "a picture, C×H×W",
              "take a method that walks, such as gradient");
}

void maskInput(const Subject& subject, const Shape& image, const std::vector<double>& mask, float* to) {
  const std::size_t size = mask.size();
  for (std::int64_t c = 0; c < image[0]; ++c) {
    const std::size_t first = static_cast<std::size_t>(c) * size;
    for (std::size_t i = 0; i < size; ++i)
      to[first + i] = static_cast<float>(static_cast<double>(subject.input[first + i]) * mask[i]);
  }
}

Attribution activationMap(const Session& session, std::vector<double> sum) {
  for (double& v : sum) v = std::max(v, 0.0);
  return layerMap(session, std::move(sum));
}

Attribution layerMap(const Session& session, std::vector<double> sum) {
  const Shape &layer = session.layerShape(), plane = planeOf(session);
  return {plane, upsampled(sum, layer[1], layer[2], plane[1], plane[2]), {}};
}

namespace {

// How a channel's positions are weighted: the factor of A at each position.
using ChannelWeights = void (*)(const float* a, const float* g, std::int64_t size, double* weights);

void meanGradient(const float*, const float* g, std::int64_t size, double* weights) {
  std::fill_n(weights, size, std::accumulate(g, g + size, 0.0) / static_cast<double>(size));
}

void gradientPlusPlus(const float* a, const float* g, std::int64_t size, double* weights) {
  const double total = std::accumulate(a, a + size, 0.0);
  double sum = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    const double d = g[i], denominator = d * d * (2 + d * total);
    if (d > 0 && denominator != 0) sum += d * d / denominator * d;
  }
  std::fill_n(weights, size, sum);
}

void positiveGradient(const float*, const float* g, std::int64_t size, double* weights) {
  std::transform(g, g + size, weights, [](float v) { return std::max(v, 0.0f); });
}

void ownGradient(const float*, const float* g, std::int64_t size, double* weights) {
  std::copy_n(g, size, weights);
}

// A channel whose activations sum to 0 has no mean gradient by its activations.
void gradientByActivation(const float* a, const float* g, std::int64_t size, double* weights) {
  const double total = std::accumulate(a, a + size, 0.0);
  const double sum = std::inner_product(a, a + size, g, 0.0, std::plus<>(), [](float x, float y) {
    return static_cast<double>(x) * static_cast<double>(y);
  });
  std::fill_n(weights, size, total != 0 ? sum / total : 0.0);
}

class GradientCam : public DrawnWalk {
 public:
  explicit GradientCam(ChannelWeights weights) : weights_(weights) {}

 protected:
  Attribution draw(const Session& session, const Session::Row& row, std::int64_t target,
                   const Question&) const override {
    return map(session, row.activation().data(), row.layerRelevance(target).data());
  }

 private:
  Attribution map(const Session& session, const float* a, const float* g) const {
    const Shape& layer = session.layerShape();
    const std::int64_t size = layer[1] * layer[2];
    std::vector<double> sum(static_cast<std::size_t>(size)), weights(sum.size());
    for (std::int64_t k = 0; k < layer[0]; ++k) {
      weights_(a + k * size, g + k * size, size, weights.data());
      const float* channel = a + k * size;
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += weights[i] * static_cast<double>(channel[i]);
    }
    return activationMap(session, std::move(sum));
  }

  ChannelWeights weights_;
};

// Σ_k R_k of what arrives at the layer, of both signs or the positive part.
class ArrivedRelevance : public DrawnWalk {
 public:
  using Finish = Attribution (*)(const Session& session, std::vector<double> sum);
  explicit ArrivedRelevance(Finish finish) : finish_(finish) {}

 protected:
  Attribution draw(const Session& session, const Session::Row& row, std::int64_t target,
                   const Question&) const override {
    const Shape& layer = session.layerShape();
    const auto relevance = row.layerRelevance(target);
    std::vector<double> sum(static_cast<std::size_t>(layer[1] * layer[2]));
    for (std::size_t i = 0; i < relevance.size(); ++i) sum[i % sum.size()] += static_cast<double>(relevance[i]);
    return finish_(session, std::move(sum));
  }

 private:
  Finish finish_;
};

// The relevance of each pixel's channels, times Grad-CAM's value there.
class GuidedGradCam : public GradientCam {
 public:
  GuidedGradCam() : GradientCam(meanGradient) {}

 protected:
  Attribution draw(const Session& session, const Session::Row& row, std::int64_t target,
                   const Question& question) const override {
    const std::vector<double> plane = GradientCam::draw(session, row, target, question).map;
    const float* guided = row.relevance(target);
    Attribution product{session.imageShape(), {guided, guided + session.imageFloats()}, {}};
    for (std::size_t i = 0; i < product.map.size(); ++i) product.map[i] *= plane[i % plane.size()];
    return product;
  }
};

Method excitation(Parameters& p, const std::string& top, ArrivedRelevance::Finish finish) {
  Method m;
  m.table.append("top", top);
  for (const char* op : {"Conv", "Dense"}) m.table.append(op, "zplus:stabilizer=0,bias=drop");
  appendNodeRows(m, p, {"ratio", 0});
  m.seed = Seed::One;
  m.conserves = false;
  readLayer(m, p);
  m.procedure = std::make_shared<ArrivedRelevance>(finish);
  return m;
}

Method cam(Parameters& p, ChannelWeights weights) {
  Method m = gradientOfScore();
  readLayer(m, p);
  m.procedure = std::make_shared<GradientCam>(weights);
  return m;
}

}  // namespace

void readLayer(Method& m, Parameters& p) {
  const std::string layer = p.text("layer", "last", "a node's name, or last: the last feature map");
  m.readsLayer = true;
  m.layer = layer == "last" ? "" : layer;
}

Method forwardToLayer(Parameters& p, std::shared_ptr<const Procedure> procedure) {
  Method m;
  readLayer(m, p);
  m.seed = Seed::One;
  m.conserves = m.backward = false;
  m.procedure = std::move(procedure);
  return m;
}

Method gradCam(Parameters& p) {
  return cam(p, meanGradient);
}

// The layer's gradient is the true one, as Grad-CAM has it; only the walk to the pixels is guided.
Method guidedGradCam(Parameters& p) {
  Method m = derivatives("gradient", "guided");
  readLayer(m, p);
  m.toLayer = gradientOfScore().table;
  m.procedure = std::make_shared<GuidedGradCam>();
  return m;
}

Method gradCamPlusPlus(Parameters& p) {
  return cam(p, gradientPlusPlus);
}

Method layerCam(Parameters& p) {
  return cam(p, positiveGradient);
}

Method hiResCam(Parameters& p) {
  return cam(p, ownGradient);
}

Method xGradCam(Parameters& p) {
  return cam(p, gradientByActivation);
}

// P_i = Σ_j a_i w_ij⁺ / Σ_k a_k w_kj⁺ · P_j at layers with weights, without biases, and at average pools; a max pool
// hands all to its maximum, an addition shares by |h|, as its inputs of a ResNet are sums of both signs.
Method excitationBackprop(Parameters& p) {
  return excitation(p, "zplus:stabilizer=0,bias=drop", layerMap);
}

// The same from P_j of the class less that of its dual at the last layer; the map is the positive part.
Method contrastiveExcitationBackprop(Parameters& p) {
  return excitation(p, "contrast:stabilizer=0,bias=drop", activationMap);
}

}  // namespace relprop

// Full-gradient: the score of a network of ReLUs, max pools and layers with biases is
//   f(x) = Σ x ⊙ ∇f(x) + Σ_l Σ b_l ⊙ ∂f/∂z_l,  z_l = W x_l + b_l,
// and the map ψ(x ⊙ ∇f(x)) + Σ_l Σ_c ψ(b_l ⊙ ∂f/∂z_l)_c, ψ the magnitude, brought to [0, 1] layer by layer and drawn in
// the size of the input. Other activations η add η(z) − η′(z)·z as a layer does its bias (walk/constants.cpp).
// [FG] Srinivas & Fleuret, NeurIPS 2019, eq. 2, 5 and section 4.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "explain/procedures/cam.h"
#include "explain/procedures/procedures.h"

namespace relprop {
namespace {

class FullGrad : public DrawnWalk {
 public:
  explicit FullGrad(bool rescale) : rescale_(rescale) {}

 protected:
  Attribution draw(const Session& session, const Session::Row& row, std::int64_t target,
                   const Question& question) const override {
    const Shape plane = planeOf(session);
    Attribution all{plane, std::vector<double>(static_cast<std::size_t>(elementCount(plane))), {}};
    const float* input = row.relevance(target);
    double sum = add({session.imageShape(), {input, input + session.imageFloats()}}, plane, all.map);
    for (const PlacedValues& layer : row.constants(target)) sum += add(layer, plane, all.map);
    const double score = valueOf(question, session.scoreShape(), row.scores());
    all.facts = {{"f(x)", score}, {"completeness gap", sum - score}};
    return all;
  }

 private:
  // Draws a layer, if it lies in the picture; its sum counts anyway.
  double add(const PlacedValues& layer, const Shape& plane, std::vector<double>& map) const {
    const double sum = std::accumulate(layer.values.begin(), layer.values.end(), 0.0);
    if (layer.map.empty()) return sum;
    std::vector<double> all(layer.values.begin(), layer.values.end());
    for (double& v : all) v = std::abs(v);
    if (rescale_) all = fromZeroToOne(std::move(all));
    const std::int64_t h = layer.map[1], w = layer.map[2];
    std::vector<double> channels(static_cast<std::size_t>(h * w));  // drawing is linear: once for their sum
    for (std::size_t i = 0; i < all.size(); ++i) channels[i % channels.size()] += all[i];
    const std::vector<double> drawn = upsampled(channels, h, w, plane[1], plane[2]);
    std::transform(map.begin(), map.end(), drawn.begin(), map.begin(), std::plus<>());
    return sum;
  }

  bool rescale_;
};

}  // namespace

Method fullGrad(Parameters& p) {
  Method m = gradientOfScore();
  m.times = Multiply::Input;
  m.readsConstants = true;
  m.procedure = std::make_shared<FullGrad>(p.word("rescale", "on", {"on", "off"}) == "on");
  return m;
}

}  // namespace relprop

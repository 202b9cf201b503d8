// Ablation-CAM: ReLU(Σ_k w_k A_k) without gradients, w_k = (y − y_k)/|y|, y the score and y_k the score with channel k
// of the layer set to 0. Desai & Ramaswamy, WACV 2020, eq. 4 and 5, which divide by y: of classes whose score is above
// 0. Below 0 that would turn the weights' signs, and a channel that the score falls without speaks for the class all
// the same. |y| only scales the map; where it is 0 it is left out. A channel of zeros has y_k = y: no pass is run for
// it.
#include <algorithm>
#include <cmath>

#include "explain/procedures/cam.h"
#include "explain/procedures/procedures.h"

namespace relprop {
namespace {

// A layer's activation for one image, C×h×w, and the scores that the network makes of it.
struct Seen {
  std::vector<float> activation, scores;
  std::int64_t size = 0;               // of a channel
  std::vector<std::int64_t> channels;  // that are not 0 everywhere

  Seen(std::vector<float> values, const Shape& layer)
      : activation(std::move(values)), scores(), size(layer[1] * layer[2]) {
    for (std::int64_t k = 0; k < layer[0]; ++k)
      if (std::any_of(channel(k), channel(k) + size, [](float v) { return v != 0; })) channels.push_back(k);
  }
  const float* channel(std::int64_t k) const { return activation.data() + k * size; }
};

class AblationCam : public Procedure {
 public:
  std::vector<Attribution> explain(Session& session, const Subject& subject) const override {
    planeOf(session);
    const Seen seen = look(session, subject);
    const std::size_t questions = subject.questions.size();
    std::vector<std::vector<double>> sums(questions, std::vector<double>(static_cast<std::size_t>(seen.size)));
    const auto without = [&](std::int64_t k, float* to) {
      std::copy(seen.activation.begin(), seen.activation.end(), to);
      std::fill_n(to + seen.channels[static_cast<std::size_t>(k)] * seen.size, seen.size, 0.0f);
    };
    session.resume(static_cast<std::int64_t>(seen.channels.size()), without,
                   [&](std::int64_t k, const Session::Row& row) {
                     const float* a = seen.channel(seen.channels[static_cast<std::size_t>(k)]);
                     for (std::size_t q = 0; q < questions; ++q) {
                       const auto value = [&](const float* scores) {
                         return valueOf(subject.questions[q], session.scoreShape(), scores);
                       };
                       addScaled(a, fall(value(seen.scores.data()), value(row.resumedScores())), sums[q]);
                     }
                   });
    std::vector<Attribution> out;
    for (std::vector<double>& sum : sums) out.push_back(activationMap(session, std::move(sum)));
    return out;
  }

 private:
  static Seen look(Session& session, const Subject& subject) {
    Seen seen({}, {0, 0, 0});
    const auto plain = [&](std::int64_t, float* to) { std::copy_n(subject.input, session.imageFloats(), to); };
    session.forward(1, plain, [&](std::int64_t, const Session::Row& row) {
      seen = Seen(row.activation(), session.layerShape());
      seen.scores.assign(row.scores(), row.scores() + session.scoreShape().count());
    });
    return seen;
  }

  static double fall(double y, double without) { return (y - without) / (y != 0 ? std::abs(y) : 1); }
};

}  // namespace

Method ablationCam(Parameters& p) {
  Method m = forwardToLayer(p, std::make_shared<AblationCam>());
  m.resumesAtLayer = true;
  return m;
}

}  // namespace relprop

// Score-CAM: ReLU(Σ_k w_k A_k) without gradients. H_k = A_k upsampled to the input and scaled to [0, 1];
// w = softmax over k of f(x ⊙ H_k). Channels without contrast have no H_k and take no part. [SC] Wang et al., CVPR
// workshop 2020, section 3. (Subtracting the baseline's score, eq. 8, moves all f alike and drops out of the softmax.)
#include <algorithm>

#include "core/softmax.h"
#include "explain/procedures/cam.h"
#include "explain/procedures/procedures.h"

namespace relprop {
namespace {

using Channels = std::vector<std::vector<double>>;

// h×w values of each channel that is not constant.
Channels channelsOf(const float* activation, const Shape& layer) {
  const std::int64_t size = layer[1] * layer[2];
  Channels channels;
  for (std::int64_t k = 0; k < layer[0]; ++k) {
    const float* a = activation + k * size;
    const auto [low, high] = std::minmax_element(a, a + size);
    if (*low < *high) channels.emplace_back(a, a + size);
  }
  return channels;
}

std::vector<double> maskOf(const std::vector<double>& channel, const Shape& layer, const Shape& plane) {
  return fromZeroToOne(upsampled(channel, layer[1], layer[2], plane[1], plane[2]));
}

class ScoreCam : public Procedure {
 public:
  std::vector<Attribution> explain(Session& session, const Subject& subject) const override {
    Channels channels;
    const auto plain = [&](std::int64_t, float* to) { std::copy_n(subject.input, session.imageFloats(), to); };
    session.forward(1, plain, [&](std::int64_t, const Session::Row& row) {
      channels = channelsOf(row.activation().data(), session.layerShape());
    });
    std::vector<Attribution> out;
    for (const std::vector<double>& scores : maskedScores(session, subject, channels))
      out.push_back(map(session, channels, scores));
    return out;
  }

 private:
  // f(x ⊙ H_k) by question and channel; all questions are read off the same passes.
  static Channels maskedScores(Session& session, const Subject& subject, const Channels& channels) {
    const Shape &image = session.imageShape(), plane = planeOf(session);
    Channels scores(subject.questions.size(), std::vector<double>(channels.size()));
    const auto masked = [&](std::int64_t k, float* to) {
      maskInput(subject, image, maskOf(channels[static_cast<std::size_t>(k)], session.layerShape(), plane), to);
    };
    session.forward(static_cast<std::int64_t>(channels.size()), masked, [&](std::int64_t k, const Session::Row& row) {
      for (std::size_t q = 0; q < scores.size(); ++q)
        scores[q][static_cast<std::size_t>(k)] = valueOf(subject.questions[q], session.scoreShape(), row.scores());
    });
    return scores;
  }

  static Attribution map(const Session& session, const Channels& channels, const std::vector<double>& scores) {
    const Shape& layer = session.layerShape();
    std::vector<double> sum(static_cast<std::size_t>(layer[1] * layer[2]));
    const std::vector<double> weights = channels.empty() ? scores : softmax(scores);
    for (std::size_t k = 0; k < channels.size(); ++k)
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += weights[k] * channels[k][i];
    return activationMap(session, std::move(sum));
  }
};

}  // namespace

Method scoreCam(Parameters& p) {
  return forwardToLayer(p, std::make_shared<ScoreCam>());
}

}  // namespace relprop

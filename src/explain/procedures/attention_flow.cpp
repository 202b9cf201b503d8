// What reaches the tokens that a network reads from each patch, through its layers of attention A_1 … A_L (heads × T ×
// T):
//   rollout  R = Π_l ½(Ā_l + I), Ā the mean over heads.            Abnar & Zuidema, ACL 2020, section 3
//   gen-att  R = Π_l (I + Ā_l), Ā the mean over heads of (∇A ⊙ A)⁺.  Chefer et al., ICCV 2021, eq. 5 and 6
// The map is the row of the class token in R, at the tokens that have a place, upsampled bilinearly. Where the score
// reads several tokens (mean pooling), it is the mean of their rows; of gen-att without I, which only says of each
// token that it is read (a class token has no place, so nothing of I is in its map). A last layer that pools by
// attention, of fewer queries than tokens, has nothing to add to: R = Ā_L·…, as between two kinds of tokens (eq. 10 of
// Chefer et al.).
#include <algorithm>
#include <functional>

#include "explain/procedures/cam.h"
#include "explain/procedures/procedures.h"

namespace relprop {
namespace {

using Layer = AttentionValues::Layer;
using Doubles = std::vector<double>;

// A share for each query becomes one for each key: sᵀ·Ā.
Doubles throughWeights(const Layer& layer, const Doubles& shares) {
  const auto queries = static_cast<std::size_t>(layer.what.queries), keys = static_cast<std::size_t>(layer.what.keys);
  Doubles out(keys);
  for (std::size_t i = 0; i < layer.weights.size(); ++i) {
    const double a = layer.weights[i];
    const double part = layer.gradient.empty() ? a : std::max(0.0, a * static_cast<double>(layer.gradient[i]));
    out[i % keys] += shares[i / keys % queries] * part / static_cast<double>(layer.what.heads);
  }
  return out;
}

Doubles rolledOut(const Layer& layer, const Doubles& shares) {
  Doubles out = throughWeights(layer, shares);
  if (!layer.what.square()) return out;
  for (std::size_t k = 0; k < out.size(); ++k) out[k] = (out[k] + shares[k]) / 2;
  return out;
}

Doubles addedUp(const Layer& layer, const Doubles& shares) {
  Doubles out = throughWeights(layer, shares);
  for (std::size_t k = 0; layer.what.square() && k < out.size(); ++k) out[k] += shares[k];
  return out;
}

class AttentionFlow : public DrawnWalk {
 public:
  using Step = Doubles (*)(const Layer&, const Doubles& shares);
  AttentionFlow(Step step, bool withoutIdentity) : step_(step), withoutIdentity_(withoutIdentity) {}

 protected:
  Attribution draw(const Session& session, const Session::Row& row, std::int64_t target,
                   const Question&) const override {
    const AttentionValues all = row.attention(target);
    const auto read = static_cast<double>(std::count(all.read.begin(), all.read.end(), true));
    Doubles own;
    for (bool r : all.read) own.push_back(r ? 1 / read : 0);
    Doubles shares = own;
    for (std::size_t l = all.layers.size(); l-- > 0;) shares = step_(all.layers[l], shares);
    if (withoutIdentity_ && all.layers.back().what.square())
      std::transform(shares.begin(), shares.end(), own.begin(), shares.begin(), std::minus<>());
    const TokenPlaces& places = session.tokenPlaces();
    Doubles patches;
    for (std::int64_t token : places.tokens) patches.push_back(shares[static_cast<std::size_t>(token)]);
    const Shape plane = planeOf(session);
    return {plane, upsampled(patches, places.height, places.width, plane[1], plane[2]), {{"tokens read", read}}};
  }

 private:
  Step step_;
  bool withoutIdentity_;
};

Method ofAttention(ReadAttention what, AttentionFlow::Step step, bool withoutIdentity) {
  Method m = gradientOfScore();
  m.readsAttention = what;
  m.procedure = std::make_shared<AttentionFlow>(step, withoutIdentity);
  return m;
}

}  // namespace

Method rollout(Parameters&) {
  return ofAttention(ReadAttention::Weights, rolledOut, false);
}

Method genericAttention(Parameters&) {
  return ofAttention(ReadAttention::WithGradient, addedUp, true);
}

}  // namespace relprop

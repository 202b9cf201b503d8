// Expected gradients: E (x − x′) ⊙ ∇f(x′ + α(x − x′)) over pictures x′ of a data set and α evenly in (0, 1). Erion,
// Janizek, Sturmfels, Lundberg & Lee, Nature Machine Intelligence 2021, eq. 3. Sample k takes picture k modulo their
// number, so each counts alike; without pictures x′ is noise, every value drawn evenly from the range that a pixel has
// (the uniform baseline of Sturmfels, Lundberg & Lee, Distill 2020).
#include <cmath>
#include <cstdint>

#include "explain/procedures/path.h"
#include "explain/procedures/procedures.h"
#include "relprop/error.h"

namespace relprop {
namespace {

class ExpectedGradients : public Procedure {
 public:
  ExpectedGradients(int samples, unsigned seed) : samples_(samples), seed_(seed) {}

  std::vector<Attribution> explain(Session& session, const Subject& subject) const override {
    requireSource(session);
    std::vector<Attribution> out = meanOverWays(session, subject, samples_, [&](std::int64_t k) {
      RandomNumbers random(seed_, k);
      RandomWay w{{}, {}, random.uniform()};
      w.from = w.way = baseline(session, k, random);
      for (std::size_t i = 0; i < w.way.size(); ++i) w.way[i] = subject.input[i] - w.from[i];
      return w;
    });
    for (Attribution& a : out) a.facts = factsOf(session);
    return out;
  }

 private:
  static void requireSource(const Session& session) {
    const auto& bounds = session.bounds();
    if (!session.baselines().empty()) return;
    if (bounds && static_cast<std::int64_t>(bounds->low.size()) == imageChannels(session.imageShape())) return;
    throw Error(ErrorCode::NotSupportedByMethod, "baselines=uniform", "no pixel range",
                "the lowest and highest value of each channel",
                "give the preprocessing (--preprocess), or pictures with baselines=");
  }

  static Facts factsOf(const Session& session) {
    if (session.baselines().empty()) return {};
    return {{"baselines", static_cast<double>(session.baselines().size())}};
  }

  static std::vector<float> baseline(const Session& session, std::int64_t k, RandomNumbers& random) {
    const auto& pictures = session.baselines();
    if (!pictures.empty()) return pictures[static_cast<std::size_t>(k) % pictures.size()];
    const auto n = static_cast<std::size_t>(session.imageFloats()), plane = n / session.bounds()->low.size();
    std::vector<float> noise(n);
    for (std::size_t i = 0; i < n; ++i) {
      const double low = session.bounds()->low[i / plane], high = session.bounds()->high[i / plane];
      noise[i] = static_cast<float>(low + random.uniform() * (high - low));
    }
    return noise;
  }

  int samples_;
  unsigned seed_;
};

}  // namespace

Method expectedGradients(Parameters& p) {
  Method m = gradientOfScore();
  const std::string from =
      p.text("baselines", "uniform", "a folder of pictures, a .npy file, or uniform: random pixels");
  if (from.empty())
    throw Error(ErrorCode::InvalidMethodParameter, "method expected-gradients, baselines", "''",
                "a folder of pictures, a .npy file, or uniform");
  const int samples = p.whole("samples", 100, 1, 100000);
  const unsigned seed = rngOf(p);
  if (from != "uniform") m.baselines = {from, samples, seed};
  m.procedure = std::make_shared<ExpectedGradients>(samples, seed);
  return m;
}

}  // namespace relprop

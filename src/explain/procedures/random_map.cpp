// random: uniform numbers in (−1, 1), one a pixel: what a map has to beat. The numbers are those of the seed and of the
// picture's bytes, so that the maps of two pictures have nothing in common.
#include <cstddef>
#include <span>

#include "explain/procedures/cam.h"
#include "explain/procedures/procedures.h"

namespace relprop {
namespace {

// FNV-1a.
std::uint32_t digest(std::span<const std::byte> bytes) {
  std::uint32_t hash = 2166136261u;
  for (const std::byte b : bytes) hash = (hash ^ std::to_integer<std::uint32_t>(b)) * 16777619u;
  return hash;
}

class RandomMap : public Procedure {
 public:
  explicit RandomMap(unsigned seed) : seed_(seed) {}

  bool runsManyInputs() const override { return false; }

  std::vector<Attribution> explain(Session& session, const Subject& subject) const override {
    const std::span picture(subject.input, static_cast<std::size_t>(session.imageFloats()));
    RandomNumbers random(seed_, digest(std::as_bytes(picture)));
    Attribution a{planeOf(session), {}, {}};
    a.map.resize(static_cast<std::size_t>(elementCount(a.shape)));
    for (double& v : a.map) v = 2 * random.uniform() - 1;
    return std::vector<Attribution>(subject.questions.size(), a);
  }

 private:
  unsigned seed_;
};

}  // namespace

Method randomMap(Parameters& p) {
  Method m;
  m.seed = Seed::One;
  m.conserves = m.backward = false;
  m.procedure = std::make_shared<RandomMap>(rngOf(p));
  m.bag = BagWay();
  return m;
}

}  // namespace relprop

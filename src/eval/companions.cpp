#include "eval/companions.h"

#include <algorithm>
#include <numeric>

#include "eval/picture_failures.h"
#include "eval/random.h"

namespace relprop::eval {
namespace {

// Fisher and Yates: by a seed and the number of pictures alone.
std::vector<std::size_t> shuffled(std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(seed);
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

}  // namespace

Companions::Known Companions::ask(std::size_t picture, std::vector<float>& input) const {
  Known known;
  std::optional<Companion> companion;
  forOnePicture([&] { companion = subjects_.companion(picture); }, [](const std::string&) {});
  if (!companion) return known;
  input = std::move(companion->input);
  classifier_.forward(
      1, [&](std::int64_t, float* to) { std::copy(input.begin(), input.end(), to); },
      [&](std::int64_t, const float* scores) {
        const int highest = classifier_.highest(scores);
        known.probability = classifier_.answer(Target::of(highest), scores).probability;
        if (companion->trueClass.value_or(highest) == highest) known.predicted = highest;
      });
  return known;
}

// The input is read again only for a picture that serves.
Companions::Known Companions::knownOf(std::size_t picture, std::vector<float>& input) {
  const auto found = known_.find(picture);
  if (found != known_.end()) return found->second;
  return known_[picture] = ask(picture, input);
}

std::vector<std::vector<float>> Companions::of(const Subject& subject, std::size_t count, double confidence,
                                               std::uint64_t seed) {
  std::set<int> classes = {subject.facts.targetClass};
  std::vector<std::vector<float>> inputs;
  for (const std::size_t picture : shuffled(subjects_.pictures(), seed)) {
    if (inputs.size() == count) break;
    if (picture == subject.unit->picture) continue;
    std::vector<float> input;
    const Known known = knownOf(picture, input);
    if (known.predicted < 0 || !(known.probability >= confidence) || !classes.insert(known.predicted).second) continue;
    inputs.push_back(input.empty() ? std::move(subjects_.companion(picture).value().input) : std::move(input));
  }
  return inputs;
}

}  // namespace relprop::eval

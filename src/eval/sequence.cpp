#include "eval/sequence.h"

#include <algorithm>

namespace relprop::eval {
namespace {

void replacePixels(const Sequence& s, std::size_t from, std::size_t to, std::vector<float>& picture) {
  const std::size_t plane = s.order.size();
  for (std::size_t channel = 0; channel < picture.size(); channel += plane)
    for (std::size_t i = from; i < to; ++i) picture[channel + s.order[i]] = s.finish[channel + s.order[i]];
}

struct Place {
  std::size_t sequence, picture;
};

std::vector<Place> placesOf(const std::vector<Sequence>& sequences) {
  std::vector<Place> places;
  for (std::size_t s = 0; s < sequences.size(); ++s)
    for (std::size_t k = 0; k < sequences[s].ends.size(); ++k) places.push_back({s, k});
  return places;
}

}  // namespace

std::vector<std::size_t> evenEnds(std::size_t count, std::size_t step, std::size_t steps) {
  std::vector<std::size_t> ends = {0};
  while (ends.back() < count && ends.size() <= steps) ends.push_back(std::min(ends.back() + step, count));
  return ends;
}

// A picture is made from the one before it, so that it costs the pixels of one step and a copy.
std::vector<std::vector<Answer>> answersTo(const Case& c, const std::vector<Sequence>& sequences) {
  const std::vector<Place> places = placesOf(sequences);
  std::vector<float> picture;
  const auto fill = [&](std::int64_t k, float* input) {
    const Place at = places[static_cast<std::size_t>(k)];
    const Sequence& s = sequences[at.sequence];
    if (at.picture == 0) picture = s.start;
    replacePixels(s, at.picture == 0 ? 0 : s.ends[at.picture - 1], s.ends[at.picture], picture);
    std::copy(picture.begin(), picture.end(), input);
  };
  std::vector<std::vector<Answer>> answers(sequences.size());
  c.forward(static_cast<std::int64_t>(places.size()), fill, [&](std::int64_t k, const float* scores) {
    answers[places[static_cast<std::size_t>(k)].sequence].push_back(c.answer(scores));
  });
  return answers;
}

std::array<Answer, 2> answersBesides(const Case& c, const std::vector<float>& other) {
  std::array<Answer, 2> answers;
  const auto fill = [&](std::int64_t k, float* input) {
    std::copy_n(k == 0 ? c.input : other.data(), other.size(), input);
  };
  c.forward(2, fill,
            [&](std::int64_t k, const float* scores) { answers[static_cast<std::size_t>(k)] = c.answer(scores); });
  return answers;
}

}  // namespace relprop::eval

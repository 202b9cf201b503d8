// What the target's probability does when the pixels of highest relevance are put into an empty picture (insertion) or
// taken out of the whole one (deletion).                                    [RISE] Petsiuk, Das, Saenko 2018, section 4
//   score = (p_0/2 + p_1 + … + p_{n-1} + p_n/2) / n,   id = insertion − deletion
// Profile lrp-resnet is Otsuki et al. 2024 as their evaluation code has it: the k-th picture (k = 0, 1, …) has replaced
// every pixel whose relevance reaches that of rank min(step·(k + 1), last). Pixels of that value enter together.
#include <fmt/format.h>

#include <algorithm>

#include "eval/metric_list.h"
#include "eval/ranking.h"
#include "eval/sequence.h"
#include "eval/statistics.h"
#include "eval/substitutes.h"
#include "relprop/error.h"

namespace relprop::eval {
namespace {

enum class Part { Insertion, Deletion };

struct Profile {
  bool threshold = false;  // lrp-resnet
  std::size_t step = 0;    // pixels; 0: the picture's width
  bool blur = false;       // what insertion starts from
};

const char* nameOf(Part part) {
  return part == Part::Insertion ? "insertion" : "deletion";
}

ScoreInfo infoOf(Part part) {
  if (part == Part::Insertion)
    return {"insertion", "mean probability of the target while pixels are put in", Better::Higher};
  return {"deletion", "mean probability of the target while pixels are taken out", Better::Lower};
}

// Pixels replaced in each picture.
std::vector<std::size_t> thresholdEnds(const std::vector<float>& map, const std::vector<std::uint32_t>& order,
                                       std::size_t step) {
  std::vector<std::size_t> ends;
  for (std::size_t rank = step; rank < order.size() + step; rank += step) {
    const float threshold = map[order[std::min(rank, order.size() - 1)]];
    const auto end =
        std::partition_point(order.begin(), order.end(), [&](std::uint32_t pixel) { return map[pixel] >= threshold; });
    ends.push_back(static_cast<std::size_t>(end - order.begin()));
  }
  return ends;
}

// As shares of all pixels, without regard to equal values: the same for every picture of a size.
std::vector<double> abscissae(const Profile& profile, std::size_t step, std::size_t pictures, std::size_t pixels) {
  std::vector<double> x;
  for (std::size_t k = 0; k < pictures; ++k) {
    const std::size_t replaced = std::min(pixels, step * (profile.threshold ? k + 1 : k));
    x.push_back(static_cast<double>(replaced) / static_cast<double>(pixels));
  }
  return x;
}

Sequence sequenceOf(const Case& c, const Profile& profile, Part part, std::vector<std::uint32_t> order,
                    std::vector<std::size_t> ends) {
  std::vector<float> black = profile.threshold ? blackPicture(c) : zeroPicture(c);
  if (part == Part::Deletion) return {originalPicture(c), std::move(black), std::move(order), std::move(ends)};
  return {profile.blur ? blurredPicture(c) : std::move(black), originalPicture(c), std::move(order), std::move(ends)};
}

Measured measure(const Case& c, const Profile& profile, const std::vector<Part>& parts) {
  const std::size_t pixels = c.map.count();
  const std::size_t step = profile.step > 0 ? profile.step : static_cast<std::size_t>(c.map.width);
  const std::vector<std::uint32_t> order = decreasingOrder(c.map.values);
  const std::vector<std::size_t> ends =
      profile.threshold ? thresholdEnds(c.map.values, order, step) : evenEnds(pixels, step, pixels);
  if (ends.size() < 2)
    return Measured::skip(fmt::format("a curve needs two steps; {} pixels are one step of {}", pixels, step));
  std::vector<Sequence> sequences;
  sequences.reserve(parts.size());
  for (const Part part : parts) sequences.push_back(sequenceOf(c, profile, part, order, ends));
  Measured m;
  for (const std::vector<Answer>& answers : answersTo(c, sequences)) {
    const char* name = nameOf(parts[m.curves.size()]);
    Curve curve{name, "share of pixels", abscissae(profile, step, ends.size(), pixels), {}};
    for (const Answer& answer : answers) curve.y.push_back(answer.probability);
    m.scores.push_back({name, meanHeight(curve.y)});
    m.curves.push_back(std::move(curve));
  }
  return m;
}

std::size_t stepOf(Parameters& p, const std::string& metric, bool threshold) {
  const std::string text = p.text("step", threshold ? "500" : "width", "pixels, or width");
  if (text == "width") return 0;
  const bool digits = !text.empty() && text.size() < 8 && text.find_first_not_of("0123456789") == std::string::npos;
  const int value = digits ? std::stoi(text) : 0;
  if (value == 0)
    throw Error(ErrorCode::InvalidMetricParameter, "metric " + metric + ", step", "'" + text + "'",
                "a whole number from 1, or width");
  p.spell("step", value);
  return static_cast<std::size_t>(value);
}

Profile profileOf(Parameters& p, const std::string& metric, bool inserts) {
  Profile profile;
  profile.threshold = p.word("profile", "rise", {"rise", "lrp-resnet"}) == "lrp-resnet";
  profile.step = stepOf(p, metric, profile.threshold);
  if (inserts) profile.blur = p.word("start", profile.threshold ? "black" : "blur", {"blur", "black"}) == "blur";
  return profile;
}

Protocol onePart(Parameters& p, Part part) {
  const Profile profile = profileOf(p, nameOf(part), part == Part::Insertion);
  Protocol protocol;
  protocol.scores = {infoOf(part)};
  protocol.probability = true;
  protocol.measure = [=](const Case& c) { return measure(c, profile, {part}); };
  return protocol;
}

}  // namespace

Protocol insertion(Parameters& p) {
  return onePart(p, Part::Insertion);
}

Protocol deletion(Parameters& p) {
  return onePart(p, Part::Deletion);
}

Protocol idScore(Parameters& p) {
  const Profile profile = profileOf(p, "id-score", true);
  Protocol protocol;
  protocol.scores = {{"id", "insertion − deletion", Better::Higher}, infoOf(Part::Insertion), infoOf(Part::Deletion)};
  protocol.probability = true;
  protocol.measure = [profile](const Case& c) {
    Measured m = measure(c, profile, {Part::Insertion, Part::Deletion});
    if (m.skipped.empty()) m.scores.insert(m.scores.begin(), {"id", m.scores[0].value - m.scores[1].value});
    return m;
  };
  return protocol;
}

}  // namespace relprop::eval

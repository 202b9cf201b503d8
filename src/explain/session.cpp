#include "explain/session.h"

#include <algorithm>
#include <numeric>

#include "relprop/error.h"

namespace relprop {
namespace {

std::vector<float> perChannel(const std::vector<float>& values, const Shape& image) {
  const std::int64_t size = elementCount(image) / image.at(0);
  std::vector<float> out;
  for (float v : values) out.insert(out.end(), static_cast<std::size_t>(size), v);
  return out;
}

std::vector<float> channelMeans(const float* input, const Shape& image) {
  const std::int64_t size = elementCount(image) / image.at(0);
  std::vector<float> means;
  for (std::int64_t c = 0; c < image[0]; ++c)
    means.push_back(
        static_cast<float>(std::accumulate(input + c * size, input + (c + 1) * size, 0.0) / static_cast<double>(size)));
  return means;
}

}  // namespace

std::vector<float> baselinePicture(const Baseline& baseline, const BaselineFacts& facts, const Shape& image,
                                   const float* input) {
  switch (baseline.kind) {
    case Baseline::Kind::Black:
      if (!facts.bounds || static_cast<std::int64_t>(facts.bounds->low.size()) != image.at(0))
        throw Error(ErrorCode::NotSupportedByMethod, "baseline=black", "no pixel range",
                    "the lowest value of each channel", "give the preprocessing (--preprocess), or another baseline");
      return perChannel(facts.bounds->low, image);
    case Baseline::Kind::Mean:
      return perChannel(channelMeans(input, image), image);
    case Baseline::Kind::File:
      return facts.picture;
    case Baseline::Kind::Zero:
      break;
  }
  return std::vector<float>(static_cast<std::size_t>(elementCount(image)));
}

const float* Session::Row::scores() const {
  return compiled.scores() + row * compiled.scoreShape().count();
}
const float* Session::Row::relevance(std::int64_t target) const {
  return compiled.relevance() + (row * compiled.targets() + target) * compiled.inputFloats();
}
std::vector<float> Session::Row::activation() const {
  return compiled.asFeatureMap(compiled.activation() + row * compiled.layerFloats());
}
std::vector<float> Session::Row::layerRelevance(std::int64_t target) const {
  return compiled.asFeatureMap(compiled.recorded(0) + (row * compiled.targets() + target) * compiled.layerFloats());
}

std::vector<float> Session::baseline(const float* input) const {
  return baselinePicture(compiled_.method().baseline, facts_, imageShape(), input);
}

void Session::load(std::int64_t first, std::int64_t used, const Fill& fill) {
  const std::int64_t n = imageFloats();
  for (std::int64_t r = 0; r < compiled_.rows(); ++r) {
    float* to = compiled_.input() + r * n;
    if (r < used)
      fill(first + r, to);
    else
      std::copy_n(compiled_.input() + (used - 1) * n, n, to);
    loadBaseline(r);
  }
}

// Where the walk also sees the network at the baseline.
void Session::loadBaseline(std::int64_t row) {
  if (!compiled_.method().comparesWithBaseline) return;
  const std::vector<float> base = baseline(compiled_.input() + row * imageFloats());
  std::copy(base.begin(), base.end(), compiled_.baselineInput() + row * imageFloats());
}

void Session::seed(std::int64_t first, std::int64_t used, const Ask& ask) {
  const std::int64_t count = scoreShape().count();
  std::vector<Question> questions;
  for (std::int64_t r = 0; r < compiled_.rows(); ++r) {
    const float* scores = compiled_.scores() + r * count;
    if (r < used) questions = ask(first + r, scores);
    for (std::int64_t t = 0; t < targets(); ++t)
      writeSeed(questions[static_cast<std::size_t>(t)], compiled_.method().seed, scoreShape(), scores,
                compiled_.seed() + (r * targets() + t) * count);
  }
}

void Session::batches(std::int64_t count, const Ask& ask, const Fill& fill, const Read& read) {
  for (std::int64_t first = 0; first < count; first += compiled_.rows()) {
    const std::int64_t used = std::min(compiled_.rows(), count - first);
    load(first, used, fill);
    hooks_.run(Phase::Forward);
    if (ask) {
      seed(first, used, ask);
      hooks_.run(Phase::Backward);
    }
    for (std::int64_t r = 0; r < used; ++r) read(first + r, Row{compiled_, r});
    hooks_.progress(first + used, count);
  }
}

void Session::forward(std::int64_t count, const Fill& fill, const Read& read) {
  batches(count, {}, fill, read);
}

void Session::walk(std::int64_t count, const Ask& ask, const Fill& fill, const Read& read) {
  batches(count, ask, fill, read);
}

void Session::walk(std::int64_t count, const std::vector<Question>& questions, const Fill& fill, const Read& read) {
  batches(
      count, [&](std::int64_t, const float*) { return questions; }, fill, read);
}

}  // namespace relprop

#include "explain/session.h"

#include <algorithm>
#include <numeric>

#include "relprop/error.h"

namespace relprop {
namespace {

std::vector<float> perChannel(const std::vector<float>& values, const Shape& image) {
  const std::int64_t size = elementCount(image) / imageChannels(image);
  std::vector<float> out;
  for (float v : values) out.insert(out.end(), static_cast<std::size_t>(size), v);
  return out;
}

std::vector<float> channelMeans(const float* input, const Shape& image) {
  const std::int64_t channels = imageChannels(image), size = elementCount(image) / channels;
  std::vector<float> means;
  for (std::int64_t c = 0; c < channels; ++c)
    means.push_back(
        static_cast<float>(std::accumulate(input + c * size, input + (c + 1) * size, 0.0) / static_cast<double>(size)));
  return means;
}

}  // namespace

std::int64_t imageChannels(const Shape& image) {
  return image.empty() ? 1 : image[0];
}

std::vector<float> baselinePicture(const Baseline& baseline, const BaselineFacts& facts, const Shape& image,
                                   const float* input) {
  switch (baseline.kind) {
    case Baseline::Kind::Black:
      if (!facts.bounds || static_cast<std::int64_t>(facts.bounds->low.size()) != imageChannels(image))
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

const TokenPlaces& Runnable::tokenPlaces() const {
  static const TokenPlaces none;
  return none;
}

const float* Session::Row::scores() const {
  return runnable.scores() + row * runnable.scoreShape().count();
}
const float* Session::Row::relevance(std::int64_t target) const {
  return runnable.relevance() + (row * runnable.targets() + target) * runnable.inputFloats();
}
std::vector<float> Session::Row::activation() const {
  return runnable.activation(row);
}
std::vector<float> Session::Row::layerRelevance(std::int64_t target) const {
  return runnable.layerRelevance(row * runnable.targets() + target);
}
AttentionValues Session::Row::attention(std::int64_t target) const {
  return runnable.attention(row, target);
}
std::vector<PlacedValues> Session::Row::constants(std::int64_t target) const {
  return runnable.constants(row * runnable.targets() + target);
}

const float* Session::Row::resumedScores() const {
  return runnable.resumedScores() + row * runnable.scoreShape().count();
}

std::vector<float> Session::baseline(const float* input) const {
  return baselinePicture(runnable_.method().baseline, facts_, imageShape(), input);
}

void Session::load(std::int64_t first, std::int64_t used, const Fill& fill) {
  const std::int64_t n = imageFloats();
  for (std::int64_t r = 0; r < runnable_.rows(); ++r) {
    float* to = runnable_.input() + r * n;
    if (r < used)
      fill(first + r, to);
    else
      std::copy_n(runnable_.input() + (used - 1) * n, n, to);
    loadBaseline(r);
  }
}

// Where the walk also sees the network at the baseline.
void Session::loadBaseline(std::int64_t row) {
  if (!runnable_.method().comparesWithBaseline) return;
  const std::vector<float> base = baseline(runnable_.input() + row * imageFloats());
  std::copy(base.begin(), base.end(), runnable_.baselineInput() + row * imageFloats());
}

void Session::seed(std::int64_t first, std::int64_t used, const Ask& ask) {
  const std::int64_t count = scoreShape().count();
  std::vector<Question> questions;
  for (std::int64_t r = 0; r < runnable_.rows(); ++r) {
    const float* scores = runnable_.scores() + r * count;
    if (r < used) questions = ask(first + r, scores);
    for (std::int64_t t = 0; t < targets(); ++t)
      writeSeed(questions[static_cast<std::size_t>(t)], runnable_.method().seed, scoreShape(), scores,
                runnable_.seed() + (r * targets() + t) * count);
  }
}

void Session::batches(std::int64_t count, const Ask& ask, const Fill& fill, const Read& read) {
  for (std::int64_t first = 0; first < count; first += runnable_.rows()) {
    const std::int64_t used = std::min(runnable_.rows(), count - first);
    load(first, used, fill);
    hooks_.run(Phase::Forward);
    if (ask) {
      seed(first, used, ask);
      hooks_.run(Phase::Backward);
    }
    for (std::int64_t r = 0; r < used; ++r) read(first + r, Row{runnable_, r});
    hooks_.progress(first + used, count);
  }
}

void Session::resume(std::int64_t count, const Fill& fill, const Read& read) {
  std::vector<float> activation(static_cast<std::size_t>(elementCount(layerShape())));
  for (std::int64_t first = 0; first < count; first += runnable_.rows()) {
    const std::int64_t used = std::min(runnable_.rows(), count - first);
    for (std::int64_t r = 0; r < runnable_.rows(); ++r) {
      if (r < used) fill(first + r, activation.data());
      runnable_.putIn(r, activation.data());
    }
    hooks_.run(Phase::Backward);
    for (std::int64_t r = 0; r < used; ++r) read(first + r, Row{runnable_, r});
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

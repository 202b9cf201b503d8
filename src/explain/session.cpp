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
    default:
      return std::vector<float>(static_cast<std::size_t>(elementCount(image)));
  }
}

const float* Session::Row::scores() const {
  return compiled.scores() + row * compiled.scoreShape().count();
}
const float* Session::Row::relevance(std::int64_t target) const {
  return compiled.relevance() + (row * compiled.targets() + target) * compiled.inputFloats();
}
const float* Session::Row::activation() const {
  return compiled.activation() + row * elementCount(compiled.layerShape());
}
const float* Session::Row::layerRelevance(std::int64_t target) const {
  return compiled.recorded(0) + (row * compiled.targets() + target) * elementCount(compiled.layerShape());
}

std::vector<float> Session::baseline(const float* input) const {
  return baselinePicture(compiled_.method().baseline, facts_, imageShape(), input);
}

void Session::load(std::int64_t row, const std::function<void(float*)>& fill) {
  float* input = compiled_.input() + row * imageFloats();
  fill(input);
  if (!compiled_.method().comparesWithBaseline) return;
  const std::vector<float> base = baseline(input);
  std::copy(base.begin(), base.end(), compiled_.baselineInput() + row * imageFloats());
}

// Rows beyond the last input repeat it; nobody reads them.
void Session::batches(std::int64_t count, const std::vector<Question>* questions, const Fill& fill, const Read& read) {
  const std::int64_t rows = compiled_.rows(), scores = scoreShape().count();
  for (std::int64_t first = 0; first < count; first += rows) {
    const std::int64_t used = std::min(rows, count - first);
    for (std::int64_t r = 0; r < rows; ++r)
      load(r, [&](float* to) {
        if (r < used) return fill(first + r, to);
        std::copy_n(compiled_.input() + (used - 1) * imageFloats(), imageFloats(), to);
      });
    hooks_.run(Phase::Forward);
    for (std::int64_t r = 0; questions && r < rows; ++r)
      for (std::int64_t t = 0; t < targets(); ++t)
        writeSeed((*questions)[static_cast<std::size_t>(t)], compiled_.method().seed, scoreShape(),
                  compiled_.scores() + r * scores, compiled_.seed() + (r * targets() + t) * scores);
    if (questions) hooks_.run(Phase::Backward);
    for (std::int64_t r = 0; r < used; ++r) read(first + r, Row{compiled_, r});
    hooks_.progress(first + used, count);
  }
}

void Session::forward(std::int64_t count, const Fill& fill, const Read& read) {
  batches(count, nullptr, fill, read);
}

void Session::walk(std::int64_t count, const std::vector<Question>& questions, const Fill& fill, const Read& read) {
  batches(count, &questions, fill, read);
}

}  // namespace relprop

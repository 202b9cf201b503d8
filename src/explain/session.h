// What procedures run on: a runnable whose rows are filled with one input after another.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "explain/runnable.h"
#include "explain/walk/input_parts.h"

namespace relprop {

// What a baseline is made from.
struct BaselineFacts {
  std::optional<InputBounds> bounds;              // of a pixel, normalised
  std::vector<float> picture;                     // of Baseline::Kind::File, C×H×W
  std::vector<std::vector<float>> pictures = {};  // of Method::baselines
};

// Of an image without axes, one number a row, there is one.
std::int64_t imageChannels(const Shape& image);

// Throws NotSupportedByMethod when black pixels are asked for and nobody knows what they are.
std::vector<float> baselinePicture(const Baseline& baseline, const BaselineFacts& facts, const Shape& image,
                                   const float* input);

class Session {
 public:
  struct Hooks {
    std::function<void(Phase)> run;                                       // it, timed and with errors translated
    std::function<void(std::int64_t done, std::int64_t total)> progress;  // after each batch; throws to stop
    std::function<std::vector<float>(const std::vector<float>& input)> probe;
  };
  // One row of the last batch. Pointers hold until the next batch.
  struct Row {
    Runnable& runnable;
    std::int64_t row;
    const float* scores() const;
    const float* relevance(std::int64_t target) const;  // C×H×W
    std::vector<float> activation() const;              // of the method's layer, C×h×w
    std::vector<float> layerRelevance(std::int64_t target) const;
    const float* resumedScores() const;
    std::vector<PlacedValues> constants(std::int64_t target) const;
    AttentionValues attention(std::int64_t target) const;
  };
  using Fill = std::function<void(std::int64_t k, float* input)>;
  using Read = std::function<void(std::int64_t k, const Row& row)>;
  // What is asked of input k, once its scores are known; one question a target.
  using Ask = std::function<std::vector<Question>(std::int64_t k, const float* scores)>;

  Session(Runnable& runnable, BaselineFacts facts, Hooks hooks)
      : runnable_(runnable), facts_(std::move(facts)), hooks_(std::move(hooks)) {}

  const Shape& imageShape() const { return runnable_.imageShape(); }
  std::int64_t imageFloats() const { return runnable_.inputFloats(); }
  const Shape& layerShape() const { return runnable_.layerShape(); }  // C×h×w
  const ScoreShape& scoreShape() const { return runnable_.scoreShape(); }
  std::int64_t targets() const { return runnable_.targets(); }
  const TokenPlaces& tokenPlaces() const { return runnable_.tokenPlaces(); }
  std::int64_t stride() const { return runnable_.stride(); }

  // Forward passes over `count` inputs, a batch at a time.
  void forward(std::int64_t count, const Fill& fill, const Read& read);
  // Forward and backward, from the seeds of the questions.
  void walk(std::int64_t count, const Ask& ask, const Fill& fill, const Read& read);
  void walk(std::int64_t count, const std::vector<Question>& questions, const Fill& fill, const Read& read);

  // From the method's layer on, behind a forward pass over one input: `count` activations, C×h×w.
  void resume(std::int64_t count, const Fill& fill, const Read& read);

  std::vector<float> baseline(const float* input) const;
  // Of Method::baselines, C×H×W; one at least where there is a path.
  const std::vector<std::vector<float>>& baselines() const { return facts_.pictures; }
  // Of a pixel, normalised, where it is known.
  const std::optional<InputBounds>& bounds() const { return facts_.bounds; }
  // Scores of one input, by a plan of few rows.
  std::vector<float> probe(const std::vector<float>& input) const { return hooks_.probe(input); }

 private:
  void batches(std::int64_t count, const Ask& ask, const Fill& fill, const Read& read);
  // Inputs `first` and so on go to the rows of the plan; rows beyond `used` repeat the last and nobody reads them.
  void load(std::int64_t first, std::int64_t used, const Fill& fill);
  void loadBaseline(std::int64_t row);
  void seed(std::int64_t first, std::int64_t used, const Ask& ask);

  Runnable& runnable_;
  BaselineFacts facts_;
  Hooks hooks_;
};

}  // namespace relprop

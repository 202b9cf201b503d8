// The network as a classifier: forward passes over many inputs, a batch at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "relprop/explain.h"

namespace relprop {

class Classifier {
 public:
  // inputShape is in the model's layout (see Model::layout); pictures are C×H×W all the same.
  // Throws what Explainer's constructor throws.
  Classifier(const Model& model, const Shape& inputShape, std::optional<Layout> layout, int batch, int threads,
             Precision precision = Precision::Float32, std::shared_ptr<const Tuning> tuning = {});
  ~Classifier();

  const Shape& imageShape() const;  // C×H×W
  int classes() const;
  bool hasProbabilities() const;                   // false of a regression
  const std::vector<std::string>& layers() const;  // with weights, from the output down
  std::int64_t bytes() const;

  // What scores as `forward` hands them out say of a class, or of what is not it (Target::notOf).
  struct Answer {
    double logit = 0, probability = 0;
    // It has the highest score, the first one of several that are equal counting; with one output, at least half of the
    // probability.
    bool chosen = false;
  };
  // Where the score of any class is NaN, none is chosen, and both numbers are NaN.
  Answer answer(const Target& target, const float* scores) const;
  int highest(const float* scores) const;  // the class with the highest score, the first one of several

  // Writes `count` inputs through `fill` and hands their scores to `read`, in order. `again` is asked before every
  // batch and stops with Cancelled when it returns false.
  void forward(std::int64_t count, const std::function<void(std::int64_t, float*)>& fill,
               const std::function<void(std::int64_t, const float*)>& read, const std::function<bool()>& again = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace relprop

// One call of explain(): its images and targets as a procedure asks for them, and the explanations that come back.
#pragma once

#include <vector>

#include "explain/procedure.h"
#include "explainer/prediction.h"
#include "explainer/system.h"

namespace relprop {

class Answers : public Request {
 public:
  // targets: as many as the system has, for every image, or so many for each, image by image.
  Answers(System& system, const ExplainOptions& options, const TensorView& input, const std::vector<Target>& targets)
      : system_(system), runnable_(system.runnable()), options_(options), input_(input), targets_(targets) {}

  std::int64_t images() const override { return input_.shape[0]; }
  const float* image(std::int64_t k) const override { return input_.data + k * runnable_.inputFloats(); }
  std::vector<Question> ask(std::int64_t k, const float* scores) override;
  void walked(std::int64_t k, const Session::Row& row) override;
  void drawn(std::int64_t k, std::vector<Attribution> maps) override;

  std::vector<Explanation> take() { return std::move(all_); }  // image by image, one a target

 private:
  const Target& target(std::int64_t image, std::int64_t t) const;
  Explanation predicted(const float* scores, const Target& target, Question& q) const;
  void requireSum(const SeedSums& seed) const;
  Explanation& answer(std::int64_t image, std::int64_t t) { return all_[index(image, t)]; }
  std::size_t index(std::int64_t image, std::int64_t t) const {
    return static_cast<std::size_t>(image * runnable_.targets() + t);
  }
  const char* overflowHint() const;
  void finish(Explanation& e, Shape shape, std::vector<float> map, const std::string& whyZero = {}) const;

  System& system_;
  Runnable& runnable_;
  const ExplainOptions& options_;
  const TensorView& input_;
  const std::vector<Target>& targets_;
  std::vector<Explanation> all_;
  std::vector<double> magnitudes_;  // Σ|seed| of each
};

}  // namespace relprop

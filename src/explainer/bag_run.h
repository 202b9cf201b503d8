// A bag of visual words under a session: pictures in, scores out, seeds in, relevance out (bow/bag.h does the work).
#pragma once

#include <memory>
#include <vector>

#include "bow/bag.h"
#include "explain/procedure.h"
#include "explain/runnable.h"
#include "relprop/explain.h"

namespace relprop {

// What is left of the seed behind each layer of one way back.
struct BagSums {
  double seed = 0;
  double noScore = 0;  // seeds at scores that are 0, of which no share is defined
  double taylor = 0;   // what the expansion at the root point leaves out
  double words = 0, features = 0, pixels = 0;
  double uncovered = 0;  // share of the picture that lies in no feature
  bool rooted = true;    // a root point of the other sign was found
};

class BagRun final : public Runnable {
 public:
  BagRun(std::shared_ptr<const bow::Bag> bag, Method method, const Shape& imageShape, std::int64_t rows,
         std::int64_t targets, int threads);

  const bow::Bag& bag() const { return *bag_; }
  const BagSums& sums(std::int64_t row) const { return sums_[static_cast<std::size_t>(row)]; }
  std::int64_t bytes() const;  // of rows

  const Method& method() const override { return method_; }
  std::int64_t rows() const override { return rows_; }
  std::int64_t targets() const override { return targets_; }
  const ScoreShape& scoreShape() const override { return scoreShape_; }
  const Shape& imageShape() const override { return imageShape_; }
  void run(Phase phase, const Again& again) override;
  float* input() override { return input_.data(); }
  const float* scores() override { return scores_.data(); }
  float* seed() override { return seed_.data(); }
  const float* relevance() override { return relevance_.data(); }
  float* baselineInput() override { return nullptr; }
  bool scalesToSum() const override { return false; }
  const Shape& layerShape() const override { return noLayer_; }
  std::vector<float> activation(std::int64_t) override { return {}; }
  void putIn(std::int64_t, const float*) override {}
  const float* resumedScores() override { return nullptr; }
  std::vector<float> layerRelevance(std::int64_t) override { return {}; }
  const std::vector<std::string>& recordedNodes() const override { return noNodes_; }
  const float* recorded(std::size_t) override { return nullptr; }
  const Shape& recordedShape(std::size_t) const override { return noLayer_; }

 private:
  void look(const Again& again);
  void walk(std::int64_t row, const float* seed, float* relevance, BagSums& sums, const Again& again) const;
  std::vector<double> ofWords(const bow::Seen& seen, const float* seed, BagSums& sums, const Again& again) const;

  std::shared_ptr<const bow::Bag> bag_;
  Method method_;
  bow::Root root_;
  Shape imageShape_, noLayer_;
  std::int64_t rows_, targets_;
  int threads_;
  ScoreShape scoreShape_;
  std::vector<std::string> noNodes_;
  std::vector<float> input_, scores_, seed_, relevance_;
  std::vector<bow::Seen> seen_;  // row by row
  std::vector<BagSums> sums_;    // of rows·targets
};

// For a picture of options.inputShape, or of the size that the bag's preprocessing gives. Throws NotSupportedByMethod
// for a method that does not apply to bags of words, InvalidArgument for options that are about networks,
// ShapeMismatch.
std::unique_ptr<BagRun> makeBagRun(const Model& model, const ExplainOptions& options, Method method);

}  // namespace relprop

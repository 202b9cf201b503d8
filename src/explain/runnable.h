// What a session runs: rows that go in, scores that come out, seeds put in at the scores, relevance that comes back. A
// network's plan is one (compiled.h), a bag of visual words another.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/plan.h"
#include "explain/attention_layers.h"
#include "explain/method.h"
#include "explain/question.h"

namespace relprop {

// Values at a node, of one row. map: C×h×w where they lie in the picture, else empty.
struct PlacedValues {
  Shape map;
  std::vector<float> values;
};

// What tokens attend to, of one row. read: by query of the last layer, whether the score depends on it.
struct AttentionValues {
  struct Layer {
    AttentionLayer what;
    std::vector<float> weights;   // heads × queries × keys
    std::vector<float> gradient;  // the same; empty where it is not asked for
  };
  std::vector<Layer> layers;
  std::vector<bool> read;
};

class Runnable {
 public:
  virtual ~Runnable() = default;

  virtual const Method& method() const = 0;
  virtual std::int64_t rows() const = 0;     // images at once
  virtual std::int64_t targets() const = 0;  // of each image
  virtual const ScoreShape& scoreShape() const = 0;
  virtual const Shape& imageShape() const = 0;  // C×H×W
  std::int64_t inputFloats() const { return elementCount(imageShape()); }
  // Forward fills scores, Backward takes the seed to relevance (and recorded layers).
  virtual void run(Phase phase, const Again& again = {}) = 0;
  // What the last forward pass would have taken longer alone: others had left a part of it.
  virtual double sparedSeconds() const { return 0; }

  virtual float* input() = 0;            // rows × C×H×W
  virtual const float* scores() = 0;     // rows × scoreShape().count()
  virtual float* seed() = 0;             // rows·targets × scores
  virtual const float* relevance() = 0;  // rows·targets × C×H×W
  virtual float* baselineInput() = 0;    // of methods that compare with a baseline; null of others
  // Does a rule hand on the sum of what arrives, whatever its parts are (RAP)? Then a seed needs a sum.
  virtual bool scalesToSum() const = 0;

  // Pixels from one position of the last feature map to the next; 1 where there is none.
  virtual std::int64_t stride() { return 1; }
  // Of method().layer, C×h×w; empty where there are no layers.
  virtual const Shape& layerShape() const = 0;
  virtual std::vector<float> activation(std::int64_t row) = 0;
  // Of methods that resume at the layer: Backward takes what is put in, C×h×w, to scores. What the layer has beside its
  // map (a class token) stays as the last forward pass made it.
  virtual void putIn(std::int64_t row, const float* activation) = 0;
  virtual const float* resumedScores() = 0;                         // rows × scoreShape().count()
  virtual std::vector<float> layerRelevance(std::int64_t row) = 0;  // of rows·targets
  // Of methods that read constants (Method::readsConstants): relevance times what each node adds; of rows·targets.
  virtual std::vector<PlacedValues> constants(std::int64_t) { return {}; }
  // Of methods that read attention.
  virtual const TokenPlaces& tokenPlaces() const;
  virtual AttentionValues attention(std::int64_t, std::int64_t) { return {}; }  // of a row and target
  // Nodes whose relevance is recorded: rows·targets × recordedShape without its first axis.
  virtual const std::vector<std::string>& recordedNodes() const = 0;
  virtual const float* recorded(std::size_t k) = 0;
  virtual const Shape& recordedShape(std::size_t k) const = 0;
};

}  // namespace relprop

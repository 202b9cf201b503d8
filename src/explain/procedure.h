// What a method does around the plan when one walk an image is not all: many inputs made from the image, weights from
// forward passes, maps of a layer.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "explain/method.h"
#include "explain/session.h"

namespace relprop {

// One image and the targets asked about it.
struct Subject {
  const float* input = nullptr;     // C×H×W
  const float* scores = nullptr;    // of the image as it is
  std::vector<Question> questions;  // as many as the session has columns
};

using Facts = std::vector<std::pair<std::string, double>>;

struct Attribution {
  Shape shape;  // C×H×W of the input, or 1×H×W
  std::vector<double> map;
  Facts facts;  // what the method can say about itself, e.g. its completeness gap
};

class Procedure {
 public:
  virtual ~Procedure() = default;
  // Whether an image takes more than one row of the plan, so that a batch serves a single image too.
  virtual bool runsManyInputs() const { return true; }
  // One attribution a question. Throws NotSupportedByMethod, Cancelled.
  virtual std::vector<Attribution> explain(Session& session, const Subject& subject) const = 0;
};

// Random numbers by seed and number of the sample: the same on every machine and in every order of the samples.
class RandomNumbers {
 public:
  RandomNumbers(unsigned seed, std::int64_t sample) : engine_(seed * 1000003u + static_cast<unsigned>(sample)) {}
  double uniform();  // in (0, 1)

 private:
  std::mt19937 engine_;
};

// A noisy copy of an image: x + noise·(max − min)·N(0, 1).
class NoiseSource {
 public:
  NoiseSource(const float* input, std::size_t count, float noise, unsigned seed, std::int64_t sample);
  double uniform() { return random_.uniform(); }
  void fill(float* to);

 private:
  const float* input_;
  std::size_t count_;
  RandomNumbers random_;
  float deviation_;
};

void addScaled(const float* values, double factor, std::vector<double>& into);
float noiseOf(Parameters& p, float fallback);  // key noise
unsigned rngOf(Parameters& p);                 // key rng: seeds the random numbers

// noise=0.1,samples=20,rng=0: the mean over noisy copies of whatever the method does (noise.cpp).
void applyNoise(Method& m, Parameters& p);
// sign=abs|positive|negative, normalize=on (finish.cpp).
void applyFinish(Method& m, Parameters& p);
// Runs the steps of `finish` over a map of the given shape, which they may change.
void finishMap(const std::vector<Finish>& steps, Shape& shape, std::vector<float>& map);

}  // namespace relprop

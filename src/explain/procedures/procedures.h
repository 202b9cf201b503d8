// Methods that are procedures around the plan, and what they share about noise.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "explain/procedure.h"

namespace relprop {

Method taylor(Parameters& p);
Method integratedGradients(Parameters& p);
Method smoothGrad(Parameters& p);
Method varGrad(Parameters& p);
Method gradientShap(Parameters& p);
Method expectedGradients(Parameters& p);
Method xrai(Parameters& p);
Method gradCam(Parameters& p);
Method guidedGradCam(Parameters& p);
Method fullGrad(Parameters& p);
Method gradCamPlusPlus(Parameters& p);
Method layerCam(Parameters& p);
Method hiResCam(Parameters& p);
Method xGradCam(Parameters& p);
Method excitationBackprop(Parameters& p);
Method contrastiveExcitationBackprop(Parameters& p);
Method blurIntegratedGradients(Parameters& p);
Method guidedIntegratedGradients(Parameters& p);
Method ablationCam(Parameters& p);
Method eigenCam(Parameters& p);
Method scoreCam(Parameters& p);
Method rollout(Parameters& p);
Method genericAttention(Parameters& p);
Method occlusion(Parameters& p);
Method rise(Parameters& p);
Method lime(Parameters& p);
Method kernelShap(Parameters& p);
Method randomMap(Parameters& p);

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

// shifts=4,shift=15: the mean over copies moved by parts of the network's stride, each map moved back (shifts.cpp).
void applyShifts(Method& m, Parameters& p);

}  // namespace relprop

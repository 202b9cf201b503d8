// The bundled network, and noise as pictures for it.
#pragma once

#include <filesystem>
#include <random>
#include <string>

#include "relprop/explain.h"

namespace relprop::test {

inline const Model& exampleModel() {
  static const Model model =
      Model::load(std::filesystem::path(__FILE__).parent_path() / "../../../examples/model/shapes.onnx");
  return model;
}

inline ExplainOptions byThreads(int threads, const std::string& method) {
  ExplainOptions o;
  o.method = method, o.threads = threads;
  return o;
}

// image: C×H×W.
inline Tensor noisePicture(const Shape& image, unsigned seed) {
  Tensor t(Shape{1, image.at(0), image.at(1), image.at(2)});
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  for (float& v : t.data) v = normal(engine);
  return t;
}

}  // namespace relprop::test

// Which of several ways each layer is computed, found out by measuring on the machine at hand instead of by the model
// of costs that is built in. Maps then differ in their last digits from those of other machines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "relprop/explain.h"
#include "relprop/export.h"

namespace relprop {

// It holds for the machine, number of threads and versions it was made with, and for no other.
struct Tuning {
  std::string processor;  // name and instruction set
  int threads = 1;
  std::map<std::string, std::string> libraries;  // names and versions
  std::map<std::string, std::string> layers;     // a layer's shape and direction → "direct", "F(2×2)" or "F(4×4)"
  int batch = 0;                                 // forward passes an image are fastest with; 0: not known
  bool operator==(const Tuning&) const = default;
};

// 16 digits that tell tunings apart: in JSON and in stores.
RELPROP_API std::string nameOf(const Tuning& tuning);
RELPROP_API std::string toJson(const Tuning& tuning);
// Throws FileNotFound, FileUnreadable; InvalidArgument where it is no such file.
RELPROP_API Tuning readTuning(const std::filesystem::path& path);

struct TuneOptions {
  Shape inputShape = {};  // as in ExplainOptions
  std::optional<Layout> layout = {};
  int threads = 0;
  int rounds = 7;  // how often each way is measured
  // Called before each measurement, with the layers that are done; false stops with Cancelled.
  std::function<bool(std::size_t done, std::size_t total)> progress = {};
};

// What was measured of a layer: seconds by way, medians.
struct TunedLayer {
  std::string layer;
  std::map<std::string, double> seconds;
  std::string fastest;
  std::string builtIn;  // what is taken without a tuning
};
struct TuneReport {
  Tuning tuning;
  std::vector<TunedLayer> layers;               // where there is a choice
  std::vector<std::pair<int, double>> batches;  // forward pass: images together, seconds an image
};

// Measures in float32. Throws what Explainer's constructor throws, and Cancelled.
RELPROP_API TuneReport tune(const Model& model, const TuneOptions& options = {});

}  // namespace relprop

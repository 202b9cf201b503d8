// Kept heatmaps of a store as a project that ViRelAy opens and CoRelAy analyses.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "relprop/explain.h"
#include "relprop/export.h"
#include "relprop/store.h"

namespace relprop {

// A project is of one method on one data set. What is left empty is the only one that the store has of this network.
struct VirelayOptions {
  std::string method = {};               // as in ResultKey, or what stands before its first colon
  std::string dataset = {};              // as in ResultKey
  std::string target = {};               // "true" or "predicted", with "+correct" where other pictures were left out
  std::vector<std::string> labels = {};  // names of the classes; without one a class is "class 3"
  std::optional<Layout> layout = {};     // see Model::layout
  int batch = 16;                        // pictures classified together
  int threads = 0;                       // 0: as many as the machine has cores
  std::function<bool()> again = {};      // asked before each batch; false stops with Cancelled
};

struct VirelayProject {
  std::filesystem::path path;  // of project.yaml
  std::size_t samples = 0;
  std::size_t leftOut = 0;  // explained by the method, but the store keeps no heatmap or no picture
};

// Writes into `folder`, which is made when it is not there: input.h5 (data: float32 N×3×H×W, pixels from 0 to 1 as the
// network sees them; label: uint32 N, the true class, or where it is not known the predicted one), attribution.h5
// (index: uint32 N; attribution: float32 N×1×H×W, the kept heatmap; label: uint32 N, the class that was explained;
// prediction: float32 N×classes, the scores that `model` gives), label-map.json, and last project.yaml. `model` is the
// network that the store's rows are of. Throws InvalidArgument (what is asked for is not there, or not the only one),
// StoreUnusable, FileWriteFailed, Cancelled.
RELPROP_API VirelayProject exportVirelay(const Store& store, const Model& model, const std::filesystem::path& folder,
                                         const VirelayOptions& options = {});

}  // namespace relprop

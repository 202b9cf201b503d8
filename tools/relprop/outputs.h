// The files of a run: pictures, tensors and reports, under OUT/<name>.<method>.<ext>.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "inputs.h"
#include "relprop/explain.h"
#include "report.h"

namespace relprop::cli {

struct OutputOptions {
  std::filesystem::path folder = "out";
  bool png = true, npy = false, json = false;
  View view = View::Heat;
  double percentile = 100.0;
  int zoom = 0;  // 0: 1, and in panels of several methods whatever makes small maps legible
};

// One input, explained: all its rows, with the photo as the network saw it if there is one.
struct Explained {
  const Input* input = nullptr;
  std::optional<Image> photo;
  std::vector<Explanation> rows;
};

class Outputs {
 public:
  // `combine`: panels are made of all methods together, and the files by method show the heat alone.
  Outputs(OutputOptions options, bool combine);

  // Writes what was asked for; the result has one entry a row. Throws FileWriteFailed and what rendering throws.
  std::vector<Files> save(const Explained& explained, const std::string& methodPart, const RunFacts& facts);

  // The photo and a column for each method, of what `save` was given since the last call for this input.
  bool wantsPanel() const { return combine_ && options_.png; }
  TitledImage panelColumn(const Explained& explained, const std::string& method) const;
  std::string savePanel(const Explained& explained, const RunFacts& facts, const std::vector<TitledImage>& columns);

 private:
  std::string pathFor(const std::string& name, const std::string& part, const std::string& extension) const;
  std::string savePicture(const Explained& explained, std::size_t row, const std::string& part) const;
  std::string saveTensor(const Explained& explained, const std::string& part) const;
  std::string saveReport(const Explained& explained, const std::string& part, const RunFacts& facts) const;
  HeatmapOptions heatmapOptions() const;
  void makeFolder() const;

  OutputOptions options_;
  bool combine_;
};

// "input.npy[3]" when the input has several rows, else "input.npy"
std::string rowTitle(const Input& input, std::size_t row, std::size_t rows);

}  // namespace relprop::cli

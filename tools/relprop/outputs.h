// The files of a run: pictures, tensors and reports, under OUT/<name>.<method>.<ext>.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "inputs.h"
#include "relprop/explain.h"
#include "report.h"
#include "result_files.h"

namespace relprop::cli {

struct OutputOptions {
  std::filesystem::path folder = "out";
  bool png = true, npy = false, json = false;
  bool layers = false;  // a strip of the maps of inner layers
  View view = View::Heat;
  double percentile = 100.0;
  Layout layout = Layout::ChannelsFirst;  // of the network's input
  int zoom = 0;                           // 0: 1, and in panels of several methods whatever makes small maps legible
  bool any() const { return png || npy || json; }
};

// One input, explained: the rows of a tensor one after another, and for each row its targets.
struct Explained {
  const Input* input = nullptr;
  std::optional<Image> photo;  // as the network saw it
  std::vector<Explanation> maps;
  std::vector<Tensor> arrays = {};  // the rows of an input that is no picture, which its drawings show
};

// What a panel is made of: the photo and, for each method, a picture a target.
struct PanelDraft {
  std::optional<Image> photo;
  std::string title;  // of the photo
  std::vector<std::vector<TitledImage>> columns;
};

class Outputs {
 public:
  // `methods`, `targets`: how many of each, which decides what the files are called and what a panel shows.
  // `inputs`: what the run reads.
  Outputs(OutputOptions options, std::size_t methods, std::size_t targets, const InputFiles& inputs);

  // Throws FileWriteFailed when a result of the picture would be written over an input, or its name is too long. What
  // the rows of a tensor are called is known once it is read; `save` throws the same then.
  void requirePlaces(const Input& input, const std::string& methodPart, const Question& question) const;

  // Writes what was asked for; the result has one entry a map. Throws FileWriteFailed and what rendering throws.
  std::vector<Files> save(const Explained& explained, const std::string& methodPart, const RunFacts& facts);

  // A panel of several methods or targets; that of one map is written by `save`.
  bool wantsPanel() const { return combined_ && options_.png; }
  // Height and width of the pictures in a panel.
  int panelZoom(const Image& photo) const;
  void addToPanel(PanelDraft& draft, const Explained& explained, const std::string& method,
                  const Question& question) const;
  std::string savePanel(const PanelDraft& draft, const std::string& name, const std::string& methodPart);

 private:
  std::string nameOf(const Explained& explained, std::size_t map, const std::string& methodPart,
                     const Question& question) const;
  std::string targetPart(std::size_t target, const Question& question) const;
  std::string panelName(const std::string& name, const std::string& methodPart) const;
  std::string savePicture(const Explained& explained, std::size_t map, const std::string& name);
  void saveStrip(const Explained& explained, std::size_t map, const std::string& name, Files& files);
  void saveTensors(const Explained& explained, const std::string& name, Files& files);
  std::string saveReport(const Explained& explained, const std::string& name, const RunFacts& facts);
  HeatmapOptions heatmapOptions() const;

  OutputOptions options_;
  std::size_t methods_, targets_;
  bool combined_;
  ResultFiles files_;
};

// "input.npy[3]" when the input has several rows, else "input.npy"
std::string rowTitle(const Input& input, std::size_t row, std::size_t rows);

}  // namespace relprop::cli

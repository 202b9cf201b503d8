// Tables, curves and a gallery from a store: a folder of HTML that needs no network, or Markdown.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "relprop/export.h"
#include "relprop/store.h"

namespace relprop {

// Mean, standard error and number of a sample; the error of fewer than two values is not known, NaN.
struct SampleMean {
  double mean = 0, standardError = std::numeric_limits<double>::quiet_NaN();
  std::size_t count = 0;
};

// A 95 % percentile bootstrap interval of mean(a − b) over samples that both have.
struct DifferenceInterval {
  double difference = 0, low = 0, high = 0;
  std::size_t count = 0;
};

// One cell: a method's score under one protocol on one data set with one model.
struct ScoreCell {
  SampleMean all;             // over every sample that this method has
  DifferenceInterval toBest;  // against the best method of the column, on the samples both have; of ratios: of logs
  bool best = false;          // the best mean of those with 90 % of the most samples; of ratios: of logs
  bool tied = false;          // its interval to the best includes 0
  double median = 0;          // of the same samples
  SampleMean logs = {};       // of ratios: of the natural logarithms of the ratio or 0.001, whichever is larger
};
struct ScoreColumn {
  std::string protocol, score;
  Better better = Better::Neither;
  bool ratio = false;            // see ScoreInfo
  std::vector<ScoreCell> cells;  // one a method; count 0 where there is none
};
struct SkipCount {
  std::string method, protocol, reason;  // method and protocol empty: the picture as a whole
  std::size_t count = 0;                 // of samples
};
struct MethodCost {
  std::string method;
  SampleMean seconds;  // of explaining one picture
};
// All that compares: one model, data set and kind of target. A sample is a picture, or one of its classes where a data
// set says several of a picture.
struct ScoreTable {
  std::string model, dataset, target;  // the model's path and key; "true" where rows say "true:7"
  std::size_t pictures = 0;            // measured, each once
  std::vector<std::string> methods;
  std::vector<ScoreColumn> columns;
  std::vector<MethodCost> costs;
  std::vector<SkipCount> skips;
  std::size_t samples = 0;  // measured; as many as pictures but where one has several classes
};
RELPROP_API std::vector<ScoreTable> tablesOf(const Store& store);

// The tables as JSON text: a list of {model, dataset, target, pictures, samples, rows}; a row is one score of one
// method, with its protocol, which way is better, mean, standardError (null of a single sample), count (of samples),
// median, logMean and logStandardError (null but of ratios), whether it is the best of its column or tied with it, and
// the seconds that the method took for a picture.
RELPROP_API std::string tablesJson(const Store& store);

// A figure that somebody published, to stand beside ours.
struct PublishedFigure {
  std::string source;          // "Nam et al., AAAI 2020, table 1"
  std::string network;         // the name of the model's file, without folder and extension
  std::string metric, method;  // as evaluate takes them
  std::string score;           // of the metric
  double value = 0;
  // It stands only beside results of this data set, by its kind or name ("voc", "voc:VOC2012"), and of this kind of
  // target ("true", "predicted", "true+correct"); empty: of any.
  std::string data = {}, target = {};
  std::string where = {};  // it is written, for messages
};
// A JSON list of {source, network, metric, method, scores: {NAME: NUMBER}}, each with data and target or without.
// Throws InvalidArgument, FileNotFound.
RELPROP_API std::vector<PublishedFigure> readPublishedFigures(const std::filesystem::path& path);

struct ReportOptions {
  // At most so many pages of pictures, evenly from all; fewer of tables with very many methods and scores.
  std::size_t gallery = 200;
  std::string title = "relprop report";
  // Throws InvalidArgument where one source has two for one cell, or a metric has no such score; of several sources
  // the first one stands.
  std::vector<PublishedFigure> beside = {};
  // Asked now and then with the number of pages that are written, and with all of them before the folder takes its
  // place; false stops with Cancelled.
  std::function<bool(std::int64_t done, std::int64_t total)> progress = {};
};
// Of the options it looks at `title` and `beside` alone.
RELPROP_API std::string markdownReport(const Store& store, const ReportOptions& options = {});

// Writes folder/index.html, a page a picture, and their pictures; the folder is whole or as it was before.
// Throws FileWriteFailed, StoreUnusable, Cancelled.
RELPROP_API void writeReport(const Store& store, const std::filesystem::path& folder,
                             const ReportOptions& options = {});

}  // namespace relprop

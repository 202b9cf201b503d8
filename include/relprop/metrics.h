// Metrics of explanations. A metric with all its parameters is a protocol; scores of different protocols do not
// compare.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "relprop/export.h"

namespace relprop {

enum class Better { Higher, Lower, Neither };
RELPROP_API const char* betterName(Better better);  // "higher is better", "lower is better", "no order"

// One number of a metric, e.g. "insertion" of id-score.
struct ScoreInfo {
  std::string name, summary;
  Better better = Better::Neither;
  bool ratio = false;  // of two numbers from 0: a few pictures rule its mean, so logarithms are compared
};

struct MetricInfo {
  std::string name, summary, citation;
  int version = 1;
  std::vector<std::pair<std::string, std::string>> parameters;  // key, default and choices
  std::vector<ScoreInfo> scores;                                // the first is the headline
  std::string needs;                                            // "boxes or a mask", "a mask" or ""
};
RELPROP_API std::vector<MetricInfo> metricInfos();
// As `relprop metrics --json` has it.
RELPROP_API std::string metricJson(const MetricInfo& metric);

// "outside-inside" or "outside-inside:region=mask" → "outside-inside@1:region=mask", with every parameter. A version
// may be given as NAME@VERSION and has to be this program's. Throws UnknownMetric, InvalidMetricParameter.
RELPROP_API std::string completeProtocol(const std::string& text);

struct NamedScore {
  std::string name;
  double value = 0;
};
struct Curve {
  std::string name;      // "insertion"
  std::string abscissa;  // what x counts, e.g. "share of pixels"
  std::vector<double> x, y;
};

}  // namespace relprop

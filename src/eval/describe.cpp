// Metrics and tables as JSON text.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "relprop/metrics.h"
#include "relprop/report.h"

namespace relprop {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::string dumped(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

// JSON has no NaN: an error that is not known is null.
OrderedJson errorJson(const SampleMean& mean) {
  return std::isfinite(mean.standardError) ? OrderedJson(mean.standardError) : OrderedJson();
}

OrderedJson secondsJson(const ScoreTable& table, const std::string& method) {
  const auto cost =
      std::find_if(table.costs.begin(), table.costs.end(), [&](const MethodCost& one) { return one.method == method; });
  return cost == table.costs.end() ? OrderedJson() : OrderedJson(cost->seconds.mean);
}

OrderedJson rowJson(const ScoreTable& table, const ScoreColumn& column, std::size_t method) {
  const ScoreCell& cell = column.cells[method];
  OrderedJson row = {{"method", table.methods[method]},
                     {"protocol", column.protocol},
                     {"score", column.score},
                     {"better", betterName(column.better)},
                     {"mean", cell.all.mean},
                     {"standardError", errorJson(cell.all)},
                     {"count", cell.all.count},
                     {"median", cell.median},
                     {"best", cell.best},
                     {"tied", cell.tied},
                     {"seconds", secondsJson(table, table.methods[method])}};
  row["logMean"] = cell.logs.count ? OrderedJson(cell.logs.mean) : OrderedJson();
  row["logStandardError"] = errorJson(cell.logs);
  return row;
}

OrderedJson tableJson(const ScoreTable& table) {
  OrderedJson rows = OrderedJson::array();
  for (std::size_t method = 0; method < table.methods.size(); ++method)
    for (const ScoreColumn& column : table.columns)
      if (column.cells[method].all.count > 0) rows.push_back(rowJson(table, column, method));
  return {{"model", table.model},       {"dataset", table.dataset}, {"target", table.target},
          {"pictures", table.pictures}, {"samples", table.samples}, {"rows", rows}};
}

}  // namespace

const char* betterName(Better better) {
  return better == Better::Higher ? "higher is better" : better == Better::Lower ? "lower is better" : "no order";
}

std::string metricJson(const MetricInfo& metric) {
  OrderedJson json = {{"name", metric.name},           {"version", metric.version},
                      {"summary", metric.summary},     {"citation", metric.citation},
                      {"needs", metric.needs},         {"parameters", OrderedJson::object()},
                      {"scores", OrderedJson::array()}};
  for (const auto& [key, text] : metric.parameters) json["parameters"][key] = text;
  for (const ScoreInfo& score : metric.scores)
    json["scores"].push_back({{"name", score.name}, {"summary", score.summary}, {"better", betterName(score.better)}});
  return dumped(json);
}

std::string tablesJson(const Store& store) {
  OrderedJson json = OrderedJson::array();
  for (const ScoreTable& table : tablesOf(store)) json.push_back(tableJson(table));
  return dumped(json);
}

}  // namespace relprop

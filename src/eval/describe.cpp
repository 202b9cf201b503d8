// Metrics and tables as JSON text.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "relprop/metrics.h"
#include "relprop/report.h"

namespace relprop {
namespace {

using Json = nlohmann::ordered_json;

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json secondsJson(const ScoreTable& table, const std::string& method) {
  const auto cost =
      std::find_if(table.costs.begin(), table.costs.end(), [&](const MethodCost& one) { return one.method == method; });
  return cost == table.costs.end() ? Json() : Json(cost->seconds.mean);
}

Json rowJson(const ScoreTable& table, const ScoreColumn& column, std::size_t method) {
  const ScoreCell& cell = column.cells[method];
  Json row = {{"method", table.methods[method]},
              {"protocol", column.protocol},
              {"score", column.score},
              {"better", betterName(column.better)},
              {"mean", cell.all.mean},
              {"standardError", cell.all.standardError},
              {"count", cell.all.count},
              {"median", cell.median},
              {"best", cell.best},
              {"tied", cell.tied},
              {"seconds", secondsJson(table, table.methods[method])}};
  row["logMean"] = cell.logs.count ? Json(cell.logs.mean) : Json();
  row["logStandardError"] = cell.logs.count ? Json(cell.logs.standardError) : Json();
  return row;
}

Json tableJson(const ScoreTable& table) {
  Json rows = Json::array();
  for (std::size_t method = 0; method < table.methods.size(); ++method)
    for (const ScoreColumn& column : table.columns)
      if (column.cells[method].all.count > 0) rows.push_back(rowJson(table, column, method));
  return {{"model", table.model},
          {"dataset", table.dataset},
          {"target", table.target},
          {"pictures", table.pictures},
          {"rows", rows}};
}

}  // namespace

const char* betterName(Better better) {
  return better == Better::Higher ? "higher is better" : better == Better::Lower ? "lower is better" : "no order";
}

std::string metricJson(const MetricInfo& metric) {
  Json json = {{"name", metric.name},         {"version", metric.version}, {"summary", metric.summary},
               {"citation", metric.citation}, {"needs", metric.needs},     {"parameters", Json::object()},
               {"scores", Json::array()}};
  for (const auto& [key, text] : metric.parameters) json["parameters"][key] = text;
  for (const ScoreInfo& score : metric.scores)
    json["scores"].push_back({{"name", score.name}, {"summary", score.summary}, {"better", betterName(score.better)}});
  return dumped(json);
}

std::string tablesJson(const Store& store) {
  Json json = Json::array();
  for (const ScoreTable& table : tablesOf(store)) json.push_back(tableJson(table));
  return dumped(json);
}

}  // namespace relprop

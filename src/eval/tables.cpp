#include "eval/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "eval/statistics.h"

namespace relprop::eval {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// One score of one protocol: values[method][picture], NaN where there is none.
struct Values {
  std::string protocol, score;
  std::vector<std::vector<double>> values;
};

// The rows of one group, with pictures and methods as numbers.
struct Gathered {
  std::map<std::string, std::size_t> pictures;  // those that were measured
  std::map<std::string, std::size_t> methods;
  std::vector<Values> columns;
  std::vector<std::vector<double>> seconds;                                        // by method
  std::map<std::tuple<std::string, std::string, std::string>, std::size_t> skips;  // method, protocol, reason
};

void addPicture(Gathered& group, const PictureFacts& picture) {
  if (picture.skipped.empty())
    group.pictures.emplace(picture.picture, group.pictures.size());
  else
    ++group.skips[{"", "", picture.skipped}];
}

std::vector<double>& valuesOf(Gathered& group, const ResultKey& key, const std::string& score) {
  auto found = std::find_if(group.columns.begin(), group.columns.end(),
                            [&](const Values& one) { return one.protocol == key.protocol && one.score == score; });
  if (found == group.columns.end()) {
    group.columns.push_back({key.protocol, score, {}});
    found = group.columns.end() - 1;
    found->values.assign(group.methods.size(), std::vector<double>(group.pictures.size(), kNone));
  }
  return found->values[group.methods.at(key.method)];
}

void addResult(Gathered& group, const Result& result) {
  const auto picture = group.pictures.find(result.key.picture);
  if (picture == group.pictures.end()) return;  // the picture as a whole was skipped, and is counted there
  if (!result.skipped.empty()) ++group.skips[{result.key.method, result.key.protocol, result.skipped}];
  for (const NamedScore& score : result.scores) {
    if (std::isfinite(score.value))
      valuesOf(group, result.key, score.name)[picture->second] = score.value;
    else
      ++group.skips[{result.key.method, result.key.protocol, score.name + " is not a finite number"}];
  }
}

void addCost(Gathered& group, const MapFacts& map) {
  if (std::isfinite(map.explainSeconds)) group.seconds[group.methods.at(map.method)].push_back(map.explainSeconds);
}

void numberMethods(Gathered& group) {
  std::size_t i = 0;
  for (auto& [method, number] : group.methods) number = i++;
  group.seconds.resize(group.methods.size());
}

// Protocols in order, the scores of one as its metric lists them.
void sortColumns(Gathered& group) {
  std::stable_sort(group.columns.begin(), group.columns.end(),
                   [](const Values& a, const Values& b) { return a.protocol < b.protocol; });
}

std::map<GroupKey, Gathered> gather(const Rows& rows) {
  std::map<GroupKey, Gathered> groups;
  for (const PictureFacts& picture : rows.pictures) addPicture(groups[groupOf(picture)], picture);
  for (const MapFacts& map : rows.maps) groups[groupOf(map)].methods[map.method];
  for (const Result& result : rows.results) groups[groupOf(result.key)].methods[result.key.method];
  for (auto& [key, group] : groups) numberMethods(group);
  for (const MapFacts& map : rows.maps) addCost(groups[groupOf(map)], map);
  for (const Result& result : rows.results) addResult(groups[groupOf(result.key)], result);
  for (auto& [key, group] : groups) sortColumns(group);
  return groups;
}

std::vector<double> present(const std::vector<double>& values) {
  std::vector<double> result;
  std::copy_if(values.begin(), values.end(), std::back_inserter(result), [](double v) { return !std::isnan(v); });
  return result;
}

// Of what is 0 or less there is none.
std::vector<double> logarithms(std::vector<double> values) {
  for (double& v : values) v = v > 0 ? std::log(v) : kNone;
  return values;
}

// On the pictures that both have.
DifferenceInterval compare(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ofA, ofB;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) || std::isnan(b[i])) continue;
    ofA.push_back(a[i]), ofB.push_back(b[i]);
  }
  return pairedBootstrap(ofA, ofB);
}

// Fewer than two common pictures tell nothing apart.
bool includesZero(const DifferenceInterval& interval) {
  return interval.count < 2 || (interval.low <= 0.0 && interval.high >= 0.0);
}

// What methods are ranked by.
const SampleMean& ranking(const ScoreColumn& column, std::size_t method) {
  return column.ratio ? column.cells[method].logs : column.cells[method].all;
}

// The method with the best mean, the first one of several; none when there is no better and worse.
std::optional<std::size_t> bestOf(const ScoreColumn& column) {
  std::optional<std::size_t> best;
  if (column.better == Better::Neither) return best;
  for (std::size_t m = 0; m < column.cells.size(); ++m) {
    if (ranking(column, m).count == 0) continue;
    const double difference = best ? ranking(column, m).mean - ranking(column, *best).mean : 0.0;
    if (!best || (column.better == Better::Higher ? difference > 0.0 : difference < 0.0)) best = m;
  }
  return best;
}

ScoreCell cellOf(const std::vector<double>& values, bool ratio) {
  ScoreCell cell{meanOf(present(values)), {}, false, false, medianOf(present(values)), {}};
  if (ratio) cell.logs = meanOf(present(logarithms(values)));
  return cell;
}

ScoreColumn columnOf(const Values& values, const ScoreKind& kind) {
  ScoreColumn column{values.protocol, values.score, kind.better, kind.ratio, {}};
  std::vector<std::vector<double>> ranked = values.values;
  for (const auto& one : values.values) column.cells.push_back(cellOf(one, kind.ratio));
  if (kind.ratio) std::transform(ranked.begin(), ranked.end(), ranked.begin(), logarithms);
  const std::optional<std::size_t> best = bestOf(column);
  if (!best) return column;
  for (std::size_t m = 0; m < column.cells.size(); ++m) {
    ScoreCell& cell = column.cells[m];
    if (ranking(column, m).count == 0) continue;
    cell.toBest = compare(ranked[m], ranked[*best]);
    cell.best = ranking(column, m).mean == ranking(column, *best).mean;
    cell.tied = includesZero(cell.toBest);
  }
  return column;
}

// The most frequent first.
std::vector<SkipCount> skipsOf(const Gathered& group) {
  std::vector<SkipCount> result;
  for (const auto& [key, count] : group.skips)
    result.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), count});
  std::stable_sort(result.begin(), result.end(),
                   [](const SkipCount& a, const SkipCount& b) { return a.count > b.count; });
  return result;
}

ScoreTable tableOf(const GroupKey& key, const ModelFacts& model, const Gathered& group, const Direction& direction) {
  ScoreTable table;
  table.model = fmt::format("{} ({})", model.path, key.model);
  table.dataset = key.dataset, table.target = key.target;
  table.pictures = group.pictures.size();
  for (const Values& column : group.columns)
    table.columns.push_back(columnOf(column, direction(column.protocol, column.score)));
  for (const auto& [method, number] : group.methods) {
    table.methods.push_back(method);
    table.costs.push_back({method, meanOf(group.seconds[number])});
  }
  table.skips = skipsOf(group);
  return table;
}

ModelFacts modelOf(const std::vector<ModelFacts>& models, const std::string& key) {
  const auto found =
      std::find_if(models.begin(), models.end(), [&](const ModelFacts& model) { return model.key == key; });
  return found != models.end() ? *found : ModelFacts{key, "a model that the store does not know", "", "", ""};
}

}  // namespace

Rows rowsOf(const Store& store) {
  return {store.models(), store.pictures(), store.maps(), store.results(false)};
}

ScoreKind directionOf(const std::string& protocol, const std::string& score) {
  const std::optional<ScoreInfo> info = scoreInfoOf(protocol, score);
  return info ? ScoreKind{info->better, info->ratio} : Better::Neither;
}

std::vector<Group> groupsOf(const Rows& rows, const Direction& direction) {
  std::vector<Group> groups;
  for (const auto& [key, gathered] : gather(rows)) {
    const ModelFacts model = modelOf(rows.models, key.model);
    groups.push_back({key, model, tableOf(key, model, gathered, direction)});
  }
  return groups;
}

}  // namespace relprop::eval

namespace relprop {

std::vector<ScoreTable> tablesOf(const Store& store) {
  std::vector<ScoreTable> tables;
  for (eval::Group& group : eval::groupsOf(eval::rowsOf(store), eval::directionOf))
    tables.push_back(std::move(group.table));
  return tables;
}

}  // namespace relprop

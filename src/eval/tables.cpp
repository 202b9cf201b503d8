#include "eval/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "core/parallel.h"
#include "eval/metric.h"
#include "eval/statistics.h"
#include "relprop/error.h"

namespace relprop::eval {
namespace {

// Of a ratio of 0, the best there is, there would be no logarithm: without it a method would lose its best pictures.
constexpr double kLeastRatio = 0.001;
// The best method of a column has so many per cent of the pictures that any method has: a few may be the easy ones.
constexpr std::size_t kLeastPercent = 90;

// More cells than any table has that is of use, and than all of a store have; each takes a bootstrap. A table has one
// for each method and score, however few rows of a store name these.
constexpr std::size_t kCells = 100'000, kAllCells = 1'000'000;
// What is larger has no square, so no standard error.
constexpr double kLargest = 1e100;
// The columns of fewer are done before another thread has started.
constexpr std::size_t kFewSamples = 16;

// A picture and its target: two classes of one picture are two samples.
using SampleKey = std::pair<std::string, std::string>;
// By the samples' numbers. Methods have scores on few of the pictures of some stores, so there is no square of them.
using BySample = std::vector<std::pair<std::uint32_t, double>>;

// One score of one protocol, by method; the last methods may be missing.
struct Values {
  std::string protocol, score;
  std::vector<BySample> values;
};

// The rows of one group, with samples and methods as numbers: in the order in which they came, until sortMethods.
struct Gathered {
  std::map<SampleKey, std::size_t> samples;  // those that were measured
  std::map<std::string, std::size_t> methods;
  std::vector<Values> columns;
  std::map<std::pair<std::string, std::string>, std::size_t> columnOf;             // protocol, score
  std::vector<std::vector<double>> seconds;                                        // by method
  std::map<std::tuple<std::string, std::string, std::string>, std::size_t> skips;  // method, protocol, reason
  bool classes = false;                                                            // see Group
};

void addPicture(Gathered& group, const PictureFacts& picture) {
  if (kindOfTarget(picture.target) != picture.target) group.classes = true;
  if (picture.skipped.empty())
    group.samples.emplace(SampleKey(picture.picture, picture.target), group.samples.size());
  else
    ++group.skips[{"", "", picture.skipped}];
}

std::size_t cellsIn(const Gathered& group) {
  return group.columns.size() * group.methods.size();
}

void checkCells(const Gathered& group, const GroupKey& key) {
  if (cellsIn(group) > kCells)
    throw Error(ErrorCode::StoreUnusable, "a table of " + key.dataset,
                fmt::format("{} methods and {} scores, or more", group.methods.size(), group.columns.size()),
                fmt::format("{} cells at most", kCells), "merge fewer files into one");
}

void checkAllCells(std::size_t cells) {
  if (cells > kAllCells)
    throw Error(ErrorCode::StoreUnusable, "all tables of a store", fmt::format("{} cells, or more", cells),
                fmt::format("{} cells at most", kAllCells), "merge fewer files into one");
}

std::size_t numberOf(Gathered& group, const GroupKey& key, const std::string& method) {
  const auto [found, isNew] = group.methods.try_emplace(method, group.methods.size());
  if (isNew) checkCells(group, key), group.seconds.emplace_back();
  return found->second;
}

BySample& scoresOf(Gathered& group, const ResultKey& key, std::size_t method, const std::string& score) {
  const auto [found, isNew] = group.columnOf.try_emplace({key.protocol, score}, group.columns.size());
  if (isNew) group.columns.push_back({key.protocol, score, {}}), checkCells(group, groupOf(key));
  std::vector<BySample>& values = group.columns[found->second].values;
  if (values.size() <= method) values.resize(method + 1);
  return values[method];
}

void addRow(Gathered& group, const Result& result) {
  const std::size_t method = numberOf(group, groupOf(result.key), result.key.method);
  const auto sample = group.samples.find({result.key.picture, result.key.target});
  if (sample == group.samples.end()) return;  // the picture as a whole was skipped, and is counted there
  if (!result.skipped.empty()) ++group.skips[{result.key.method, result.key.protocol, result.skipped}];
  for (const NamedScore& score : result.scores) {
    if (std::abs(score.value) <= kLargest)
      scoresOf(group, result.key, method, score.name).emplace_back(sample->second, score.value);
    else
      ++group.skips[{result.key.method, result.key.protocol,
                     score.name + (std::isfinite(score.value) ? " is too large a number" : " is not a finite number")}];
  }
}

void addRow(Gathered& group, const MapFacts& map) {
  const std::size_t method = numberOf(group, groupOf(map), map.method);
  if (std::isfinite(map.explainSeconds)) group.seconds[method].push_back(map.explainSeconds);
}

// What has a place for each of `from`, some of the last missing, in their order.
template <class T>
std::vector<T> reordered(std::vector<T> places, const std::vector<std::size_t>& from) {
  places.resize(from.size());
  std::vector<T> result;
  for (const std::size_t i : from) result.push_back(std::move(places[i]));
  return result;
}

// By name.
void sortMethods(Gathered& group) {
  std::vector<std::size_t> order;
  for (auto& [method, number] : group.methods) {
    order.push_back(number);
    number = order.size() - 1;
  }
  group.seconds = reordered(std::move(group.seconds), order);
  for (Values& column : group.columns) column.values = reordered(std::move(column.values), order);
}

// Protocols in order, the scores of one as its metric lists them, those of a method by sample.
void sortColumns(Gathered& group) {
  for (Values& column : group.columns)
    for (BySample& scores : column.values) std::sort(scores.begin(), scores.end());
  std::stable_sort(group.columns.begin(), group.columns.end(),
                   [](const Values& a, const Values& b) { return a.protocol < b.protocol; });
}

std::map<GroupKey, Gathered> gather(const Rows& rows) {
  std::map<GroupKey, Gathered> groups;
  std::size_t cells = 0;
  const auto add = [&](Gathered& group, const auto& row) {
    cells -= cellsIn(group);
    addRow(group, row);
    checkAllCells(cells += cellsIn(group));
  };
  for (const PictureFacts& picture : rows.pictures) addPicture(groups[groupOf(picture)], picture);
  rows.eachMap([&](const MapFacts& map) { add(groups[groupOf(map)], map); });
  rows.eachResult([&](const Result& result) { add(groups[groupOf(result.key)], result); });
  for (auto& [key, group] : groups) sortMethods(group), sortColumns(group);
  return groups;
}

std::vector<double> numbersOf(const BySample& scores) {
  std::vector<double> numbers;
  for (const auto& [sample, score] : scores) numbers.push_back(score);
  return numbers;
}

// Of what is below 0 there is none.
BySample logarithms(const BySample& scores) {
  BySample logs;
  for (const auto& [sample, score] : scores)
    if (score >= 0) logs.emplace_back(sample, std::log(std::max(score, kLeastRatio)));
  return logs;
}

// On the pictures that both have.
DifferenceInterval compare(const BySample& a, const BySample& b) {
  std::vector<double> ofA, ofB;
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
    if (i->first == j->first) ofA.push_back(i->second), ofB.push_back(j->second);
    const auto first = std::min(i->first, j->first);
    i += i->first == first, j += j->first == first;
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

std::vector<bool> mayBeBest(const ScoreColumn& column) {
  std::size_t most = 1;  // a method without a score is never the best one
  for (std::size_t m = 0; m < column.cells.size(); ++m) most = std::max(most, ranking(column, m).count);
  std::vector<bool> may;
  for (std::size_t m = 0; m < column.cells.size(); ++m)
    may.push_back(100 * ranking(column, m).count >= kLeastPercent * most);
  return may;
}

// The method with the best mean, the first one of several; none when there is no better and worse.
std::optional<std::size_t> bestOf(const ScoreColumn& column, const std::vector<bool>& may) {
  std::optional<std::size_t> best;
  if (column.better == Better::Neither) return best;
  for (std::size_t m = 0; m < column.cells.size(); ++m) {
    if (!may[m]) continue;
    const double difference = best ? ranking(column, m).mean - ranking(column, *best).mean : 0.0;
    if (!best || (column.better == Better::Higher ? difference > 0.0 : difference < 0.0)) best = m;
  }
  return best;
}

ScoreCell cellOf(const BySample& scores, bool ratio) {
  const std::vector<double> numbers = numbersOf(scores);
  ScoreCell cell{meanOf(numbers), {}, false, false, medianOf(numbers), {}};
  if (ratio) cell.logs = meanOf(numbersOf(logarithms(scores)));
  return cell;
}

ScoreColumn columnOf(const Values& values, const ScoreKind& kind) {
  ScoreColumn column{values.protocol, values.score, kind.better, kind.ratio, {}};
  std::vector<BySample> ranked = values.values;
  for (const BySample& one : values.values) column.cells.push_back(cellOf(one, kind.ratio));
  if (kind.ratio) std::transform(ranked.begin(), ranked.end(), ranked.begin(), logarithms);
  const std::vector<bool> may = mayBeBest(column);
  const std::optional<std::size_t> best = bestOf(column, may);
  if (!best) return column;
  for (std::size_t m = 0; m < column.cells.size(); ++m) {
    ScoreCell& cell = column.cells[m];
    if (ranking(column, m).count == 0) continue;
    cell.toBest = compare(ranked[m], ranked[*best]);
    cell.best = may[m] && ranking(column, m).mean == ranking(column, *best).mean;
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

// Samples of one picture stand side by side.
std::size_t picturesOf(const Gathered& group) {
  std::size_t count = 0;
  const std::string* last = nullptr;
  for (const auto& [sample, number] : group.samples) {
    count += !last || *last != sample.first;
    last = &sample.first;
  }
  return count;
}

ScoreTable tableOf(const GroupKey& key, const ModelFacts& model, const Gathered& group, const Direction& direction) {
  ScoreTable table;
  table.model = fmt::format("{} ({})", model.path, key.model);
  table.dataset = key.dataset, table.target = key.target;
  table.pictures = picturesOf(group), table.samples = group.samples.size();
  table.columns.resize(group.columns.size());
  const auto fill = [&](std::size_t i) {
    const Values& column = group.columns[i];
    table.columns[i] = columnOf(column, direction(column.protocol, column.score));
  };
  inParallel(group.columns.size(), fill, group.samples.size() < kFewSamples ? 1 : 0);
  for (const auto& [method, number] : group.methods) {
    table.methods.push_back(method);
    table.costs.push_back({method, meanOf(group.seconds[number])});
  }
  table.skips = skipsOf(group);
  return table;
}

using Models = std::map<std::string, const ModelFacts*>;  // by key

ModelFacts modelOf(const Models& models, const std::string& key) {
  const auto found = models.find(key);
  return found != models.end() ? *found->second : ModelFacts{key, "a model that the store does not know", "", "", ""};
}

}  // namespace

bool isCalled(const std::string& complete, const std::string& asked) {
  return complete == asked || complete.starts_with(asked + ":");
}

std::string kindOfTarget(const std::string& target) {
  const std::size_t colon = target.find(':'), plus = target.find('+');
  return target.substr(0, std::min(colon, plus)) + (plus == std::string::npos ? "" : target.substr(plus));
}

Rows rowsOf(const Store& store) {
  return {
      store.models(), store.pictures(), [&](const auto& visit) { store.eachMap(visit); },
      [&](const auto& visit) { store.each([&](const Result& result, const Provenance&) { visit(result); }, false); }};
}

ScoreKind directionOf(const std::string& protocol, const std::string& score) {
  const std::optional<ScoreInfo> info = scoreInfoOf(protocol, score);
  return info ? ScoreKind{info->better, info->ratio} : Better::Neither;
}

std::vector<Group> groupsOf(const Rows& rows, const Direction& direction) {
  Models models;
  for (const ModelFacts& model : rows.models) models.emplace(model.key, &model);
  std::vector<Group> groups;
  for (const auto& [key, gathered] : gather(rows)) {
    const ModelFacts model = modelOf(models, key.model);
    groups.push_back({key, model, tableOf(key, model, gathered, direction), gathered.classes});
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

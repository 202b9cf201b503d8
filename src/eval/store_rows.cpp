#include "eval/store_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/json_depth.h"
#include "core/limits.h"
#include "eval/blob.h"
#include "image/preprocess_check.h"
#include "relprop/text.h"

namespace relprop::eval {
namespace {

template <class Number>
std::vector<Number> numbersAt(const Database& database, const Statement& row, int column) {
  auto numbers = fromBlob<Number>(row.blob(column));
  if (!numbers) failDamaged(database, "part of a number at the end of a row of numbers");
  return std::move(*numbers);
}

constexpr int kPictureColumn = 2, kMethodColumn = 4;  // the first of selectPictures too

Tensor heatmapAt(const Database& database, const Statement& row, int column) {
  const auto fail = [&](const std::string& what) {
    failDamaged(database, fmt::format("a heatmap of {}, {}, {}", visibleText(row.text(kPictureColumn)),
                                      visibleText(row.text(kMethodColumn)), what));
  };
  Tensor map;
  map.shape = {row.integer(column), row.integer(column + 1)};
  if (!mayBeHeatmap(map.shape))
    fail(fmt::format("of {}, beyond 1 to {} on a side", toString(map.shape), kMaxPreprocessSide));
  map.data = numbersAt<float>(database, row, column + 2);
  if (elementCount(map.shape) != static_cast<std::int64_t>(map.data.size()))
    fail(fmt::format("of {} with {} values", toString(map.shape), map.data.size()));
  if (!areFinite(map.data)) fail("with a value that is not finite");
  return map;
}

int classAt(const Database& database, const Statement& row, int column) {
  const std::int64_t number = row.integer(column);
  if (!mayBeClass(number))
    failDamaged(database, fmt::format("class {} of {}", number, visibleText(row.text(kPictureColumn))));
  return static_cast<int>(number);
}

int threadsAt(const Database& database, const Statement& row, int column) {
  const std::int64_t threads = row.integer(column);
  if (threads < 0 || threads > std::numeric_limits<int>::max())
    failDamaged(database, fmt::format("{} threads of a run", threads));
  return static_cast<int>(threads);
}

double secondsAt(const Database& database, const Statement& row, int column) {
  const double seconds = row.real(column);
  if (!mayBeSeconds(seconds)) failDamaged(database, fmt::format("work that took {} s", seconds));
  return seconds;
}

std::map<std::string, std::string> librariesOf(const Database& database, const std::string& text) {
  if (jsonDepth(text) > limits::kJsonDepth) failDamaged(database, "libraries of a run that are nested deep");
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) failDamaged(database, "libraries of a run that are no JSON object");
  std::map<std::string, std::string> libraries;
  for (const auto& [name, version] : json.items())
    libraries[name] = version.is_string() ? version.get<std::string>() : version.dump();
  return libraries;
}

std::uint64_t seedOf(const Database& database, const std::string& text) {
  std::uint64_t seed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (error != std::errc{} || end != text.data() + text.size())
    failDamaged(database, fmt::format("seed \"{}\" of a run", text));
  return seed;
}

std::string pictureColumns(const std::string& modelKey, bool withPng) {
  return fmt::format(
      "select {}, p.dataset, p.picture, p.target, p.file, p.true_class, p.predicted_class, p.target_class, "
      "p.true_label, p.predicted_label, p.target_label, p.target_probability, p.skipped, {}, p.run ",
      modelKey,
      withPng ? "(select view from kept_pictures where picture = p.id), "
                "(select truth from kept_pictures where picture = p.id)"
              : "null, null");
}

// Of a row with a picture's and a method's number: the model's key, data set, picture, target and method.
std::string keysOf(const std::string& row) {
  const auto ofPicture = [&](const char* column) {
    return fmt::format("(select {} from pictures where id = {}.picture)", column, row);
  };
  return fmt::format(
      "(select key from models where id = {}), {}, {}, {}, (select name from methods where id = {}.method)",
      ofPicture("model"), ofPicture("dataset"), ofPicture("picture"), ofPicture("target"), row);
}

}  // namespace

bool areFinite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

bool mayBeSeconds(double seconds) {
  return std::isnan(seconds) || (seconds >= 0 && std::isfinite(seconds));
}

bool mayBeClass(std::int64_t number) {
  return number >= -1 && number <= std::numeric_limits<int>::max();
}

bool mayBeHeatmap(const Shape& heightWidth) {
  return std::all_of(heightWidth.begin(), heightWidth.end(),
                     [](std::int64_t side) { return side >= 1 && side <= kMaxPreprocessSide; });
}

bool haveOwnNames(const std::vector<NamedScore>& scores) {
  if (scores.size() < 2) return true;
  std::vector<std::string_view> names;
  for (const NamedScore& score : scores) names.push_back(score.name);
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) == names.end();
}

std::string selectPictures(bool withPng) {
  return pictureColumns("m.key", withPng) + "from pictures p join models m on m.id = p.model ";
}

std::string selectPicture(bool withPng, const std::string& number) {
  return pictureColumns("(select key from models where id = p.model)", withPng) + "from pictures p where p.id = (" +
         number + ")";
}

PictureFacts pictureAt(const Database& database, const Statement& row) {
  const auto number = [&](int column) { return classAt(database, row, column); };
  return {row.text(0), row.text(1), row.text(2),  row.text(3),  row.text(4),  number(5),    number(6),   number(7),
          row.text(8), row.text(9), row.text(10), row.real(11), row.text(12), row.blob(13), row.blob(14)};
}

std::string selectMaps(bool withMap) {
  return fmt::format(
      "select m.key, p.dataset, p.picture, p.target, me.name, a.explain_seconds, {}, a.run "
      "from maps a join pictures p on p.id = a.picture join models m on m.id = p.model "
      "join methods me on me.id = a.method left join kept_maps k on k.picture = a.picture and k.method = a.method ",
      withMap ? "k.height, k.width, k.relevance" : "null, null, null");
}

std::string selectMap(const std::string& picture, const std::string& method) {
  const auto kept = [](const char* column) {
    return fmt::format("(select {} from kept_maps where picture = a.picture and method = a.method)", column);
  };
  return fmt::format(
      "select {}, a.explain_seconds, {}, {}, {}, a.run from maps a where a.picture = ({}) and a.method = ({})",
      keysOf("a"), kept("height"), kept("width"), kept("relevance"), picture, method);
}

MapFacts mapAt(const Database& database, const Statement& row) {
  MapFacts map{row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), secondsAt(database, row, 5), {}};
  if (!row.isNull(6)) map.map = heatmapAt(database, row, 6);
  return map;
}

std::string selectResults() {
  return "select r.id, r.run, m.key, p.dataset, p.picture, p.target, me.name, pr.name, r.skipped, r.measure_seconds "
         "from results r join pictures p on p.id = r.picture join models m on m.id = p.model "
         "join methods me on me.id = r.method join protocols pr on pr.id = r.protocol ";
}

std::string selectResult() {
  return fmt::format(
      "select r.id, r.run, {}, (select name from protocols where id = r.protocol), r.skipped, r.measure_seconds "
      "from results r where r.picture = ? and r.method = ? and r.protocol = ?",
      keysOf("r"));
}

Result resultAt(const Database& database, const Statement& row) {
  return {{row.text(2), row.text(3), row.text(4), row.text(5), row.text(6), row.text(7)},
          row.text(8),
          {},
          {},
          secondsAt(database, row, 9)};
}

Details::Details(const Database& database)
    : database_(database),
      scores_(database, "select name, value from scores where result = ? order by position"),
      curves_(database,
              "select name, (select abscissa from axes where id = axis), (select x from axes where id = axis), y "
              "from curves indexed by sqlite_autoindex_curves_1 where result = ? order by position") {}

void Details::failResult(const Result& result, const std::string& got) const {
  const ResultKey& key = result.key;
  failDamaged(database_, fmt::format("{} of {}, {}, {}", got, visibleText(key.picture), visibleText(key.method),
                                     visibleText(key.protocol)));
}

void Details::addScores(std::int64_t number, Result& result) {
  for (scores_.bind(number); scores_.step();) result.scores.push_back({scores_.text(0), scores_.real(1)});
  if (!result.skipped.empty() && !result.scores.empty()) failResult(result, "scores of a skipped result");
  if (!haveOwnNames(result.scores)) failResult(result, "two scores of one name");
}

void Details::addCurves(std::int64_t number, Result& result) {
  for (curves_.bind(number); curves_.step();) {
    Curve curve{curves_.text(0), curves_.text(1), numbersAt<double>(database_, curves_, 2),
                numbersAt<double>(database_, curves_, 3)};
    if (curve.x.size() != curve.y.size()) failDamaged(database_, "a curve with more x than y, or fewer");
    result.curves.push_back(std::move(curve));
  }
}

std::vector<ModelFacts> readModels(const Database& database) {
  std::vector<ModelFacts> models;
  Statement rows(database, "select key, path, hash, preprocess, input_shape from models order by key");
  while (rows.step()) models.push_back({rows.text(0), rows.text(1), rows.text(2), rows.text(3), rows.text(4)});
  return models;
}

std::map<std::int64_t, Provenance> readRuns(const Database& database) {
  std::map<std::int64_t, Provenance> runs;
  Statement rows(database, "select id, version, host, command, precision, libraries, seed, threads from runs");
  while (rows.step())
    runs[rows.integer(0)] = {rows.text(1),
                             rows.text(2),
                             rows.text(3),
                             rows.text(4),
                             librariesOf(database, rows.text(5)),
                             seedOf(database, rows.text(6)),
                             threadsAt(database, rows, 7)};
  return runs;
}

}  // namespace relprop::eval

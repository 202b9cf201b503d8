#include "eval/report/published.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "core/json_depth.h"
#include "eval/metric.h"
#include "image/preprocess_json.h"
#include "relprop/error.h"
#include "relprop/explain.h"
#include "relprop/image.h"

namespace relprop::eval {
namespace {

bool fits(const PublishedFigure& figure, const GroupKey& key) {
  return (figure.data.empty() || isCalled(key.dataset, figure.data)) &&
         (figure.target.empty() || figure.target == key.target);
}

std::string placeOf(const std::vector<PublishedFigure>& figures, std::size_t i) {
  return figures[i].where.empty() ? fmt::format("published figure {}", i + 1) : figures[i].where;
}

[[noreturn]] void failTwice(const PublishedFigure& figure, const std::string& where, const std::string& first) {
  throw Error(ErrorCode::InvalidArgument, where,
              fmt::format("a second figure for {} of {} under {}, after that of {}", figure.score, figure.method,
                          figure.metric, first),
              "one that a source has for a cell", "take one of the two out, or say by data and target what each is of");
}

}  // namespace

std::string networkOf(const Group& group) {
  return std::filesystem::path(group.model.path).stem().string();
}

const FigureCells::Metric& FigureCells::metric(const std::string& text) {
  if (const auto found = metrics_.find(text); found != metrics_.end()) return found->second;
  const Protocol protocol = parseProtocol(text);
  Metric metric{protocol.text, {}};
  for (const ScoreInfo& one : protocol.scores) metric.scores.push_back(one.name);
  return metrics_.emplace(text, std::move(metric)).first->second;
}

const std::string& FigureCells::method(const std::string& text) {
  if (const auto found = methods_.find(text); found != methods_.end()) return found->second;
  return methods_.emplace(text, completeMethod(text)).first->second;
}

namespace {

// What is wrong with a name is said of the entry that has it.
template <class Look>
const auto& namedIn(const std::string& where, Look look) {
  try {
    return look();
  } catch (const Error& error) {
    throw Error(error.code(), where + ", " + error.where(), error.got(), error.expected(), error.hint());
  }
}

}  // namespace

FigureCells::Cell FigureCells::of(const PublishedFigure& figure, const std::string& where) {
  const Metric& its = namedIn(where, [&]() -> const Metric& { return metric(figure.metric); });
  if (std::find(its.scores.begin(), its.scores.end(), figure.score) == its.scores.end())
    throw Error(ErrorCode::InvalidArgument, where, fmt::format("the score \"{}\" of {}", figure.score, figure.metric),
                fmt::format("one of: {}", fmt::join(its.scores, ", ")));
  const std::string& method = namedIn(where, [&]() -> const std::string& { return this->method(figure.method); });
  return {method, its.protocol, figure.score};
}

bool Published::has(const ScoreTable& table, const Cell& cell) {
  const std::vector<std::string>& methods = table.methods;  // in order
  return std::binary_search(methods.begin(), methods.end(), std::get<0>(cell)) &&
         std::any_of(table.columns.begin(), table.columns.end(), [&](const ScoreColumn& column) {
           return column.protocol == std::get<1>(cell) && column.score == std::get<2>(cell);
         });
}

Published::Published(const std::vector<PublishedFigure>& figures, const Group& group, FigureCells& cells) {
  const std::string network = networkOf(group);
  std::map<std::pair<Cell, std::string>, std::size_t> seen;  // by source
  for (std::size_t i = 0; i < figures.size(); ++i) {
    const PublishedFigure& one = figures[i];
    if (one.network != network) continue;
    const Cell cell = cells.of(one, placeOf(figures, i));
    if (!fits(one, group.key)) continue;
    const auto [first, isNew] = seen.try_emplace({cell, one.source}, i);
    if (!isNew) failTwice(one, placeOf(figures, i), placeOf(figures, first->second));
    const bool stands = figures_.try_emplace(cell, one.value).second;
    if (stands && has(group.table, cell) && std::find(sources_.begin(), sources_.end(), one.source) == sources_.end())
      sources_.push_back(one.source);
  }
}

std::optional<double> Published::value(const std::string& method, const std::string& protocol,
                                       const std::string& score) const {
  const auto found = figures_.find({method, protocol, score});
  return found == figures_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace relprop::eval

namespace relprop {
namespace {

using FigureJson = nlohmann::json;

[[noreturn]] void malformedFigures(const std::string& where, const std::string& got) {
  throw Error(ErrorCode::InvalidArgument, where, got,
              "a list of {source, network, metric, method, scores: {NAME: NUMBER}}, with data and target or without");
}

// A slip in the name of one that may be missing would put a figure where it does not belong.
void requireKnownKeys(const FigureJson& entry, const std::string& where) {
  constexpr std::array<std::string_view, 7> known = {"source", "network", "metric", "method",
                                                     "scores", "data",    "target"};
  if (!entry.is_object()) malformedFigures(where, "no JSON object");
  for (const auto& [key, value] : entry.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      malformedFigures(where, fmt::format("the unknown key '{}'", key));
}

std::string textOfKey(const FigureJson& value, const char* key, const std::string& where) {
  if (!value.is_string()) malformedFigures(where, fmt::format("a {} that is no text", key));
  std::string text = value.get<std::string>();
  if (text.empty()) malformedFigures(where, fmt::format("an empty {}", key));
  return text;
}

std::string figureText(const FigureJson& entry, const char* key, const std::string& where) {
  const auto found = entry.find(key);
  if (found == entry.end()) malformedFigures(where, fmt::format("no text {}", key));
  return textOfKey(*found, key, where);
}

std::string optionalText(const FigureJson& entry, const char* key, const std::string& where) {
  const auto found = entry.find(key);
  return found == entry.end() ? "" : textOfKey(*found, key, where);
}

void addFigures(const FigureJson& entry, const std::string& where, std::vector<PublishedFigure>& figures) {
  requireKnownKeys(entry, where);
  PublishedFigure figure{figureText(entry, "source", where),
                         figureText(entry, "network", where),
                         figureText(entry, "metric", where),
                         figureText(entry, "method", where),
                         "",
                         0,
                         optionalText(entry, "data", where),
                         optionalText(entry, "target", where),
                         where};
  const FigureJson scores = entry.value("scores", FigureJson());
  if (!scores.is_object() || scores.empty()) malformedFigures(where, "no scores");
  for (const auto& [name, value] : scores.items()) {
    if (!value.is_number()) malformedFigures(where, fmt::format("the score {} is no number", name));
    figure.score = name, figure.value = value.get<double>();
    figures.push_back(figure);
  }
}

}  // namespace

std::vector<PublishedFigure> readPublishedFigures(const std::filesystem::path& path) {
  const std::vector<std::uint8_t> bytes = readFile(path);
  requireShallowJson(bytes, ErrorCode::InvalidArgument, path.string());
  requireKeysOnce({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, ErrorCode::InvalidArgument,
                  path.string(), "take one of the two out");
  FigureJson json;
  try {
    json = FigureJson::parse(bytes.begin(), bytes.end());
  } catch (const FigureJson::parse_error& error) {
    malformedFigures(path.string(), fmt::format("broken JSON at byte {}", error.byte));
  } catch (const FigureJson::out_of_range&) {
    malformedFigures(path.string(), "a number that no double holds");
  }
  if (!json.is_array()) malformedFigures(path.string(), "no JSON list");
  std::vector<PublishedFigure> figures;
  for (std::size_t i = 0; i < json.size(); ++i)
    addFigures(json[i], fmt::format("{}, entry {}", path.string(), i + 1), figures);
  return figures;
}

}  // namespace relprop

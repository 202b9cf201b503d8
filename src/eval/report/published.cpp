#include "eval/report/published.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
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

Published::Cell Published::cellOf(const PublishedFigure& figure, const std::string& where) {
  const Protocol protocol = parseProtocol(figure.metric);
  std::vector<std::string> names;
  for (const ScoreInfo& one : protocol.scores) names.push_back(one.name);
  if (std::find(names.begin(), names.end(), figure.score) == names.end())
    throw Error(ErrorCode::InvalidArgument, where, fmt::format("the score \"{}\" of {}", figure.score, figure.metric),
                fmt::format("one of: {}", fmt::join(names, ", ")));
  return {completeMethod(figure.method), protocol.text, figure.score};
}

bool Published::has(const ScoreTable& table, const Cell& cell) {
  const std::vector<std::string>& methods = table.methods;  // in order
  return std::binary_search(methods.begin(), methods.end(), std::get<0>(cell)) &&
         std::any_of(table.columns.begin(), table.columns.end(), [&](const ScoreColumn& column) {
           return column.protocol == std::get<1>(cell) && column.score == std::get<2>(cell);
         });
}

Published::Published(const std::vector<PublishedFigure>& figures, const Group& group) {
  const std::string network = networkOf(group);
  std::map<std::pair<Cell, std::string>, std::size_t> seen;  // by source
  for (std::size_t i = 0; i < figures.size(); ++i) {
    const PublishedFigure& one = figures[i];
    if (one.network != network) continue;
    const Cell cell = cellOf(one, placeOf(figures, i));
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

std::string figureText(const FigureJson& entry, const char* key, const std::string& where) {
  const auto found = entry.is_object() ? entry.find(key) : entry.end();
  if (found == entry.end() || !found->is_string()) malformedFigures(where, fmt::format("no text {}", key));
  return found->get<std::string>();
}

std::string optionalText(const FigureJson& entry, const char* key, const std::string& where) {
  const auto found = entry.find(key);
  if (found == entry.end()) return "";
  if (!found->is_string()) malformedFigures(where, fmt::format("a {} that is no text", key));
  return found->get<std::string>();
}

void addFigures(const FigureJson& entry, const std::string& where, std::vector<PublishedFigure>& figures) {
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
  if (const auto twice = doubledKey({reinterpret_cast<const char*>(bytes.data()), bytes.size()}))
    throw Error(ErrorCode::InvalidArgument, path.string(), fmt::format("key '{}' twice", *twice), "every key once",
                "take one of the two out");
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

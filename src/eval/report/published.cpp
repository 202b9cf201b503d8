#include "eval/report/published.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/json_depth.h"
#include "relprop/error.h"
#include "relprop/explain.h"
#include "relprop/image.h"
#include "relprop/metrics.h"

namespace relprop::eval {

Published::Published(const std::vector<PublishedFigure>& figures, const std::string& network) {
  for (const PublishedFigure& one : figures) {
    if (one.network != network) continue;
    figures_.push_back({completeMethod(one.method), completeProtocol(one.metric), one.score, one.value});
    if (std::find(sources_.begin(), sources_.end(), one.source) == sources_.end()) sources_.push_back(one.source);
  }
}

std::optional<double> Published::value(const std::string& method, const std::string& protocol,
                                       const std::string& score) const {
  const auto found = std::find_if(figures_.begin(), figures_.end(), [&](const Figure& one) {
    return one.method == method && one.protocol == protocol && one.score == score;
  });
  return found == figures_.end() ? std::nullopt : std::optional(found->value);
}

}  // namespace relprop::eval

namespace relprop {
namespace {

using FigureJson = nlohmann::json;

[[noreturn]] void malformedFigures(const std::string& where, const std::string& got) {
  throw Error(ErrorCode::InvalidArgument, where, got,
              "a list of {source, network, metric, method, scores: {NAME: NUMBER}}");
}

std::string figureText(const FigureJson& entry, const char* key, const std::string& where) {
  const auto found = entry.is_object() ? entry.find(key) : entry.end();
  if (found == entry.end() || !found->is_string()) malformedFigures(where, fmt::format("no text {}", key));
  return found->get<std::string>();
}

void addFigures(const FigureJson& entry, const std::string& where, std::vector<PublishedFigure>& figures) {
  PublishedFigure figure{figureText(entry, "source", where),
                         figureText(entry, "network", where),
                         figureText(entry, "metric", where),
                         figureText(entry, "method", where),
                         "",
                         0};
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
  const FigureJson json = FigureJson::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!json.is_array()) malformedFigures(path.string(), "no JSON list");
  std::vector<PublishedFigure> figures;
  for (std::size_t i = 0; i < json.size(); ++i)
    addFigures(json[i], fmt::format("{}, entry {}", path.string(), i + 1), figures);
  return figures;
}

}  // namespace relprop

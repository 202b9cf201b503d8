#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "eval/sqlite.h"
#include "relprop/error.h"
#include "relprop/store.h"

namespace relprop {
namespace {

using OrderedJson = nlohmann::ordered_json;
using Write = std::function<void(const std::string&)>;
using Paths = std::map<std::string, std::string>;  // of models, by key

// Asked for at the first row, so from the same state of the store as the rows.
const std::string& pathOf(const Store& store, const std::string& model, Paths& known) {
  if (known.empty())
    for (const ModelFacts& one : store.models()) known[one.key] = one.path;
  const auto found = known.find(model);
  if (found == known.end()) eval::failDamaged(store.name(), "a row of a model that is missing");
  return found->second;
}

// Spreadsheets take text that begins like this for a formula, and run it; behind an apostrophe it is text.
std::string asText(const std::string& field) {
  const bool formula = !field.empty() && std::string_view("=+-@\t\r").find(field[0]) != std::string_view::npos;
  return formula ? "'" + field : field;
}

// RFC 4180: quotes around what holds a separator, and doubled inside.
std::string quoted(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string result = "\"";
  for (const char c : field) result += c == '"' ? "\"\"" : std::string(1, c);
  return result + "\"";
}

std::string csvLine(const std::vector<std::string>& fields) {
  std::string line;
  for (const std::string& field : fields) line += quoted(field) + ",";
  line.pop_back();
  return line + "\r\n";
}

std::string csvLines(const Result& result, const std::string& path) {
  const ResultKey& key = result.key;
  const auto line = [&](const std::string& score, const std::string& value) {
    std::vector<std::string> fields = {key.model,  path,         key.dataset, key.picture,   key.target,
                                       key.method, key.protocol, score,       result.skipped};
    std::transform(fields.begin(), fields.end(), fields.begin(), asText);
    fields.insert(fields.end() - 1, value);  // a number, which may be negative
    return csvLine(fields);
  };
  if (result.scores.empty()) return line("", "");
  std::string lines;
  for (const NamedScore& score : result.scores) lines += line(score.name, fmt::format("{}", score.value));
  return lines;
}

void exportCsv(const Store& store, const Write& write) {
  Paths paths;
  write(csvLine(
      {"model", "model_path", "dataset", "picture", "target", "method", "protocol", "score", "value", "skipped"}));
  store.each(
      [&](const Result& result, const Provenance&) { write(csvLines(result, pathOf(store, result.key.model, paths))); },
      false);
}

// JSON has no infinity and no NaN: both are null. Scores of a result have names of their own, so none is looked for.
OrderedJson jsonOf(const std::vector<NamedScore>& scores) {
  OrderedJson json = OrderedJson::object();
  auto& members = json.get_ref<OrderedJson::object_t&>();
  for (const NamedScore& score : scores) members.push_back({score.name, score.value});
  return json;
}

OrderedJson jsonOf(const std::vector<Curve>& curves) {
  OrderedJson json = OrderedJson::array();
  for (const Curve& one : curves)
    json.push_back({{"name", one.name}, {"abscissa", one.abscissa}, {"x", one.x}, {"y", one.y}});
  return json;
}

OrderedJson jsonOf(const Provenance& run) {
  return {{"version", run.version},     {"host", run.host}, {"command", run.command}, {"precision", run.precision},
          {"libraries", run.libraries}, {"seed", run.seed}, {"threads", run.threads}};
}

OrderedJson jsonOf(const Result& result, const Provenance& run, const std::string& path) {
  const ResultKey& key = result.key;
  return {{"model", key.model},
          {"modelPath", path},
          {"dataset", key.dataset},
          {"picture", key.picture},
          {"target", key.target},
          {"method", key.method},
          {"protocol", key.protocol},
          {"skipped", result.skipped},
          {"scores", jsonOf(result.scores)},
          {"curves", jsonOf(result.curves)},
          {"measureSeconds", result.measureSeconds},
          {"provenance", jsonOf(run)}};
}

// Names of files need not be UTF-8, JSON has to be.
std::string textOf(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

void exportJson(const Store& store, const Write& write) {
  Paths paths;
  const char* before = "[\n";
  store.each([&](const Result& result, const Provenance& run) {
    write(before + textOf(jsonOf(result, run, pathOf(store, result.key.model, paths))));
    before = ",\n";
  });
  write(*before == '[' ? "[]\n" : "\n]\n");
}

}  // namespace

void exportStore(const Store& store, const std::string& format, const Write& write) {
  if (!write) throw Error(ErrorCode::InvalidArgument, "write", "an empty function", "one that takes the text");
  if (format == "csv") return exportCsv(store, write);
  if (format == "json") return exportJson(store, write);
  throw Error(ErrorCode::InvalidArgument, "format", "\"" + format + "\"", "csv or json");
}

}  // namespace relprop

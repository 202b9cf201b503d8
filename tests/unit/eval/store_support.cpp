#include "unit/eval/store_support.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace relprop::store_test {

namespace fs = std::filesystem;

Provenance run(const std::string& command) {
  return {"0.1.0", "host", command, "float32", {{"onednn", "3.5"}, {"sqlite", "3.40"}}, 7, 2};
}

ModelFacts model(const std::string& key) {
  return {key, "models/" + key + ".onnx", "hash of " + key, R"({"mean":[0,0,0]})", "3×224×224"};
}

PictureFacts pictureFacts(const std::string& picture, const std::string& target) {
  PictureFacts facts;
  facts.model = "net";
  facts.dataset = "folder:animals";
  facts.picture = picture;
  facts.target = target;
  facts.file = "animals/" + picture;
  facts.trueClass = 1;
  facts.predictedClass = facts.targetClass = 2;
  facts.trueLabel = "cat";
  facts.predictedLabel = facts.targetLabel = "dog";
  facts.targetProbability = 0.1 + 0.2;
  return facts;
}

Result result(const std::string& picture, const std::string& method, const std::string& protocol) {
  Result one;
  one.key = {"net", "folder:animals", picture, "true", method, protocol};
  const double value = static_cast<double>(std::hash<std::string>{}(picture + '/' + method + '/' + protocol)) / 7e18;
  one.scores = {{"second", value}, {"first", -value / 3}};
  one.curves = {{"curve", "share of pixels", {0, 0.1, 1}, {value, 1 / value, -value}}};
  one.measureSeconds = 0.25;
  return one;
}

ResultBatch batch(const std::string& picture, const std::vector<std::string>& methods,
                  const std::vector<std::string>& protocols) {
  ResultBatch whole;
  whole.pictures = {pictureFacts(picture)};
  for (const std::string& method : methods) {
    whole.maps.push_back({"net", "folder:animals", picture, "true", method, 0.5, {}});
    for (const std::string& protocol : protocols) whole.results.push_back(result(picture, method, protocol));
  }
  return whole;
}

Store ready(Store store) {
  store.beginRun(run());
  store.put(model());
  return store;
}

Store writable(const fs::path& path) {
  return ready(Store::open(path, Store::Access::Write));
}

std::string show(const Result& result) {
  const ResultKey& key = result.key;
  std::string text = fmt::format("{} {} {} {} {} {} [{}]", key.model, key.dataset, key.picture, key.target, key.method,
                                 key.protocol, result.skipped);
  for (const NamedScore& score : result.scores) text += fmt::format(" {}={:a}", score.name, score.value);
  for (const Curve& curve : result.curves)
    text += fmt::format(" {}({}): {:a} -> {:a}", curve.name, curve.abscissa, fmt::join(curve.x, " "),
                        fmt::join(curve.y, " "));
  return text;
}

std::string show(const PictureFacts& p) {
  return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {:a} [{}] {} {}", p.model, p.dataset, p.picture, p.target,
                     p.file, p.trueClass, p.predictedClass, p.targetClass, p.trueLabel, p.predictedLabel, p.targetLabel,
                     p.targetProbability, p.skipped, p.view, p.truth);
}

std::string show(const Provenance& run) {
  return fmt::format("{} {} {} {} {} {} {}", run.version, run.host, run.command, run.precision, run.libraries, run.seed,
                     run.threads);
}

std::string show(const Store& store) {
  std::string text;
  for (const ModelFacts& m : store.models())
    text += fmt::format("{} {} {} {} {}\n", m.key, m.path, m.hash, m.preprocess, m.inputShape);
  for (const PictureFacts& picture : store.pictures(true)) text += show(picture) + "\n";
  for (const MapFacts& m : store.maps(true)) {
    text += fmt::format("{} {} {} {} {}", m.model, m.dataset, m.picture, m.target, m.method);
    if (m.map) text += fmt::format(" {} {:a}", m.map->shape, fmt::join(m.map->data, " "));
    text += "\n";
  }
  store.each([&](const Result& one, const Provenance& by) { text += show(one) + " by " + show(by) + "\n"; });
  return text;
}

std::string query(const fs::path& path, const std::string& sql) {
  sqlite3* database = nullptr;
  EXPECT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  std::string text;
  const auto line = [](void* to, int count, char** values, char**) {
    auto& all = *static_cast<std::string*>(to);
    for (int i = 0; i < count; ++i) all += (i ? "|" : "") + std::string(values[i] ? values[i] : "NULL");
    all += "\n";
    return 0;
  };
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), line, &text, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
  sqlite3_close(database);
  return text;
}

}  // namespace relprop::store_test

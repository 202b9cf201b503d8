#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "unit/eval/store_support.h"

namespace relprop::store_test {
namespace {

std::string exported(const Store& store, const std::string& format) {
  std::string text;
  exportStore(store, format, [&](const std::string& piece) { text += piece; });
  return text;
}

// A reader of RFC 4180 as plain as can be, for comparison.
std::vector<std::vector<std::string>> parseCsv(const std::string& text) {
  std::vector<std::vector<std::string>> lines(1, {""});
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (inside && c == '"' && text.substr(i + 1, 1) == "\"")
      lines.back().back() += text[++i];
    else if (c == '"')
      inside = !inside;
    else if (!inside && c == ',')
      lines.back().emplace_back();
    else if (!inside && text.substr(i, 2) == "\r\n")
      lines.push_back({""}), ++i;
    else
      lines.back().back() += c;
  }
  EXPECT_FALSE(inside);
  EXPECT_EQ(lines.back(), std::vector<std::string>{""}) << "the last line has no end";
  lines.pop_back();
  return lines;
}

Store sample() {
  Store store = ready(Store::inMemory());
  store.write(batch("a", {"rap", "lrp"}));
  ResultBatch odd = batch("b, \"quoted\"\r\nsecond line");
  odd.results[0].scores = {{"nan", std::nan("")}, {"inf", -std::numeric_limits<double>::infinity()}, {"tenth", 0.1}};
  odd.results[0].curves.clear();
  store.write(odd);
  ResultBatch skipped = batch("c");
  skipped.results[0].scores.clear();
  skipped.results[0].curves.clear();
  skipped.results[0].skipped = "the box covers all";
  store.write(skipped);
  return store;
}

}  // namespace

// A formula of a spreadsheet is one only where it is the first thing in its cell.
TEST(Export, NoNameIsAFormula) {
  Store store = ready(Store::inMemory());
  ResultBatch odd = batch("=cmd|' /C calc'!A0", {"@SUM(1,1)"}, {"+1"});
  odd.results[0].scores = {{"-score", -0.5}, {"\t=1", 1}};
  store.write(odd);
  const auto lines = parseCsv(exported(store, "csv"));
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[1][3], "'=cmd|' /C calc'!A0");
  EXPECT_EQ(lines[1][5], "'@SUM(1,1)");
  EXPECT_EQ(lines[1][6], "'+1");
  EXPECT_EQ(lines[1][7], "'-score");
  EXPECT_EQ(lines[1][8], "-0.5") << "a number stays one";
  EXPECT_EQ(lines[2][7], "'\t=1");
}

TEST(Export, CsvHasALineForEveryScore) {
  const Store store = sample();
  const auto lines = parseCsv(exported(store, "csv"));
  ASSERT_EQ(lines.size(), 1U + 2 + 2 + 3 + 1);
  EXPECT_THAT(lines[0], testing::ElementsAre("model", "model_path", "dataset", "picture", "target", "method",
                                             "protocol", "score", "value", "skipped"));
  std::size_t line = 1;
  for (const Result& row : store.results())
    for (const NamedScore& score : row.scores) {
      const std::vector<std::string>& fields = lines.at(line++);
      EXPECT_THAT(fields,
                  testing::ElementsAre(row.key.model, "models/net.onnx", row.key.dataset, row.key.picture,
                                       row.key.target, row.key.method, row.key.protocol, score.name, testing::_, ""));
      const double value = std::stod(fields[8]);
      EXPECT_TRUE(value == score.value || (std::isnan(value) && std::isnan(score.value))) << fields[8];
    }
  EXPECT_THAT(lines.back(), testing::ElementsAre("net", "models/net.onnx", "folder:animals", "c", "true", "rap",
                                                 "probe@1", "", "", "the box covers all"));
}

TEST(Export, JsonHasAnObjectForEveryRow) {
  const Store store = sample();
  const auto rows = nlohmann::json::parse(exported(store, "json"));
  const std::vector<Result> results = store.results();
  ASSERT_EQ(rows.size(), results.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& row = rows[i];
    const Result& one = results[i];
    EXPECT_EQ((ResultKey{row["model"], row["dataset"], row["picture"], row["target"], row["method"], row["protocol"]}),
              one.key);
    EXPECT_EQ(row["skipped"], one.skipped);
    EXPECT_EQ(row["measureSeconds"], 0.25);
    EXPECT_EQ(row["modelPath"], "models/net.onnx");
    ASSERT_EQ(row["scores"].size(), one.scores.size());
    for (const NamedScore& score : one.scores)
      EXPECT_TRUE(std::isfinite(score.value) ? row["scores"][score.name] == score.value
                                             : row["scores"][score.name].is_null());
    ASSERT_EQ(row["curves"].size(), one.curves.size());
    for (std::size_t k = 0; k < one.curves.size(); ++k) {
      EXPECT_EQ(row["curves"][k]["name"], one.curves[k].name);
      EXPECT_EQ(row["curves"][k]["abscissa"], one.curves[k].abscissa);
      EXPECT_EQ(row["curves"][k]["x"].get<std::vector<double>>(), one.curves[k].x);
      EXPECT_EQ(row["curves"][k]["y"].get<std::vector<double>>(), one.curves[k].y);
    }
    EXPECT_EQ(row["provenance"]["command"], run().command);
    EXPECT_EQ(row["provenance"]["seed"], run().seed);
    EXPECT_EQ(row["provenance"]["libraries"]["onednn"], "3.5");
  }
}

TEST(Export, OfNothing) {
  const Store store = Store::inMemory();
  EXPECT_EQ(parseCsv(exported(store, "csv")).size(), 1U);
  EXPECT_EQ(nlohmann::json::parse(exported(store, "json")), nlohmann::json::array());
}

TEST(Export, NamesThatAreNoUtf8) {
  Store store = ready(Store::inMemory());
  store.write(batch("caf\xe9.jpg"));
  EXPECT_NE(exported(store, "csv").find("caf\xe9.jpg"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(exported(store, "json"))[0]["picture"], "caf\xef\xbf\xbd.jpg");
}

TEST(Export, DoesNotDependOnTheOrderOfWriting) {
  Store forward = ready(Store::inMemory()), backward = ready(Store::inMemory());
  for (int i = 0; i < 30; ++i) {
    forward.write(batch(std::to_string(i), {"rap", "lrp"}));
    backward.write(batch(std::to_string(29 - i), {"lrp", "rap"}));
  }
  for (const std::string format : {"csv", "json"}) EXPECT_EQ(exported(forward, format), exported(backward, format));
}

TEST(Export, UnknownFormat) {
  const Error error =
      expectError(ErrorCode::InvalidArgument, [] { exportStore(Store::inMemory(), "xml", [](const auto&) {}); });
  EXPECT_EQ(error.got(), "\"xml\"");
  EXPECT_EQ(error.expected(), "csv or json");
}

// The caller's failure to take the text, e.g. a full disk, ends the export as it is.
TEST(Export, FailureOfTheReceiverComesThrough) {
  const Store store = sample();
  for (const std::string format : {"csv", "json"}) {
    expectError(ErrorCode::FileWriteFailed, [&] {
      exportStore(store, format, [](const std::string&) { throw Error(ErrorCode::FileWriteFailed, "pipe", "closed"); });
    });
    EXPECT_EQ(store.results().size(), 4U);
  }
}

}  // namespace relprop::store_test

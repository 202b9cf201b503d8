// A table of boxes as people keep them: CSV (RFC 4180) with a header that names picture, class, xmin, ymin, xmax, ymax
// in any order, one box a line; other columns are left alone. Paths count from the file's folder.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <set>

#include "eval/datasets/files.h"
#include "eval/datasets/lists.h"
#include "image/stored.h"

namespace relprop::eval {
namespace {

namespace fs = std::filesystem;
using CsvRow = std::vector<std::string>;

constexpr const char* kHeader = "a header with picture, class, xmin, ymin, xmax, ymax";

struct ClassBox {
  std::string aClass;
  Box box;
};

struct BoxTable {
  fs::path folder;
  std::vector<std::string> pictures;  // in the order of their first line
  std::map<std::string, std::vector<ClassBox>> boxes;
  std::map<std::string, int> classes;  // numbers of the classes

  fs::path picture(std::size_t i) const { return folder / pictures[i]; }
};

// Fields may stand in quotes, within which a quote is two.
CsvRow fieldsOf(const std::string& line, const std::string& where) {
  CsvRow fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"')
      fields.back() += line[i++];
    else if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      fields.emplace_back();
    else
      fields.back() += c;
  }
  if (quoted) malformed(where, "a quote that is not closed", "quotes in pairs, within a line");
  return fields;
}

std::vector<std::string> linesOf(const fs::path& path) {
  const std::vector<std::uint8_t> bytes = readFile(path);
  std::vector<std::string> lines(1);
  for (const std::uint8_t byte : bytes)
    if (byte == '\n')
      lines.emplace_back();
    else if (byte != '\r')
      lines.back() += static_cast<char>(byte);
  return lines;
}

struct Columns {
  std::size_t picture, aClass, corners[4];
};

Columns columnsOf(const CsvRow& header, const fs::path& path) {
  const auto column = [&](const char* name) {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end()) malformed(path, fmt::format("no column {}", name), kHeader);
    return static_cast<std::size_t>(found - header.begin());
  };
  return {column("picture"), column("class"), {column("xmin"), column("ymin"), column("xmax"), column("ymax")}};
}

Box boxOf(const CsvRow& row, const Columns& columns, const std::string& where) {
  double corners[4];
  for (int k = 0; k < 4; ++k) {
    const std::string& text = row[columns.corners[k]];
    const std::optional<double> number = asNumber(text);
    if (!number) malformed(where, fmt::format("'{}'", text), "a number of pixels");
    corners[k] = *number;
  }
  if (corners[2] < corners[0] || corners[3] < corners[1])
    malformed(where, "a box that ends before it begins", "xmin ≤ xmax and ymin ≤ ymax");
  return {corners[0], corners[1], corners[2], corners[3]};
}

BoxTable readTable(const fs::path& path) {
  const std::vector<std::string> lines = linesOf(path);
  const CsvRow header = fieldsOf(lines[0], path.string());
  const Columns columns = columnsOf(header, path);
  BoxTable table{path.parent_path(), {}, {}, {}};
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    const std::string where = fmt::format("{}, line {}", path.string(), i + 1);
    const CsvRow row = fieldsOf(lines[i], where);
    if (row.size() != header.size())
      malformed(where, fmt::format("{} fields", row.size()), fmt::format("{}, as the header has", header.size()));
    const std::string& picture = nameWithin(row[columns.picture], where);
    if (!table.boxes.contains(picture)) table.pictures.push_back(picture);
    table.boxes[picture].push_back({row[columns.aClass], boxOf(row, columns, where)});
  }
  if (table.pictures.empty()) malformed(path, "no boxes", "one a line");
  return table;
}

std::optional<int> asClassNumber(const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return {};
  return number;
}

// Numbers are the network's own; where one class is no number all are names, in order.
void numberClasses(BoxTable& table, Contents& contents) {
  std::set<std::string> names;
  for (const auto& [picture, boxes] : table.boxes)
    for (const ClassBox& one : boxes) names.insert(one.aClass);
  const bool numbers = std::all_of(names.begin(), names.end(), [](const auto& n) { return asClassNumber(n); });
  if (!numbers) contents.classNames = {names.begin(), names.end()};
  for (const std::string& name : names)
    table.classes[name] = numbers ? *asClassNumber(name) : static_cast<int>(table.classes.size());
}

void addSamples(Contents& contents, const BoxTable& table) {
  for (const std::string& picture : table.pictures) {
    std::set<int> classes;
    for (const ClassBox& one : table.boxes.at(picture)) classes.insert(table.classes.at(one.aClass));
    contents.samples.push_back({picture, {classes.begin(), classes.end()}});
  }
}

Annotation annotationOf(const BoxTable& table, std::size_t i, std::optional<int> aClass) {
  Annotation annotation;
  for (const ClassBox& one : table.boxes.at(table.pictures[i]))
    if (!aClass || table.classes.at(one.aClass) == *aClass) annotation.boxes.push_back(one.box);
  return annotation;
}

}  // namespace

Contents openBoxes(const fs::path& path) {
  BoxTable table = readTable(path);
  Contents contents;
  numberClasses(table, contents);
  addSamples(contents, table);
  notePictures(contents, path, [&](std::size_t i) { return table.picture(i); });
  contents.hasBoxes = true;
  contents.notes.push_back("A table of boxes has no masks: metrics that need them are left out.");
  const auto shared = std::make_shared<const BoxTable>(std::move(table));
  contents.image = [shared](std::size_t i) { return readStoredImage(regularFile(shared->picture(i))); };
  contents.annotation = [shared](std::size_t i, std::optional<int> aClass) { return annotationOf(*shared, i, aClass); };
  return contents;
}

}  // namespace relprop::eval

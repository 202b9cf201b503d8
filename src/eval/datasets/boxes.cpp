// A table of boxes as people keep them: CSV (RFC 4180) with a header that names picture, class, xmin, ymin, xmax, ymax
// in any order, one box a line; other columns are left alone. Paths count from the file's folder.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string_view>

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

// Rows of RFC 4180: a field may stand in quotes, within which a quote is two and a line break is text. A quote further
// inside a field is text. Lines end with or without a carriage return, which is text elsewhere; empty ones are left
// out.
class CsvRows {
 public:
  explicit CsvRows(const fs::path& path) : path_(path), text_(readText(path)) {}

  std::optional<CsvRow> next() {
    CsvRow row;
    while (at_ < text_.size()) {
      row = read();
      if (row.size() > 1 || !row[0].empty()) return row;
    }
    return {};
  }
  // The last row's first line.
  std::string where() const { return fmt::format("{}, line {}", path_.string(), first_); }

 private:
  CsvRow read() {
    CsvRow fields(1);
    first_ = line_;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '\n') {
        ++line_;
        break;
      }
      if (c == '\r' && (at_ == text_.size() || text_[at_] == '\n')) continue;
      if (c == '"' && fields.back().empty())
        readQuoted(fields.back());
      else if (c == ',')
        fields.emplace_back();
      else
        fields.back() += c;
    }
    return fields;
  }
  void readQuoted(std::string& field) {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"' && (++at_ == text_.size() || text_[at_] != '"')) return;
      line_ += c == '\n';
      field += c;
    }
    malformed(where(), "a quote that is not closed", "quotes in pairs");
  }

  fs::path path_;
  std::string text_;
  std::size_t at_ = 0, line_ = 1, first_ = 1;
};

struct Columns {
  std::size_t picture, aClass, corners[4];
};

Columns columnsOf(const CsvRow& header, const fs::path& path) {
  const auto column = [&](const char* name) {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end()) malformed(path, fmt::format("no column {}", name), kHeader);
    if (std::find(found + 1, header.end(), name) != header.end())
      malformed(path, fmt::format("column {} is there twice", name), "every column once");
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
  CsvRows rows(path);
  const CsvRow header = rows.next().value_or(CsvRow());
  const Columns columns = columnsOf(header, path);
  BoxTable table{path.parent_path(), {}, {}, {}};
  std::set<std::string> seen;
  while (const std::optional<CsvRow> row = rows.next()) {
    const std::string where = rows.where();
    if (row->size() != header.size())
      malformed(where, fmt::format("{} fields", row->size()), fmt::format("{}, as the header has", header.size()));
    const std::string& picture = nameWithin(row->at(columns.picture), where);
    const auto [boxes, fresh] = table.boxes.try_emplace(picture);
    if (fresh) {
      requireFreshName(seen, picture, where, "one spelling of each picture's name, in as many lines as it has boxes");
      table.pictures.push_back(picture);
    }
    boxes->second.push_back({row->at(columns.aClass), boxOf(*row, columns, where)});
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

bool isDigits(std::string_view text) {
  text.remove_prefix(text.starts_with('-'));
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// Whether all classes are numbers. They are then the network's own, so that none may be beyond what a class can be:
// sorted as names all would become others.
bool areClassNumbers(const std::set<std::string>& names, const fs::path& path) {
  if (!std::all_of(names.begin(), names.end(), isDigits)) return false;
  const auto beyond = std::find_if(names.begin(), names.end(), [](const auto& n) { return !asClassNumber(n); });
  if (beyond != names.end())
    malformed(path, fmt::format("class {}", *beyond),
              fmt::format("numbers of classes from 0 to {}, or names", std::numeric_limits<int>::max()),
              "leave the boxes of no class out");
  return true;
}

// Where one class is no number all are names, in order.
void numberClasses(BoxTable& table, Contents& contents, const fs::path& path) {
  std::set<std::string> names;
  for (const auto& [picture, boxes] : table.boxes)
    for (const ClassBox& one : boxes) names.insert(one.aClass);
  const bool numbers = areClassNumbers(names, path);
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
  numberClasses(table, contents, path);
  addSamples(contents, table);
  notePictures(contents, path, [&](std::size_t i) { return table.picture(i); });
  contents.hasBoxes = true;
  contents.notes.push_back("A table of boxes has no masks: metrics that need them are left out.");
  const auto shared = std::make_shared<const BoxTable>(std::move(table));
  contents.file = [shared](std::size_t i) { return shared->picture(i); };
  contents.annotation = [shared](std::size_t i, std::optional<int> aClass) { return annotationOf(*shared, i, aClass); };
  return contents;
}

}  // namespace relprop::eval

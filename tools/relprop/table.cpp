#include "table.h"

#include <algorithm>

#include "relprop/text.h"

namespace relprop::cli {
namespace {

// How many columns a text takes: "×" is one column but two bytes.
std::size_t columnsOf(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::vector<std::size_t> widthsOf(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columnsOf(row[i]));
  }
  return widths;
}

}  // namespace

void printTable(Console& console, std::vector<std::vector<std::string>> rows) {
  for (auto& row : rows)
    for (std::string& cell : row) cell = visibleText(cell);  // before they are measured
  const std::vector<std::size_t> widths = widthsOf(rows);
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += "  " + row[i] + std::string(widths[i] - columnsOf(row[i]), ' ');
    console.data(line.substr(0, line.find_last_not_of(' ') + 1));
  }
}

}  // namespace relprop::cli

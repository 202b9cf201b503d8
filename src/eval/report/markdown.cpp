#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "eval/report/names.h"
#include "eval/report/score_table.h"
#include "eval/report/section.h"
#include "relprop/report.h"
#include "relprop/text.h"

namespace relprop::eval {
namespace {

// A line end would end a table's row.
std::string oneLine(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return visibleText(text);
}

// Text that GitHub shows as it is.
std::string plainText(const std::string& text) {
  std::string result;
  for (const char c : oneLine(text)) {
    if (std::string_view("\\`*_{}[]<>()#|~!&@$").find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

std::size_t longestRun(const std::string& text, char wanted) {
  std::size_t longest = 0, run = 0;
  for (const char c : text) longest = std::max(longest, run = c == wanted ? run + 1 : 0);
  return longest;
}

// In as many backticks as the text does not have in a row. In a table a bar needs a backslash even here.
std::string code(const std::string& text, bool inTable) {
  std::string inner;
  for (const char c : oneLine(text)) {
    if (c == '|' && inTable) inner += '\\';
    inner += c;
  }
  const std::string fence(longestRun(text, '`') + 1, '`');
  const char* space = fence.size() > 1 ? " " : "";
  return fence + space + inner + space + fence;
}

std::string headOf(const Section& section) {
  std::string names = "| method |", rule = "|---|";
  for (const ScoreColumn& column : section.group.table.columns) {
    const ShortName& protocol = section.protocol(column.protocol);
    names += fmt::format(" {} · {} {} |", plainText(protocol.text()), plainText(column.score), arrowOf(column.better));
    rule += "---:|";
    if (column.ratio) names += " median | mean of logs |", rule += "---:|---:|";
  }
  return names + " time a picture ↓ |\n" + rule + "---:|\n";
}

std::string cellText(const ScoreCell& cell, int decimals, std::size_t samples) {
  if (cell.all.count == 0) return "–";
  std::string text = formatted(cell.all.mean, decimals);
  if (cell.best) text = "**" + text + "**";
  if (cell.tied && !cell.best) text = "≈ " + text;
  text += errorText(cell.all, decimals);
  return cell.all.count == samples ? text : text + fmt::format(" (n {})", cell.all.count);
}

// Median and mean of logarithms of a ratio.
std::string ratioCells(const ScoreCell& cell, int decimals) {
  if (cell.all.count == 0) return " – | – |";
  const std::string left = cell.logs.count == cell.all.count ? "" : fmt::format(" (n {})", cell.logs.count);
  const std::string logs = cell.logs.count == 0 ? "–" : formatted(cell.logs.mean, 2) + errorText(cell.logs, 2) + left;
  return fmt::format(" {} | {} |", formatted(cell.median, decimals), logs);
}

std::string besideText(const Section& section, const std::string& method, const ScoreColumn& column, int decimals) {
  const std::optional<double> theirs = section.beside.value(method, column.protocol, column.score);
  return theirs ? fmt::format(" [{}]", formatted(*theirs, decimals)) : "";
}

std::string sourcesText(const Section& section) {
  if (section.beside.sources().empty()) return "";
  return "\nIn brackets: " + plainText(fmt::format("{}", fmt::join(section.beside.sources(), "; "))) + ".\n";
}

// `decimals`: of each column.
std::string rowOf(const Section& section, std::size_t m, const std::vector<int>& decimals) {
  const ScoreTable& table = section.group.table;
  std::string text = "| " + code(section.methods[m].text(), true) + " |";
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const ScoreColumn& column = table.columns[i];
    text += " " + cellText(column.cells[m], decimals[i], table.samples) +
            besideText(section, table.methods[m], column, decimals[i]) + " |";
    if (column.ratio) text += ratioCells(column.cells[m], decimals[i]);
  }
  const SampleMean& seconds = table.costs[m].seconds;
  return text + " " + (seconds.count ? formattedSeconds(seconds.mean) : "–") + " |\n";
}

std::string skipsText(const Section& section) {
  if (section.group.table.skips.empty()) return "";
  std::string text = "\nLeft out:\n\n";
  for (const SkipCount& skips : section.group.table.skips) {
    const std::string what = skips.method.empty() ? plural(skips.count, section.noun())
                                                  : fmt::format("{} of {} under {}", plural(skips.count, "score"),
                                                                code(skips.method, false), code(skips.protocol, false));
    text += fmt::format("- {}: {}\n", what, plainText(skips.reason));
  }
  return text;
}

std::string list(const std::string& heading, const std::vector<std::string>& texts) {
  std::string text = "\n" + heading + ":\n\n";
  for (const std::string& one : texts) text += "- " + code(one, false) + "\n";
  return text;
}

std::string sectionText(const Section& section) {
  const ScoreTable& table = section.group.table;
  std::string text =
      fmt::format("\n## {}\n\n{}.\n\n{}", plainText(section.heading), section.measuredText(), headOf(section));
  std::vector<int> decimals;
  for (const ScoreColumn& column : table.columns) decimals.push_back(decimalsOf(column));
  for (std::size_t m = 0; m < table.methods.size(); ++m) text += rowOf(section, m, decimals);
  text += sourcesText(section) + skipsText(section) + list("Methods", table.methods) +
          list("Protocols", section.protocolTexts);
  const ModelFacts& model = section.group.model;
  return text + fmt::format("\nModel {}, hash {}, input {}, preprocessing {}.\n", code(model.path, false),
                            code(model.hash, false), plainText(model.inputShape), code(model.preprocess, false));
}

// The default is the title of the pages.
std::string titleText(const ReportOptions& options) {
  const bool chosen = !options.title.empty() && options.title != ReportOptions().title;
  return chosen ? plainText(options.title) : "Results";
}

std::string runText(const Provenance& run) {
  std::vector<std::string> libraries;
  for (const auto& [name, version] : run.libraries) libraries.push_back(name + " " + version);
  return fmt::format("- {}\n  relprop {} on {}, {}, {}, seed {}; {}\n", code(run.command, false),
                     plainText(run.version), plainText(run.host),
                     plural(static_cast<std::size_t>(run.threads), "thread"), plainText(run.precision), run.seed,
                     plainText(fmt::format("{}", fmt::join(libraries, ", "))));
}

}  // namespace
}  // namespace relprop::eval

namespace relprop {

std::string markdownReport(const Store& store, const ReportOptions& options) {
  std::string text =
      "# " + eval::titleText(options) +
      "\n\nMean ± standard error. **Bold**: the best mean of its column, of methods with at least 90 % of its "
      "pictures. ≈: not distinguishable from it, the "
      "95 % "
      "bootstrap interval of the difference, paired by picture, includes 0; of ratios both are of the logarithms. ↑ "
      "higher, ↓ lower is better.\n";
  for (const eval::Section& section : eval::sectionsOf(store, {0, "", options.beside}))
    text += eval::sectionText(section);
  text += "\n## Commands\n\n";
  for (const Provenance& run : store.runs()) text += eval::runText(run);
  return text;
}

}  // namespace relprop

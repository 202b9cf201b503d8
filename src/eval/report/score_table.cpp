#include "eval/report/score_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "eval/report/html.h"

namespace relprop::eval {
namespace {

constexpr std::size_t kMostReasons = 50;

std::string labelOf(const ShortName& name) {
  if (name.parameters.empty()) return escaped(name.name);
  return fmt::format("{} <span class=\"params\">{}</span>", escaped(name.name), escaped(name.parameters));
}

using Columns = std::vector<const ScoreColumn*>;

Columns allColumns(const ScoreTable& table) {
  Columns columns;
  for (const ScoreColumn& column : table.columns) columns.push_back(&column);
  return columns;
}

bool startsProtocol(const Columns& columns, std::size_t i) {
  return i == 0 || columns[i]->protocol != columns[i - 1]->protocol;
}

// The scores of one protocol stand together under its name.
std::string protocolHeads(const Section& section, const Columns& columns) {
  std::string html;
  for (std::size_t start = 0, end; start < columns.size(); start = end) {
    for (end = start + 1; end < columns.size() && !startsProtocol(columns, end);) ++end;
    html += fmt::format("<th scope=\"colgroup\" colspan=\"{}\" class=\"protocol\" title=\"{}\">{}</th>", end - start,
                        escaped(columns[start]->protocol), labelOf(section.protocol(columns[start]->protocol)));
  }
  return html;
}

// The number of samples of the method that has most; what differs from it is said beside the number.
std::size_t usualCount(const ScoreColumn& column) {
  std::size_t count = 0;
  for (const ScoreCell& cell : column.cells) count = std::max(count, cell.all.count);
  return count;
}

std::string countText(std::size_t count, std::size_t usual) {
  return count == usual ? "" : fmt::format("<span class=\"count\">n {}</span>", count);
}

std::string scoreHeads(const ScoreTable& table, const Columns& columns, bool counts) {
  std::string html;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const ScoreColumn& column = *columns[i];
    html += fmt::format(
        "<th scope=\"col\" class=\"{}\" data-better=\"{}\"><button type=\"button\" class=\"sort\" title=\"{}\">{}"
        "<span class=\"arrow\" aria-hidden=\"true\">{}</span><span class=\"sr\">, {}</span></button>{}</th>",
        startsProtocol(columns, i) ? "first" : "", column.better == Better::Higher ? "higher" : "lower",
        escaped(summaryOf(column.protocol, column.score)), escaped(column.score), arrowOf(column.better),
        betterText(column.better), counts ? countText(usualCount(column), table.samples) : "");
  }
  return html;
}

std::string head(const Section& section, const Columns& columns, bool counts) {
  return fmt::format(
      "<thead><tr><th scope=\"col\" rowspan=\"2\" class=\"name\"><button type=\"button\" "
      "class=\"sort\">Method</button></th>"
      "{}<th scope=\"col\" rowspan=\"2\" class=\"first\" data-better=\"lower\"><button type=\"button\" class=\"sort\" "
      "title=\"seconds of explaining one picture\">Time<span class=\"arrow\" aria-hidden=\"true\">↓</span>"
      "<span class=\"sr\">, lower is better</span></button></th></tr><tr>{}</tr></thead>\n",
      protocolHeads(section, columns), scoreHeads(section.group.table, columns, counts));
}

std::string nameOfBest(const Section& section, const ScoreColumn& column) {
  for (std::size_t m = 0; m < column.cells.size(); ++m)
    if (column.cells[m].best) return section.methods[m].text();
  return "";
}

// What all cells of a column ask for, and what takes a walk over them.
struct ColumnFacts {
  int decimals;
  std::size_t usual;
  std::string best;
};

std::vector<ColumnFacts> columnFactsOf(const Section& section) {
  std::vector<ColumnFacts> facts;
  for (const ScoreColumn& column : section.group.table.columns)
    facts.push_back({decimalsOf(column), usualCount(column), nameOfBest(section, column)});
  return facts;
}

std::string comparison(const Section& section, const ScoreColumn& column, const ScoreCell& cell,
                       const ColumnFacts& facts) {
  const int decimals = facts.decimals;
  const std::string &best = facts.best, noun = section.noun();
  const DifferenceInterval& interval = cell.toBest;
  const char* of = column.ratio ? " of logarithms" : "";
  if (cell.best) return fmt::format("The best mean{} of the column.", of);
  if (interval.count < 2) return fmt::format("Too few {}s in common with {} to compare.", noun, best);
  return fmt::format("Difference{} to {}: {} (95 % interval {} … {}, {}). {}", of, best,
                     formatted(interval.difference, decimals + 1), formatted(interval.low, decimals + 1),
                     formatted(interval.high, decimals + 1), plural(interval.count, "common " + noun),
                     cell.tied ? "Not distinguishable from the best." : "");
}

std::string tipOf(const Section& section, const ScoreColumn& column, const ScoreCell& cell, const ColumnFacts& facts) {
  const int decimals = facts.decimals;
  std::string tip = fmt::format("{}{} ({}).", formatted(cell.all.mean, decimals + 2), errorText(cell.all, decimals + 2),
                                plural(cell.all.count, section.noun()));
  if (column.better != Better::Neither) tip += "\n" + comparison(section, column, cell, facts);
  return tip;
}

// Median and mean of logarithms: a ratio's mean is ruled by few pictures.
std::string ratioText(const ScoreColumn& column, const ScoreCell& cell, int decimals) {
  if (!column.ratio || cell.logs.count == 0) return "";
  return fmt::format("<span class=\"count\">median {}, logs {}{}</span>", formatted(cell.median, decimals),
                     formatted(cell.logs.mean, 2), errorText(cell.logs, 2));
}

std::string besideText(const Section& section, const ScoreColumn& column, std::size_t method, int decimals) {
  const std::optional<double> theirs =
      section.beside.value(section.group.table.methods[method], column.protocol, column.score);
  return theirs ? fmt::format("<span class=\"count\">published {}</span>", formatted(*theirs, decimals)) : "";
}

std::string errorSpan(const SampleMean& mean, int decimals) {
  const std::string text = errorText(mean, decimals);
  return text.empty() ? "" : "<span class=\"error\">" + text + "</span>";
}

std::string scoreCell(const Section& section, const ScoreColumn& column, const ColumnFacts& facts, std::size_t method,
                      bool first) {
  const ScoreCell& cell = column.cells[method];
  const std::string group = first ? " first" : "";
  const int decimals = facts.decimals;
  if (cell.all.count == 0)
    return fmt::format("<td class=\"none{}\" title=\"no score\">–{}</td>", group,
                       besideText(section, column, method, decimals));
  const std::string mark =
      cell.tied && !cell.best
          ? "<span class=\"tie\" aria-hidden=\"true\">≈</span><span class=\"sr\">not distinguishable </span>"
          : "";
  return fmt::format(
      "<td class=\"{}{}{}\" data-value=\"{}\"><button type=\"button\" class=\"cell\" data-tip=\"{}\">{}<span "
      "class=\"mean\">{}"
      "</span>{}{}{}</button></td>",
      cell.best ? "best" : "", cell.tied && !cell.best ? "tied" : "", group, cell.all.mean,
      escaped(tipOf(section, column, cell, facts)), mark, formatted(cell.all.mean, decimals),
      errorSpan(cell.all, decimals), countText(cell.all.count, facts.usual),
      ratioText(column, cell, decimals) + besideText(section, column, method, decimals));
}

std::string costCell(const SampleMean& seconds, const std::string& noun) {
  if (seconds.count == 0) return "<td class=\"none first\">–</td>";
  const bool known = std::isfinite(seconds.standardError);
  const std::string error = known ? " ± " + formattedSeconds(seconds.standardError) : "";
  return fmt::format(
      "<td class=\"first\" data-value=\"{}\"><button type=\"button\" class=\"cell\" data-tip=\"{}{} ({}).\"><span "
      "class=\"mean\">{}</span></button></td>",
      seconds.mean, formattedSeconds(seconds.mean), error, plural(seconds.count, noun), formattedSeconds(seconds.mean));
}

std::string row(const Section& section, const Columns& columns, const std::vector<ColumnFacts>& facts,
                std::size_t method) {
  std::string html = fmt::format("<tr data-method=\"{}\"><th scope=\"row\" data-value=\"{}\">{}</th>", method,
                                 escaped(section.methods[method].text()), methodLabel(section, method));
  for (std::size_t i = 0; i < columns.size(); ++i)
    html += scoreCell(section, *columns[i], facts[i], method, startsProtocol(columns, i));
  return html + costCell(section.group.table.costs[method].seconds, section.noun()) + "</tr>\n";
}

std::string wrapped(const std::string& caption, const std::string& table) {
  return fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table class=\"scores\" data-sortable>"
      "<caption class=\"sr\">{}</caption>\n{}</table></div>\n",
      escaped(caption), escaped(caption), table);
}

// Why a method has no score of a protocol on a picture.
std::string reasonOf(const ShownPicture& picture, const std::string& method, const std::string& protocol) {
  const auto ofMethod = picture.results.find(method);
  if (ofMethod == picture.results.end()) return "not measured";
  const auto result = ofMethod->second.find(protocol);
  if (result == ofMethod->second.end()) return "not measured";
  return result->second.skipped.empty() ? "no score" : result->second.skipped;
}

std::string pictureCell(const ShownPicture& picture, const std::string& method, const ScoreColumn& column, bool first) {
  const double value = scoreOf(picture, method, column);
  const char* group = first ? "first" : "";
  if (!std::isfinite(value))
    return fmt::format("<td class=\"none {}\"><button type=\"button\" class=\"cell\" data-tip=\"{}\">–</button></td>",
                       group, escaped(reasonOf(picture, method, column.protocol)));
  return fmt::format("<td class=\"{}\" data-value=\"{}\">{}</td>", group, value, formatted(value, 4));
}

std::string pictureRow(const Section& section, const ShownPicture& picture, const Columns& columns, std::size_t m) {
  const std::string& method = section.group.table.methods[m];
  std::string html = fmt::format("<tr data-method=\"{}\"><th scope=\"row\" data-value=\"{}\">{}</th>", m,
                                 escaped(section.methods[m].text()), methodLabel(section, m));
  for (std::size_t i = 0; i < columns.size(); ++i)
    html += pictureCell(picture, method, *columns[i], startsProtocol(columns, i));
  if (!picture.seconds[m]) return html + "<td class=\"none first\">–</td></tr>\n";
  return html + fmt::format("<td class=\"first\" data-value=\"{}\">{}</td></tr>\n", *picture.seconds[m],
                            formattedSeconds(*picture.seconds[m]));
}

std::string skipRow(const Section& section, const SkipCount& skips) {
  const bool picture = skips.method.empty();
  return fmt::format("<tr><td class=\"number\">{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n", skips.count,
                     picture ? "the picture as a whole" : methodLabel(section, section.method(skips.method).value()),
                     picture ? "" : labelOf(section.protocol(skips.protocol)), escaped(skips.reason));
}

}  // namespace

std::string betterText(Better better) {
  if (better == Better::Neither) return "neither higher nor lower is better";
  return better == Better::Higher ? "higher is better" : "lower is better";
}

std::string arrowOf(Better better) {
  if (better == Better::Neither) return "";
  return better == Better::Higher ? "↑" : "↓";
}

std::string methodLabel(const Section& section, std::size_t method) {
  return fmt::format(
      "<span class=\"method\" title=\"{}\"><span class=\"swatch c{}\" "
      "aria-hidden=\"true\"></span><span>{}</span></span>",
      escaped(section.group.table.methods[method]), method % 10, labelOf(section.methods[method]));
}

std::string scoreTable(const Section& section) {
  const Columns columns = allColumns(section.group.table);
  const std::vector<ColumnFacts> facts = columnFactsOf(section);
  std::string html = head(section, columns, true) + "<tbody>\n";
  for (std::size_t m = 0; m < section.methods.size(); ++m) html += row(section, columns, facts, m);
  return wrapped("Scores: " + section.heading, html + "</tbody>\n");
}

std::string pictureTable(const Section& section, const ShownPicture& picture) {
  const std::vector<std::size_t> methods = methodsOf(section, picture);
  if (methods.empty()) return "<p class=\"note\">No method was measured on this picture.</p>\n";
  const Columns columns = columnsOf(section, picture);
  std::string html = head(section, columns, false) + "<tbody>\n";
  for (const std::size_t m : methods) html += pictureRow(section, picture, columns, m);
  return "<div class=\"card\">" + wrapped("Scores of this picture", html + "</tbody>\n") + "</div>\n";
}

std::string skipList(const Section& section) {
  const auto& skips = section.group.table.skips;
  if (skips.empty()) return "";
  std::size_t pictures = 0, others = 0, rest = 0;
  for (const SkipCount& one : skips) (one.method.empty() ? pictures : others) += one.count;
  std::string rows;
  for (std::size_t i = 0; i < skips.size(); ++i)
    i < kMostReasons ? void(rows += skipRow(section, skips[i])) : void(rest += skips[i].count);
  if (rest > 0)
    rows += fmt::format("<tr><td class=\"number\">{}</td><td colspan=\"3\">for {} other reasons</td></tr>\n", rest,
                        skips.size() - kMostReasons);
  return fmt::format(
      "<details class=\"card\"><summary>Left out: {}, {}</summary><div class=\"scroll\"><table "
      "class=\"plain\"><thead><tr>"
      "<th scope=\"col\" class=\"number\">Count</th><th scope=\"col\">Method</th><th scope=\"col\">Protocol</th><th "
      "scope=\"col\">"
      "Reason</th></tr></thead><tbody>\n{}</tbody></table></div></details>\n",
      plural(pictures, section.noun()), plural(others, "single score"), rows);
}

std::string completeStrings(const Section& section) {
  std::string html =
      "<details class=\"card\"><summary>Methods and protocols in full</summary><h4>Methods</h4><ul "
      "class=\"strings\">\n";
  for (std::size_t m = 0; m < section.methods.size(); ++m)
    html += fmt::format("<li><span class=\"swatch c{}\" aria-hidden=\"true\"></span><code>{}</code></li>\n", m % 10,
                        escaped(section.group.table.methods[m]));
  html += "</ul><h4>Protocols</h4><ul class=\"strings\">\n";
  for (const std::string& text : section.protocolTexts)
    html += fmt::format("<li><code>{}</code></li>\n", escaped(text));
  const ModelFacts& model = section.group.model;
  html += fmt::format(
      "</ul><h4>Model</h4><dl class=\"facts\"><dt>File</dt><dd><code>{}</code></dd><dt>Hash of the "
      "file</dt><dd><code>{}</code></dd>"
      "<dt>Input</dt><dd>{}</dd><dt>Preprocessing</dt><dd><code>{}</code></dd><dt>Key</dt><dd><code>{}</code></dd></"
      "dl></details>\n",
      escaped(model.path), escaped(model.hash), escaped(model.inputShape), escaped(model.preprocess),
      escaped(model.key));
  return html;
}

}  // namespace relprop::eval

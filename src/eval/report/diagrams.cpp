#include "eval/report/diagrams.h"

#include <fmt/format.h>

#include <algorithm>

#include "eval/report/html.h"
#include "eval/report/plot.h"
#include "eval/report/score_table.h"

namespace relprop::eval {
namespace {

// On one page of one kind. Each takes kilobytes, whatever it shows.
constexpr std::size_t kMostDiagrams = 200;
constexpr double kNormal95 = 1.959964;  // of the normal distribution 95 % lie within so many deviations

std::vector<PlotPoint> pointsOf(const MeanCurve& curve) {
  std::vector<PlotPoint> points;
  for (const auto& [x, values] : curve) {
    const SampleMean y = values.result();
    points.push_back({x, y.mean, y.mean - kNormal95 * y.standardError, y.mean + kNormal95 * y.standardError});
  }
  return points;
}

std::string figure(const std::string& caption, const std::string& detail, const std::string& svg) {
  return fmt::format(
      "<figure class=\"card\"><figcaption><strong>{}</strong> <span "
      "class=\"muted\">{}</span></figcaption>{}</figure>\n",
      escaped(caption), escaped(detail), svg);
}

// Those that show something; of many the first.
class Figures {
 public:
  void add(const std::string& caption, const std::string& detail, const Plot& plot, std::string (*draw)(const Plot&)) {
    if (!plot.series.empty() && ++count_ <= kMostDiagrams) html_ += figure(caption, detail, draw(plot));
  }
  std::string html() const {
    if (count_ <= kMostDiagrams) return html_;
    return html_ + fmt::format("<p class=\"note\">{} more {} left out: {} stand here at most.</p>\n",
                               count_ - kMostDiagrams, count_ == kMostDiagrams + 1 ? "is" : "are", kMostDiagrams);
  }

 private:
  std::size_t count_ = 0;
  std::string html_;
};

std::string curveFigures(const Section& section, const GroupCurves& curves) {
  Figures figures;
  for (const auto& [key, byMethod] : curves) {
    Plot plot{fmt::format("{} of {}", key.name, key.protocol), key.abscissa, key.name, false, {}};
    for (const auto& [method, curve] : byMethod)
      if (const auto m = section.method(method); m && !curve.empty())
        plot.series.push_back({*m, section.methods[*m].text(), pointsOf(curve)});
    figures.add(key.name, section.protocol(key.protocol).text(), plot, linePlot);
  }
  return figures.html();
}

Plot costPlot(const Section& section, const ScoreColumn& column) {
  Plot plot{fmt::format("{} against time", column.score), "time per picture, s", column.score, true, {}};
  for (std::size_t m = 0; m < section.methods.size(); ++m) {
    const SampleMean &score = column.cells[m].all, &seconds = section.group.table.costs[m].seconds;
    if (score.count == 0 || seconds.count == 0 || seconds.mean <= 0.0) continue;
    const double half = kNormal95 * score.standardError;
    plot.series.push_back(
        {m, section.methods[m].text(), {{seconds.mean, score.mean, score.mean - half, score.mean + half}}});
  }
  return plot;
}

// The first score of a protocol is what it is about.
bool isHeadline(const std::vector<ScoreColumn>& columns, std::size_t i) {
  return (i == 0 || columns[i].protocol != columns[i - 1].protocol) && columns[i].better != Better::Neither;
}

}  // namespace

std::string legend(const Section& section, const std::vector<std::size_t>& methods) {
  std::string html = "<ul class=\"legend\" aria-label=\"Colours of the methods\">";
  for (const std::size_t m : methods)
    html += fmt::format(
        "<li><button type=\"button\" data-method=\"{0}\" class=\"c{1} d{2}\" aria-pressed=\"false\" title=\"{3}\"><svg "
        "viewBox=\"0 0 26 8\" "
        "aria-hidden=\"true\"><line x1=\"1\" x2=\"25\" y1=\"4\" y2=\"4\"/></svg>{4}</button></li>",
        m, m % 10, m / 10 % 3, escaped(section.group.table.methods[m]), escaped(section.methods[m].text()));
  return html + "</ul>\n";
}

std::string curveDiagrams(const Section& section) {
  return curveFigures(section, section.curves);
}

std::string pictureDiagrams(const Section& section, const ShownPicture& picture) {
  GroupCurves curves;
  for (const auto& [method, results] : picture.results)
    for (const auto& [protocol, result] : results) addCurves(curves, result);
  return curveFigures(section, curves);
}

std::string costDiagrams(const Section& section) {
  Figures figures;
  const auto& columns = section.group.table.columns;
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (isHeadline(columns, i))
      figures.add(fmt::format("{} {}", section.protocol(columns[i].protocol).text(), arrowOf(columns[i].better)),
                  betterText(columns[i].better), costPlot(section, columns[i]), pointPlot);
  return figures.html();
}

}  // namespace relprop::eval

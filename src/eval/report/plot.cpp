#include "eval/report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "eval/report/html.h"

namespace relprop::eval {
namespace {

constexpr double kWidth = 420, kHeight = 270, kLeft = 54, kRight = 12, kTop = 12, kBottom = 42;
constexpr int kColours = 10;         // in report.css
constexpr double kLeastSpan = 1e-9;  // of an axis, as a share of its largest number

struct Range {
  double low = 0, high = 1;
  bool empty = true;
  void include(double value) {
    if (!std::isfinite(value)) return;
    low = empty ? value : std::min(low, value);
    high = empty ? value : std::max(high, value);
    empty = false;
  }
  double size() const { return std::max(std::abs(low), std::abs(high)); }
  // What differs in the last digits alone is one value: between its ends there are too few numbers for an axis.
  bool isWide() const { return high - low > kLeastSpan * size(); }
  // A little air, and never a range of nothing.
  Range widened(double share) const {
    const double span = isWide() ? high - low : std::max(size() * 0.1, 1e-9);
    return {low - share * span, high + share * span, false};
  }
};

class PlotAxes {
 public:
  explicit PlotAxes(const Plot& plot) : logarithmic_(plot.logarithmic) {
    Range x, y;
    for (const Series& series : plot.series)
      for (const PlotPoint& point : series.points) {
        x.include(placed(point.x));
        for (double value : {point.y, point.low, point.high}) y.include(value);
      }
    x_ = x.isWide() && !logarithmic_ ? x : x.widened(logarithmic_ ? 0.08 : 0.5);
    y_ = y.widened(0.05);
  }
  double across(double x) const {
    return kLeft + (placed(x) - x_.low) / (x_.high - x_.low) * (kWidth - kLeft - kRight);
  }
  double down(double y) const {
    return kHeight - kBottom - (y - y_.low) / (y_.high - y_.low) * (kHeight - kTop - kBottom);
  }
  // Within a decade or two 1, 2 and 5 times the powers of ten, else the powers alone.
  std::vector<double> xTicks() const {
    if (!logarithmic_) return niceTicks(x_.low, x_.high, 5);
    std::vector<double> ticks;
    const bool few = x_.high - x_.low < 2.5;
    for (int power = static_cast<int>(std::floor(x_.low)); power <= std::ceil(x_.high); ++power)
      for (double factor : {1.0, 2.0, 5.0}) {
        const double tick = factor * std::pow(10.0, power);
        if ((few || factor == 1.0) && std::log10(tick) >= x_.low && std::log10(tick) <= x_.high) ticks.push_back(tick);
      }
    return ticks;
  }
  std::vector<double> yTicks() const { return niceTicks(y_.low, y_.high, 6); }

 private:
  double placed(double x) const { return logarithmic_ ? std::log10(x) : x; }

  bool logarithmic_;
  Range x_, y_;
};

std::string tickLabel(double value) {
  return escaped(fmt::format("{:.4g}", value));
}

std::string grid(const PlotAxes& axes) {
  std::string svg = "<g class=\"grid\">";
  for (double tick : axes.yTicks()) {
    const double y = axes.down(tick);
    svg += fmt::format("<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>", kLeft, kWidth - kRight, y, y);
    svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\" dy=\".32em\">{}</text>", kLeft - 7, y,
                       tickLabel(tick));
  }
  const double bottom = kHeight - kBottom;
  for (double tick : axes.xTicks())
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/><text x=\"{0:.1f}\" y=\"{3}\" "
        "text-anchor=\"middle\">{4}</text>",
        axes.across(tick), bottom, bottom + 4, bottom + 17, tickLabel(tick));
  return svg + fmt::format("<line class=\"axis\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/></g>", kLeft, kWidth - kRight,
                           bottom, bottom);
}

std::string labels(const Plot& plot) {
  const double middle = kTop + (kHeight - kTop - kBottom) / 2;
  return fmt::format(
      "<text class=\"label\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>"
      "<text class=\"label\" transform=\"translate(12 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
      kLeft + (kWidth - kLeft - kRight) / 2, kHeight - 6, escaped(plot.xLabel), middle, escaped(plot.yLabel));
}

std::string coordinates(const PlotAxes& axes, const std::vector<PlotPoint>& points) {
  std::string text;
  for (const PlotPoint& point : points) text += fmt::format("{:.1f},{:.1f} ", axes.across(point.x), axes.down(point.y));
  return text;
}

bool isBounded(const PlotPoint& point) {
  return std::isfinite(point.low) && std::isfinite(point.high);
}

// Around points that all are bounded.
std::string bandPart(const PlotAxes& axes, const std::vector<PlotPoint>& points) {
  const auto hasWidth = [](const PlotPoint& point) { return point.low < point.high; };
  if (std::none_of(points.begin(), points.end(), hasWidth)) return "";
  std::string outline;
  for (const PlotPoint& point : points)
    outline += fmt::format("{:.1f},{:.1f} ", axes.across(point.x), axes.down(point.high));
  for (auto point = points.rbegin(); point != points.rend(); ++point)
    outline += fmt::format("{:.1f},{:.1f} ", axes.across(point->x), axes.down(point->low));
  return fmt::format("<polygon class=\"band\" points=\"{}\"/>", outline);
}

std::string band(const PlotAxes& axes, const std::vector<PlotPoint>& points) {
  std::string svg;
  for (auto start = points.begin(), end = start; start != points.end(); start = end) {
    start = std::find_if(start, points.end(), isBounded);
    end = std::find_if_not(start, points.end(), isBounded);
    svg += bandPart(axes, {start, end});
  }
  return svg;
}

// The invisible fat line is what the pointer catches.
std::string line(const PlotAxes& axes, const Series& series) {
  const std::string path = coordinates(axes, series.points);
  return band(axes, series.points) +
         fmt::format("<polyline class=\"hit\" points=\"{}\"/><polyline points=\"{}\"/>", path, path);
}

std::string points(const PlotAxes& axes, const Series& series) {
  std::string svg;
  for (const PlotPoint& point : series.points) {
    const double x = axes.across(point.x);
    if (isBounded(point))
      svg += fmt::format("<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\"/>", x, axes.down(point.low),
                         axes.down(point.high));
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\"/>", x, axes.down(point.y));
  }
  return svg;
}

std::string draw(const Plot& plot, std::string (*mark)(const PlotAxes&, const Series&)) {
  const PlotAxes axes(plot);
  std::string svg = fmt::format("<svg class=\"plot\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">{}{}", kWidth,
                                kHeight, escaped(plot.title), grid(axes), labels(plot));
  for (const Series& series : plot.series) {
    if (series.points.empty()) continue;
    svg +=
        fmt::format("<g class=\"series c{} d{}\" data-method=\"{}\" data-tip=\"{}\">{}</g>", series.number % kColours,
                    series.number / kColours % 3, series.number, escaped(series.name), mark(axes, series));
  }
  return svg + "</svg>\n";
}

}  // namespace

std::vector<double> niceTicks(double low, double high, int count) {
  const double rough = (high - low) / count, power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10.0 * power;
  for (double factor : {5.0, 2.0, 1.0})
    if (factor * power >= rough) step = factor * power;
  const double first = std::ceil(low / step - 1e-9);
  std::vector<double> ticks;
  // Counted, as beyond 2⁵³ first + 1 is first. A step is no shorter than `rough`, so there are count + 1 at most.
  for (int i = 0; i <= count && (first + i) * step <= high + 1e-9 * step; ++i)
    ticks.push_back((first + i) * step + 0.0);
  return ticks;
}

std::string linePlot(const Plot& plot) {
  return draw(plot, line);
}

std::string pointPlot(const Plot& plot) {
  return draw(plot, points);
}

}  // namespace relprop::eval

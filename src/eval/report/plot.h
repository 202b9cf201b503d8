// Small diagrams as SVG text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace relprop::eval {

struct PlotPoint {
  double x = 0, y = 0, low = 0, high = 0;  // low and high NaN: how sure y is is not known
};
struct Series {
  std::size_t number = 0;  // of the method: colour and dashes
  std::string name;        // said when the pointer is on it
  std::vector<PlotPoint> points;
};
struct Plot {
  std::string title, xLabel, yLabel;
  bool logarithmic = false;  // x
  std::vector<Series> series;
};

// Lines with a band from low to high where that is known.
std::string linePlot(const Plot& plot);
// Every point by itself with a bar from low to high where that is known.
std::string pointPlot(const Plot& plot);
// Round values from low to high: 1, 2 or 5 times a power of ten apart, about `count` of them.
std::vector<double> niceTicks(double low, double high, int count);

}  // namespace relprop::eval

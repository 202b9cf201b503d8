// Reports of stores that say little and could be made to say much: numbers that hardly differ, tables that are nearly
// empty, rows by the thousand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>

#include "eval/report/plot.h"
#include "relprop/image.h"
#include "relprop/report.h"
#include "support/temporary_folder.h"

namespace relprop::eval::report_bounds_test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::size_t timesIn(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

// Beyond 2⁵³ a whole number and the next one are the same.
TEST(ReportBounds, TicksAreFewWhereNumbersAreFarApart) {
  EXPECT_LE(niceTicks(1e16, 1e16 + 2, 6).size(), 7u);
  EXPECT_LE(niceTicks(-1e16 - 2, -1e16, 6).size(), 7u);
  EXPECT_LE(niceTicks(0.3, 0.1 + 0.2, 6).size(), 7u);
}

// Along x and along y.
TEST(ReportBounds, ValuesThatDifferInTheLastBitsAreOne) {
  for (const auto& [a, b] : {std::pair(0.3, 0.1 + 0.2), std::pair(1e16, 1e16 + 2), std::pair(-1e16 - 2, -1e16)})
    for (const bool along : {true, false}) {
      const PlotPoint first = along ? PlotPoint{a, 0, 0, 0} : PlotPoint{0, a, a, a},
                      second = along ? PlotPoint{b, 1, 1, 1} : PlotPoint{1, b, b, b};
      const std::string svg = linePlot({"t", "x", "y", false, {{0, "m", {first, second}}}});
      EXPECT_GE(timesIn(svg, "<line"), 5u) << a;
      EXPECT_LE(timesIn(svg, "<line"), 7u + 6u + 1u) << a;  // ticks of y and of x, and the axis
      EXPECT_THAT(svg, Not(HasSubstr("nan")));
      EXPECT_THAT(svg, Not(HasSubstr("inf")));
    }
}

}  // namespace relprop::eval::report_bounds_test

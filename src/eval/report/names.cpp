#include "eval/report/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace relprop::eval {
namespace {

struct Parts {
  std::string name;
  std::vector<std::string> parameters;
};

void trimEnd(std::string& text) {
  text.erase(text.find_last_not_of(' ') + 1);
}

// "name@version:key=value,key=value | rule | rule". A metric's version counts as one of its parameters. A rule may hold
// commas of its own; then it comes in several parts, which does no harm here.
Parts split(const std::string& text) {
  const std::size_t end = std::min(text.find_first_of("@:|"), text.size());
  Parts parts{text.substr(0, end), {}};
  trimEnd(parts.name);
  for (std::size_t start = end; start < text.size();) {
    const bool version = text[start] == '@', rule = text[start] == '|';
    const std::size_t next = std::min(text.find_first_of(version ? ":|" : ",|", start + 1), text.size());
    const std::size_t first = version || rule ? start : start + 1;
    parts.parameters.push_back(text.substr(first, next - first));
    trimEnd(parts.parameters.back());
    start = next;
  }
  return parts;
}

ShortName without(const Parts& parts, const std::map<std::string, std::size_t>& seen, std::size_t methods) {
  std::string kept;
  for (const std::string& one : parts.parameters) {
    if (seen.at(one) == methods) continue;
    if (!kept.empty()) kept += one[0] == '|' ? " " : ", ";
    kept += one;
  }
  return {parts.name, kept};
}

}  // namespace

std::vector<ShortName> shortNames(const std::vector<std::string>& complete) {
  std::vector<Parts> all;
  std::map<std::string, std::size_t> methods;
  std::map<std::string, std::map<std::string, std::size_t>> seen;
  for (const std::string& text : complete) {
    all.push_back(split(text));
    ++methods[all.back().name];
    const std::set<std::string> parameters(all.back().parameters.begin(), all.back().parameters.end());
    for (const std::string& one : parameters) ++seen[all.back().name][one];
  }
  std::vector<ShortName> result;
  std::set<std::string> different;
  for (const Parts& parts : all) {
    result.push_back(without(parts, seen[parts.name], methods[parts.name]));
    different.insert(result.back().text());
  }
  if (different.size() < complete.size())
    std::transform(complete.begin(), complete.end(), result.begin(), [](const auto& text) {
      return ShortName{text, ""};
    });
  return result;
}

int decimalsFor(const std::vector<double>& values) {
  double largest = 0.0;
  for (double value : values)
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  if (largest == 0.0) return 2;
  return std::clamp(2 - static_cast<int>(std::floor(std::log10(0.999 * largest))), 0, 4);
}

int decimalsOf(const ScoreColumn& column) {
  std::vector<double> means;
  for (const ScoreCell& cell : column.cells)
    if (cell.all.count) means.push_back(cell.all.mean);
  return decimalsFor(means);
}

std::string formatted(double value, int decimals) {
  const double magnitude = std::abs(value), smallest = 0.5 * std::pow(10.0, -decimals);
  if (value != 0.0 && (magnitude < smallest || magnitude >= 1e6)) return fmt::format("{:.1e}", value);
  return fmt::format("{:.{}f}", value, decimals);
}

std::string errorText(const SampleMean& mean, int decimals) {
  return std::isfinite(mean.standardError) ? " ± " + formatted(mean.standardError, decimals) : "";
}

std::string formattedSeconds(double seconds) {
  if (seconds < 0.01) return fmt::format("{:.1f} ms", seconds * 1e3);
  if (seconds < 1.0) return fmt::format("{:.0f} ms", seconds * 1e3);
  return fmt::format("{:.{}f} s", seconds, seconds < 10.0 ? 2 : 1);
}

std::string plural(std::size_t count, const std::string& noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace relprop::eval

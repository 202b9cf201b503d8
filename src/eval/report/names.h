// Short forms of method strings and numbers, as people read them.
#pragma once

#include <string>
#include <vector>

#include "relprop/report.h"

namespace relprop::eval {

// "lrp-gamma:gamma=0.25,batchnorm=fold", "id-score@1:profile=rise,…" → the name, and only those parameters in which it
// differs from others of that name in the list. All are different, or the complete strings.
struct ShortName {
  std::string name, parameters;
  std::string text() const { return parameters.empty() ? name : name + " " + parameters; }
};
std::vector<ShortName> shortNames(const std::vector<std::string>& complete);

// How many decimals show three figures of the largest of these values.
int decimalsFor(const std::vector<double>& values);
int decimalsOf(const ScoreColumn& column);  // for its means
// With so many decimals; in powers of ten where these would show nothing or too much of it.
std::string formatted(double value, int decimals);
std::string errorText(const SampleMean& mean, int decimals);     // " ± 0.010", or "" where it is not known
std::string formattedSeconds(double seconds);                    // "12 ms"
std::string plural(std::size_t count, const std::string& noun);  // "1 picture", "2 pictures"

}  // namespace relprop::eval

#include "core/names.h"

#include <algorithm>
#include <numeric>

namespace relprop {
namespace {

// Levenshtein's: how many letters to insert, drop or change. Whatever is not below `limit` comes out as that or more:
// no word is nearer than its length says, and what a row has least never becomes less.
std::size_t editDistance(const std::string& a, const std::string& b, std::size_t limit, std::vector<std::size_t>& row) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) >= limit) return limit;
  row.resize(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0], least = i;
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitute = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
      least = std::min(least, row[j]);
    }
    if (least >= limit) return limit;
  }
  return row[b.size()];
}

}  // namespace

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return text;
}

std::string listedFirst(const std::vector<std::string>& names, const std::string& separator) {
  constexpr std::size_t kShown = 20;
  std::string text;
  for (std::size_t i = 0; i < std::min(kShown, names.size()); ++i) text += (i == 0 ? "" : separator) + names[i];
  return names.size() > kShown ? text + " and " + std::to_string(names.size() - kShown) + " more" : text;
}

std::string nearestName(const std::string& word, const std::vector<std::string>& known, std::size_t reach) {
  std::string best;
  std::size_t distance = reach + 1;
  std::vector<std::size_t> row;
  for (const std::string& k : known) {
    const std::size_t d = editDistance(word, k, distance, row);
    if (d < distance) distance = d, best = k;
  }
  return best;
}

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
  return nearestName(word, known, std::max<std::size_t>(2, word.size() / 3));
}

void unknownName(ErrorCode code, const std::string& subject, const std::string& name,
                 const std::vector<std::string>& known) {
  const std::string near = nearest(name, known);
  throw Error(code, subject, "'" + name + "'", listed(known), near.empty() ? "" : "did you mean '" + near + "'?");
}

}  // namespace relprop

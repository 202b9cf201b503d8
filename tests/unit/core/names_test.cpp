// Which known name a misspelt one may have meant.
#include "core/names.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace relprop {
namespace {

// The definition: the fewest letters to insert, drop or change.
std::size_t distance(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return a.size() + b.size();
  const std::string restA = a.substr(1), restB = b.substr(1);
  if (a[0] == b[0]) return distance(restA, restB);
  return 1 + std::min({distance(restA, b), distance(a, restB), distance(restA, restB)});
}

std::string firstWithin(const std::string& word, const std::vector<std::string>& known, std::size_t reach) {
  std::string best;
  std::size_t least = reach + 1;
  for (const std::string& k : known)
    if (const std::size_t d = distance(word, k); d < least) least = d, best = k;
  return best;
}

TEST(Names, OfFilesAreListedAsFarAsAnybodyReads) {
  std::vector<std::string> names;
  EXPECT_EQ(listedFirst(names), "");
  for (int i = 0; i < 20; ++i) names.push_back(std::to_string(i));
  const std::string twenty = "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19";
  EXPECT_EQ(listedFirst(names), twenty);
  names.resize(20001);
  EXPECT_EQ(listedFirst(names), twenty + " and 19981 more");
  EXPECT_EQ(listedFirst({"a", "b"}, " "), "a b");
}

TEST(Names, TheNearestIsTheFirstOfThoseWithTheFewestChanges) {
  std::mt19937 random(1);
  const auto drawn = [&] {
    std::string word(random() % 7, ' ');
    for (char& letter : word) letter = "abc"[random() % 3];
    return word;
  };
  for (int i = 0; i < 300; ++i) {
    std::vector<std::string> known(5);
    std::generate(known.begin(), known.end(), drawn);
    const std::string word = drawn();
    EXPECT_EQ(nearest(word, known), firstWithin(word, known, std::max<std::size_t>(2, word.size() / 3))) << word;
  }
}

TEST(Names, AWordOfAnotherLengthIsNear) {
  EXPECT_EQ(nearest("gradcam", {"gradient", "grad-cam"}), "grad-cam");
  EXPECT_EQ(nearest(std::string(1 << 20, 'x'), {"gradient", "grad-cam"}), "") << "and is answered at once";
}

}  // namespace
}  // namespace relprop

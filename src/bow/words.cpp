#include "bow/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "bow/nearest.h"
#include "core/parallel.h"
#include "relprop/error.h"

namespace relprop::bow {

namespace {

// In [0, 1); the standard's distributions differ from library to library.
double fraction(std::mt19937_64& random) {
  return static_cast<double>(random() >> 11) * 0x1p-53;
}

Rows rowsOf(const Vocabulary& v) {
  return {v.centres.data(), v.words(), v.length};
}

void append(const float* row, Vocabulary& to) {
  to.centres.insert(to.centres.end(), row, row + to.length);
}

[[noreturn]] void throwTooFew(std::int64_t different, int words) {
  throw Error(ErrorCode::InvalidArgument, "words",
              fmt::format("{} words from {} different descriptors", words, different),
              fmt::format("at most {} words", different), "fewer words, or more pictures");
}

// Squared distances to the nearest centre so far, now that one more is there.
void lower(const Rows& points, const float* centre, std::vector<double>& squares) {
  constexpr std::size_t kSome = 1024;
  inParallel((squares.size() + kSome - 1) / kSome, [&](std::size_t share) {
    const std::size_t end = std::min(squares.size(), (share + 1) * kSome);
    for (std::size_t i = share * kSome; i < end; ++i)
      squares[i] =
          std::min(squares[i], squaredDistance(points.row(static_cast<std::int64_t>(i)), centre, points.length));
  });
}

// An index, with probability in proportion to its weight. Not all weights are 0.
std::int64_t drawn(const std::vector<double>& weights, double total, std::mt19937_64& random) {
  double left = fraction(random) * total;
  std::int64_t last = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    last = static_cast<std::int64_t>(i);
    if (left < weights[i]) break;
    left -= weights[i];
  }
  return last;
}

// k-means++: each centre is a point, drawn in proportion to the squared distance to those before. Where that is 0 for
// all points, all different points are centres.
Vocabulary firstCentres(const Rows& points, int words, std::mt19937_64& random) {
  Vocabulary result;
  result.length = points.length;
  if (points.count == 0) throwTooFew(0, words);
  append(points.row(static_cast<std::int64_t>(fraction(random) * static_cast<double>(points.count))), result);
  std::vector<double> squares(static_cast<std::size_t>(points.count), std::numeric_limits<double>::infinity());
  while (true) {
    lower(points, rowsOf(result).row(result.words() - 1), squares);
    if (result.words() == words) return result;
    const double total = std::accumulate(squares.begin(), squares.end(), 0.0);
    if (total == 0) throwTooFew(result.words(), words);
    append(points.row(drawn(squares, total, random)), result);
  }
}

// Moves each centre to the mean of the points that are nearest to it; one that has none becomes the point that is
// farthest from its own centre, another point for each.
void moveCentres(const Rows& points, Neighbours& nearest, Vocabulary& v) {
  std::vector<double> sums(v.centres.size());
  std::vector<std::int64_t> counts(static_cast<std::size_t>(v.words()));
  for (std::int64_t i = 0; i < points.count; ++i) {
    const int word = nearest.centres[static_cast<std::size_t>(i)];
    ++counts[static_cast<std::size_t>(word)];
    double* sum = sums.data() + word * v.length;
    for (std::int64_t k = 0; k < v.length; ++k) sum[k] += points.row(i)[k];
  }
  for (std::int64_t w = 0; w < v.words(); ++w) {
    float* centre = v.centres.data() + w * v.length;
    const std::int64_t count = counts[static_cast<std::size_t>(w)];
    if (count == 0) {
      const auto farthest = std::max_element(nearest.squares.begin(), nearest.squares.end());
      std::copy_n(points.row(farthest - nearest.squares.begin()), v.length, centre);
      *farthest = 0;
    }
    for (std::int64_t k = 0; k < v.length && count > 0; ++k)
      centre[k] = static_cast<float>(sums[static_cast<std::size_t>(w * v.length + k)] / static_cast<double>(count));
  }
}

double sumOf(const Neighbours& nearest) {
  return std::accumulate(nearest.squares.begin(), nearest.squares.end(), 0.0);
}

// Lloyd's iterations, until no point changes its centre. Returns the sum of squared distances.
double improve(const Rows& points, int iterations, Vocabulary& v) {
  Neighbours nearest = nearestOf(points, rowsOf(v), 1);
  for (int i = 0; i < iterations; ++i) {
    const std::vector<int> before = nearest.centres;
    moveCentres(points, nearest, v);
    nearest = nearestOf(points, rowsOf(v), 1);
    if (nearest.centres == before) break;
  }
  return sumOf(nearest);
}

// m of the word that is the rank-th nearest (from 1) at that distance.
double weightOf(const MappingSettings& settings, double scale, std::int64_t rank, double square) {
  switch (settings.kind) {
    case MappingSettings::Kind::Hard:
      return 1;
    case MappingSettings::Kind::Rank:
      return std::pow(settings.base, -static_cast<double>(rank));
    case MappingSettings::Kind::Gaussian:
      break;
  }
  const double sigma = settings.width * scale;  // 0 where every descriptor of the sample is a word
  return square == 0 ? 1 : std::exp(-square / (2 * sigma * sigma));
}

}  // namespace

Vocabulary cluster(const std::vector<float>& descriptors, std::int64_t length, const ClusterOptions& options) {
  const Rows points{descriptors.data(), static_cast<std::int64_t>(descriptors.size()) / length, length};
  std::mt19937_64 random(options.seed);
  Vocabulary best;
  double least = std::numeric_limits<double>::infinity();
  for (int run = 0; run < options.restarts; ++run) {
    Vocabulary v = firstCentres(points, options.words, random);
    const double sum = improve(points, options.iterations, v);
    if (sum >= least) continue;
    least = sum;
    best = std::move(v);
  }
  best.scale = std::sqrt(least / static_cast<double>(points.count));
  return best;
}

Mapped mapWords(const LocalFeatures& features, const Vocabulary& vocabulary, const MappingSettings& settings,
                const Again& again) {
  const bool hard = settings.kind == MappingSettings::Kind::Hard;
  const Rows points{features.descriptors.data(), static_cast<std::int64_t>(features.count()), features.length};
  Mapped result;
  result.nearest = hard ? 1 : std::min<std::int64_t>(settings.nearest, vocabulary.words());
  Neighbours found = nearestOf(points, rowsOf(vocabulary), result.nearest, productKernels().front(), again);
  result.words = std::move(found.centres);
  result.weights.reserve(found.squares.size());
  for (std::size_t i = 0; i < found.squares.size(); ++i) {
    const std::int64_t rank = static_cast<std::int64_t>(i) % result.nearest + 1;
    result.weights.push_back(static_cast<float>(weightOf(settings, vocabulary.scale, rank, found.squares[i])));
  }
  return result;
}

}  // namespace relprop::bow

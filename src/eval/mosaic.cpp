// The grid pointing game: pictures of different classes in one, each in a cell of n×n; how much of the positive
// relevance of the one's class lies in its cell.
//   share = Σ H⁺ in the cell / Σ H⁺;  1/n² for a map that knows nothing of classes   [Böhle et al. 2021], section 4.2
// There the network sees n times the sides; here a mosaic has the network's own size, so each picture is shrunk by n.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "eval/metric_list.h"
#include "eval/plane.h"
#include "eval/random.h"
#include "eval/sequence.h"
#include "eval/substitutes.h"

namespace relprop::eval {
namespace {

constexpr const char* kUse = "grid-pointing-game";

// Where the k-th of n cells begins along a side.
int edge(int side, int k, int n) {
  return static_cast<int>(static_cast<std::int64_t>(side) * k / n);
}

struct Cell {
  int y0, y1, x0, x1;
  bool has(int y, int x) const { return y >= y0 && y < y1 && x >= x0 && x < x1; }
};

Cell cellOf(const Case& c, int n, int k) {
  const int height = static_cast<int>(c.inputShape[1]), width = static_cast<int>(c.inputShape[2]);
  return {edge(height, k / n, n), edge(height, k / n + 1, n), edge(width, k % n, n), edge(width, k % n + 1, n)};
}

// What [at·scale, (at + 1)·scale) covers of each of `count` pixels, as shares that sum to 1; those before `first` are
// 0.
struct Cover {
  int first = 0;
  std::vector<double> shares;
};

Cover coverOf(int at, int cells, int count) {
  const double scale = static_cast<double>(count) / cells, low = at * scale, high = low + scale;
  Cover cover{static_cast<int>(low), {}};
  for (int i = cover.first; i < count && i < high; ++i)
    cover.shares.push_back((std::min(high, i + 1.0) - std::max(low, static_cast<double>(i))) / scale);
  return cover;
}

double meanUnder(const Cover& rows, const Cover& columns, const float* plane, int width) {
  double sum = 0;
  for (std::size_t y = 0; y < rows.shares.size(); ++y)
    for (std::size_t x = 0; x < columns.shares.size(); ++x)
      sum += rows.shares[y] * columns.shares[x] *
             plane[(rows.first + static_cast<int>(y)) * width + columns.first + static_cast<int>(x)];
  return sum;
}

// The picture shrunk into the cell: each of its pixels is the mean of what it covers.
void shrinkInto(const Case& c, const Cell& cell, const std::vector<float>& picture, std::vector<float>& mosaic) {
  const int height = static_cast<int>(c.inputShape[1]), width = static_cast<int>(c.inputShape[2]);
  for (int y = cell.y0; y < cell.y1; ++y) {
    const Cover rows = coverOf(y - cell.y0, cell.y1 - cell.y0, height);
    for (int x = cell.x0; x < cell.x1; ++x) {
      const Cover columns = coverOf(x - cell.x0, cell.x1 - cell.x0, width);
      for (std::int64_t channel = 0; channel < c.inputShape[0]; ++channel) {
        const auto base = static_cast<std::size_t>(channel * height * width);
        mosaic[base + static_cast<std::size_t>(y * width + x)] =
            static_cast<float>(meanUnder(rows, columns, picture.data() + base, width));
      }
    }
  }
}

std::vector<float> mosaicOf(const Case& c, int n, int own, const std::vector<std::vector<float>>& companions) {
  std::vector<float> mosaic(static_cast<std::size_t>(elementCount(c.inputShape)));
  auto next = companions.begin();
  for (int k = 0; k < n * n; ++k) shrinkInto(c, cellOf(c, n, k), k == own ? originalPicture(c) : *next++, mosaic);
  return mosaic;
}

Measured shareInside(const Plane& map, const Cell& cell) {
  double inside = 0, all = 0;
  for (std::size_t i = 0; i < map.count(); ++i) {
    const double h = positivePart(map.values[i]);
    all += h;
    if (cell.has(static_cast<int>(i) / map.width, static_cast<int>(i) % map.width)) inside += h;
  }
  if (all == 0) return Measured::skip(kNoPositive);
  return {{{"share", inside / all}}, {}, {}};
}

Answer answerOn(const Case& c) {
  Answer answer;
  const std::vector<float> picture = originalPicture(c);
  c.forward(
      1, [&](std::int64_t, float* to) { std::copy(picture.begin(), picture.end(), to); },
      [&](std::int64_t, const float* scores) { answer = c.answer(scores); });
  return answer;
}

Measured measureMosaic(const Case& c, int n, double confidence) {
  if (!c.oneClass) return Measured::skip("the picture has several classes");
  if (std::min(c.inputShape[1], c.inputShape[2]) < n)
    return Measured::skip(fmt::format("the network's input has no room for {} cells along a side", n));
  const Answer answer = answerOn(c);
  if (!answer.correct || !(answer.probability >= confidence))
    return Measured::skip("the network is not sure of the target");
  const std::uint64_t seed = c.seedOf(kUse);
  const auto others = static_cast<std::size_t>(n * n - 1);
  const std::vector<std::vector<float>> companions = c.companions(others, confidence, seed);
  if (companions.size() < others)
    return Measured::skip("too few pictures of other classes that the network is sure of");
  const int own = static_cast<int>(Random(seed).below(others + 1));
  const std::vector<float> mosaic = mosaicOf(c, n, own, companions);
  const std::vector<Plane> maps =
      c.explain(1, [&](std::int64_t, float* input) { std::copy(mosaic.begin(), mosaic.end(), input); });
  return shareInside(maps.at(0), cellOf(c, n, own));
}

double confidenceParameter(Parameters& p) {
  const float confidence = p.number("confidence", 0.5f);
  if (!(confidence >= 0 && confidence <= 1))
    throw Error(ErrorCode::InvalidMetricParameter, "metric grid-pointing-game, confidence",
                fmt::format("{}", confidence), "a number from 0 to 1");
  return confidence;
}

}  // namespace

Protocol gridPointingGame(Parameters& p) {
  const int n = p.whole("cells", 2, 2, 8);
  const double confidence = confidenceParameter(p);
  Protocol protocol;
  protocol.scores = {{"share", "share of positive relevance in the target's cell of a mosaic", Better::Higher}};
  protocol.probability = true;
  protocol.measure = [=](const Case& c) { return measureMosaic(c, n, confidence); };
  return protocol;
}

}  // namespace relprop::eval

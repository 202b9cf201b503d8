#include "engine/arena.h"

#include <algorithm>

namespace relprop {
namespace {

constexpr std::int64_t kAlign = 16;  // floats: one cache line

std::int64_t aligned(std::int64_t floats) {
  return (floats + kAlign - 1) / kAlign * kAlign;
}

double area(const Lifetime& b) {
  return static_cast<double>(b.floats) * (b.last - b.first + 1);
}

using Order = bool (*)(const Lifetime* a, const Lifetime* b);
constexpr Order kAsTheyBegin = [](const Lifetime* a, const Lifetime* b) { return a->first < b->first; };
// What is placed first finds the lowest places. Which order leaves the fewest gaps depends on the network.
constexpr Order kOrders[] = {[](const Lifetime* a, const Lifetime* b) { return a->floats > b->floats; },
                             [](const Lifetime* a, const Lifetime* b) { return area(*a) > area(*b); }, kAsTheyBegin,
                             [](const Lifetime* a, const Lifetime* b) { return a->last > b->last; }};

// How many placed buffers one order may look at. No network of some thousand layers comes near it; behind it buffers go
// where nothing lies yet.
constexpr std::int64_t kLooks = 1 << 26;

// Each buffer goes to the lowest place where nothing alive at the same time lies.
std::int64_t placeInOrder(std::vector<Lifetime>& buffers, Order order) {
  std::vector<Lifetime*> waiting;
  for (Lifetime& b : buffers)
    if (b.used()) waiting.push_back(&b);
  std::stable_sort(waiting.begin(), waiting.end(), order);
  std::vector<const Lifetime*> placed;  // by offset
  std::int64_t total = 0, looks = 0;
  for (Lifetime* b : waiting) {
    if (order == kAsTheyBegin) std::erase_if(placed, [b](const Lifetime* p) { return p->last < b->first; });
    b->offset = looks < kLooks ? 0 : total;
    for (const Lifetime* p : placed) {
      if (++looks > kLooks) b->offset = total;
      if (looks > kLooks) break;
      if (p->last < b->first || b->last < p->first) continue;
      if (b->offset + aligned(b->floats) <= p->offset) break;
      b->offset = std::max(b->offset, p->offset + aligned(p->floats));
    }
    placed.insert(std::upper_bound(placed.begin(), placed.end(), b,
                                   [](const Lifetime* x, const Lifetime* y) { return x->offset < y->offset; }),
                  b);
    total = std::max(total, b->offset + aligned(b->floats));
  }
  return total;
}

}  // namespace

std::int64_t layOut(std::vector<Lifetime>& buffers) {
  const std::int64_t least = mostAlive(buffers);
  std::vector<Lifetime> best = buffers;
  std::int64_t total = -1;
  for (const Order order : kOrders) {
    const std::int64_t floats = placeInOrder(buffers, order);
    if (total < 0 || floats < total) total = floats, best = buffers;
    if (total == least) break;
  }
  buffers = std::move(best);
  return total;
}

std::int64_t mostAlive(const std::vector<Lifetime>& buffers) {
  int steps = 0;
  for (const Lifetime& b : buffers) steps = std::max(steps, b.last + 1);
  std::vector<std::int64_t> change(static_cast<std::size_t>(steps) + 1);
  for (const Lifetime& b : buffers) {
    if (!b.used()) continue;
    change[static_cast<std::size_t>(b.first)] += aligned(b.floats);
    change[static_cast<std::size_t>(b.last) + 1] -= aligned(b.floats);
  }
  std::int64_t alive = 0, most = 0;
  for (const std::int64_t c : change) most = std::max(most, alive += c);
  return most;
}

}  // namespace relprop

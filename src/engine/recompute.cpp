#include "engine/recompute.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <ranges>
#include <span>

namespace relprop {
namespace {

constexpr int kNever = std::numeric_limits<int>::max();

// When forward and backward steps touch a buffer.
struct Touched {
  int firstWriter = kNever, lastWriter = -1;  // forward
  int firstForwardRead = kNever, lastForwardRead = -1;
  int firstBackwardRead = kNever, lastBackwardRead = -1;
  bool backwardWritten = false;
};

std::vector<Touched> touchesOf(const StepList& list) {
  std::vector<Touched> all(list.buffers.size());
  for (int s = 0; s < static_cast<int>(list.steps.size()); ++s) {
    const Access& a = list.steps[static_cast<std::size_t>(s)];
    for (BufferId id : a.reads) {
      Touched& t = all[static_cast<std::size_t>(id)];
      int &first = a.forward ? t.firstForwardRead : t.firstBackwardRead,
          &last = a.forward ? t.lastForwardRead : t.lastBackwardRead;
      first = std::min(first, s), last = s;
    }
    for (BufferId id : a.writes) {
      Touched& t = all[static_cast<std::size_t>(id)];
      if (a.forward) t.firstWriter = std::min(t.firstWriter, s), t.lastWriter = s;
      t.backwardWritten = t.backwardWritten || !a.forward;
    }
  }
  return all;
}

// A plan's steps and what may be done with them.
class Subject {
 public:
  explicit Subject(const StepList& w) : list(w), touched(touchesOf(w)) {
    for (const Access& a : list.steps) forwardSteps += a.forward;
    for (int s = 0; s < forwardSteps; ++s) repeats.push_back(canRepeat(step(s)));
    for (std::size_t id = 0; id < touched.size(); ++id) remade.push_back(canBeRemade(id));
  }

  const Access& step(int s) const { return list.steps[static_cast<std::size_t>(s)]; }
  const Touched& at(BufferId id) const { return touched[static_cast<std::size_t>(id)]; }
  std::int64_t floats(BufferId id) const { return list.buffers[static_cast<std::size_t>(id)].floats; }
  bool pinned(BufferId id) const { return list.buffers[static_cast<std::size_t>(id)].pinned; }
  bool canRemake(BufferId id) const { return remade[static_cast<std::size_t>(id)]; }
  // Kept from the forward pass for the backward phase, and nobody forces it to stay.
  bool recorded(BufferId id) const { return canRemake(id) && at(id).lastBackwardRead >= 0; }

  const StepList& list;
  std::vector<Touched> touched;
  int forwardSteps = 0;
  std::vector<bool> repeats;  // by forward step

 private:
  // Whoever reads it sees the same values at any time after its last writer.
  bool stable(std::size_t id) const {
    const Touched& t = touched[id];
    return !t.backwardWritten && (t.lastWriter >= 0 ? t.lastWriter < t.firstForwardRead : list.buffers[id].pinned);
  }
  bool canRepeat(const Access& a) const {
    return a.repeatable && !a.writes.empty() && std::all_of(a.reads.begin(), a.reads.end(), [&](BufferId id) {
             return stable(static_cast<std::size_t>(id));
           });
  }
  bool canBeRemade(std::size_t id) const {
    const Touched& t = touched[id];
    if (list.buffers[id].pinned || t.lastWriter < 0 || !stable(id)) return false;
    for (int s = t.firstWriter; s <= t.lastWriter; ++s) {
      const auto& writes = step(s).writes;
      const bool isWriter = std::find(writes.begin(), writes.end(), static_cast<BufferId>(id)) != writes.end();
      if (isWriter && !repeats[static_cast<std::size_t>(s)]) return false;
    }
    return true;
  }

  std::vector<bool> remade;
};

// Forward steps by unit; -1: they run once.
struct Units {
  std::vector<int> of;
  int count = 0;
};

// Turns units into a list of steps and lifetimes.
class Rewrite {
 public:
  Rewrite(const Subject& subject, const Units& units) : p_(subject), units_(units) {
    madeIn_.assign(p_.touched.size(), -1);
    for (std::size_t id = 0; id < madeIn_.size(); ++id) madeIn_[id] = unitOf(static_cast<BufferId>(id));
    kept_.assign(p_.touched.size(), false);
    copies_.assign(p_.touched.size(), -1);
    for (bool changed = true; changed;) changed = !select();
  }

  Arrangement run() {
    for (const Storage& b : p_.list.buffers) buffers_.push_back({.floats = b.floats});
    const std::vector<std::size_t> units = byFirstReader();
    auto next = units.begin();
    for (int s = 0; s < static_cast<int>(p_.list.steps.size()); ++s) {
      for (; next != units.end() && firstReader_[*next] == s; ++next) repeat(again_[*next]);
      add(s, false);
    }
    setLifetimes();
    shareInPlace();
    return std::move(out_);
  }

 private:
  // The unit that makes all of a buffer.
  int unitOf(BufferId id) const {
    if (!p_.canRemake(id)) return -1;
    const int unit = units_.of[static_cast<std::size_t>(p_.at(id).firstWriter)];
    return unit == units_.of[static_cast<std::size_t>(p_.at(id).lastWriter)] ? unit : -1;
  }

  bool dropped(BufferId id) const {
    return madeIn_[static_cast<std::size_t>(id)] >= 0 && p_.recorded(id) && !kept_[static_cast<std::size_t>(id)];
  }

  // Units in the order in which they run again; those that nobody reads stand last.
  std::vector<std::size_t> byFirstReader() const {
    std::vector<std::size_t> units(again_.size());
    std::iota(units.begin(), units.end(), std::size_t{0});
    std::stable_sort(units.begin(), units.end(),
                     [&](std::size_t a, std::size_t b) { return firstReader_[a] < firstReader_[b]; });
    return units;
  }

  // Which steps have to run again. False when another buffer had to be kept, which changes the answer.
  bool select() {
    again_.assign(static_cast<std::size_t>(units_.count), {});
    firstReader_.assign(static_cast<std::size_t>(units_.count), kNever);
    wanted_.assign(p_.touched.size(), false);
    for (std::size_t id = 0; id < wanted_.size(); ++id)
      if (dropped(static_cast<BufferId>(id))) {
        wanted_[id] = true;
        int& first = firstReader_[static_cast<std::size_t>(madeIn_[id])];
        first = std::min(first, p_.touched[id].firstBackwardRead);
      }
    bool final = true;
    for (int s = p_.forwardSteps; s-- > 0;) final = selectStep(s) && final;
    return final;
  }

  bool selectStep(int s) {
    const int unit = units_.of[static_cast<std::size_t>(s)];
    const Access& a = p_.step(s);
    const bool needed = unit >= 0 && std::any_of(a.writes.begin(), a.writes.end(), [&](BufferId id) {
                          return wanted_[static_cast<std::size_t>(id)] && madeIn_[static_cast<std::size_t>(id)] == unit;
                        });
    if (!needed) return true;
    again_[static_cast<std::size_t>(unit)].push_back(s);
    bool final = true;
    for (BufferId id : a.reads) {
      const auto at = static_cast<std::size_t>(id);
      if (madeIn_[at] == unit && !kept_[at])
        wanted_[at] = true;
      else if (dropped(id))
        kept_[at] = true, final = false;
    }
    return final;
  }

  // Their steps were found from the last to the first.
  void repeat(const std::vector<int>& steps) {
    for (const int s : std::views::reverse(steps)) {
      for (BufferId id : p_.step(s).writes)
        if (copies_[static_cast<std::size_t>(id)] < 0) {
          copies_[static_cast<std::size_t>(id)] = static_cast<BufferId>(buffers_.size());
          buffers_.push_back({.floats = p_.floats(id)});
        }
      add(s, true);
      out_.cost += p_.step(s).cost;
    }
  }

  // Second runs write copies. They read those of their unit, backward steps those of all units.
  void add(int s, bool again) {
    ScheduledStep step{s, again, p_.step(s).reads, p_.step(s).writes};
    const bool late = again || !p_.step(s).forward;
    for (BufferId& id : step.reads) {
      const auto at = static_cast<std::size_t>(id);
      const bool own = !again || madeIn_[at] == units_.of[static_cast<std::size_t>(s)];
      if (late && own && wanted_[at]) id = copies_[at];
    }
    if (again)
      for (BufferId& id : step.writes) id = copies_[static_cast<std::size_t>(id)];
    out_.steps.push_back(std::move(step));
  }

  bool pinned(BufferId id) const { return static_cast<std::size_t>(id) < p_.list.buffers.size() && p_.pinned(id); }

  void setLifetimes() {
    const int steps = static_cast<int>(out_.steps.size());
    for (int s = 0; s < steps; ++s) {
      const ScheduledStep& step = out_.steps[static_cast<std::size_t>(s)];
      for (const auto* ids : {&step.reads, &step.writes})
        for (BufferId id : *ids) {
          Lifetime& b = buffers_[static_cast<std::size_t>(id)];
          b.first = b.used() ? b.first : s;
          b.last = s;
        }
    }
    if (p_.list.walks > 1) keepForAllWalks();
    for (std::size_t id = 0; id < buffers_.size(); ++id)
      if (pinned(static_cast<BufferId>(id))) buffers_[id].first = 0, buffers_[id].last = steps;
  }

  int stageAt(int step) const { return p_.step(out_.steps[static_cast<std::size_t>(step)].step).stage; }

  // Steps of stage 1 run now and then, so what they write has its place from the first of them on.
  void keepForAllWalks() {
    const int steps = static_cast<int>(out_.steps.size());
    int firstShared = 0;
    while (firstShared < steps && stageAt(firstShared) == 0) ++firstShared;
    for (Lifetime& b : buffers_) {
      if (!b.used()) continue;
      const int made = stageAt(b.first);
      if (made == 1) b.first = firstShared;
      if (made == 1 || stageAt(b.last) != made) b.last = steps;
    }
  }

  // An input that ends where a result begins gives its place to it.
  void shareInPlace() {
    out_.places = buffers_;
    for (std::size_t id = 0; id < buffers_.size(); ++id) out_.placeOf.push_back(static_cast<int>(id));
    for (int s = 0; s < static_cast<int>(out_.steps.size()); ++s) {
      const ScheduledStep& step = out_.steps[static_cast<std::size_t>(s)];
      for (const auto& [result, input] : p_.step(step.step).inPlace)
        handOver(step.reads[static_cast<std::size_t>(input)], step.writes[static_cast<std::size_t>(result)], s);
    }
  }

  void handOver(BufferId from, BufferId to, int step) {
    const Lifetime &a = buffers_[static_cast<std::size_t>(from)], &b = buffers_[static_cast<std::size_t>(to)];
    const bool meet = a.last == step && b.first == step && b.last > step && a.floats == b.floats;
    if (!meet || pinned(from) || pinned(to)) return;
    int &old = out_.placeOf[static_cast<std::size_t>(from)], &now = out_.placeOf[static_cast<std::size_t>(to)];
    Lifetime& place = out_.places[static_cast<std::size_t>(old)];
    const bool taken = place.last != step || now != to;  // by another result, or the result has a place already
    if (taken) return;
    out_.places[static_cast<std::size_t>(to)] = {};
    now = old;
    place.last = b.last;
  }

  const Subject& p_;
  const Units& units_;
  std::vector<int> madeIn_;
  std::vector<bool> kept_, wanted_;
  std::vector<std::vector<int>> again_;  // by unit: its steps that run again, the last first
  std::vector<int> firstReader_;         // by unit: the first backward step that reads what it makes
  std::vector<BufferId> copies_;
  std::vector<Lifetime> buffers_;
  Arrangement out_;
};

// ---- which units
// Positions that cut the forward steps into segments that record about as much, each where little has to be kept
// because both sides use it.
class Cuts {
 public:
  explicit Cuts(const Subject& subject) : p_(subject) {
    const auto n = static_cast<std::size_t>(p_.forwardSteps);
    recorded_.assign(n + 1, 0);
    crossing_.assign(n + 1, 0);
    for (BufferId id = 0; id < static_cast<BufferId>(p_.touched.size()); ++id) {
      const Touched& t = p_.at(id);
      if (p_.recorded(id)) recorded_[static_cast<std::size_t>(t.lastWriter) + 1] += p_.floats(id);
      if (t.lastWriter < 0 || p_.pinned(id) || t.firstWriter >= t.lastForwardRead) continue;
      crossing_[static_cast<std::size_t>(t.firstWriter) + 1] += p_.floats(id);
      crossing_[static_cast<std::size_t>(t.lastForwardRead) + 1] -= p_.floats(id);
    }
    for (std::size_t i = 1; i <= n; ++i) recorded_[i] += recorded_[i - 1], crossing_[i] += crossing_[i - 1];
  }

  // Ends of the segments.
  std::vector<int> into(int segments) const {
    const double share = static_cast<double>(recorded_.back()) / segments;
    std::vector<int> ends;
    for (int k = 1; k < segments; ++k) {
      const int at = best(share * k, share / 3);
      if (at > (ends.empty() ? 0 : ends.back())) ends.push_back(at);
    }
    ends.push_back(p_.forwardSteps);
    return ends;
  }

 private:
  // The position with the fewest crossing floats among those that have recorded `target` ± `tolerance`, else the
  // nearest.
  int best(double target, double tolerance) const {
    int found = 0;
    const auto off = [&](int i) {
      return std::abs(static_cast<double>(recorded_[static_cast<std::size_t>(i)]) - target);
    };
    for (int i = 1; i < p_.forwardSteps; ++i) {
      const std::int64_t here = crossing_[static_cast<std::size_t>(i)],
                         there = crossing_[static_cast<std::size_t>(found)];
      const bool inside = off(i) <= tolerance, foundInside = found > 0 && off(found) <= tolerance;
      if (inside != foundInside ? inside : inside ? here < there : off(i) < off(found)) found = i;
    }
    return found;
  }

  const Subject& p_;
  std::vector<std::int64_t> recorded_, crossing_;  // by position between steps
};

// May what a cheap step makes be dropped without keeping its inputs for longer than somebody else does?
bool pays(const Subject& p, int s) {
  const Access& a = p.step(s);
  if (!a.cheap || !p.repeats[static_cast<std::size_t>(s)]) return false;
  int reader = kNever;
  for (BufferId id : a.writes) {
    if (p.at(id).firstWriter != p.at(id).lastWriter) return false;
    if (p.recorded(id)) reader = std::min(reader, p.at(id).firstBackwardRead);
  }
  return reader != kNever && std::all_of(a.reads.begin(), a.reads.end(), [&](BufferId id) {
           return p.pinned(id) || p.at(id).lastBackwardRead >= reader;
         });
}

// The first segments are dropped: they wait longest for the backward phase. Behind them, if `cheap`, what elementwise
// steps make.
Units unitsOf(const Subject& p, const std::vector<int>& ends, int dropped, bool cheap) {
  Units units{std::vector<int>(static_cast<std::size_t>(p.forwardSteps), -1), dropped};
  int s = 0;
  for (int k = 0; k < dropped; ++k)
    for (; s < ends[static_cast<std::size_t>(k)]; ++s) units.of[static_cast<std::size_t>(s)] = k;
  for (; cheap && s < p.forwardSteps; ++s)
    if (pays(p, s)) units.of[static_cast<std::size_t>(s)] = units.count++;
  return units;
}

struct Candidate {
  Units units;
  double cost = 0;
  std::int64_t alive = 0;
};

// How many steps all arrangements together may have. Networks of 10,000 steps are tried with each of some 440; of
// longer ones those with few segments.
constexpr std::int64_t kArranged = 1 << 22;

std::vector<Candidate> candidatesOf(const Subject& p) {
  const Cuts cuts(p);
  std::vector<Candidate> all;
  const std::int64_t most = kArranged / std::max<std::int64_t>(1, std::ssize(p.list.steps));
  const auto add = [&](const std::vector<int>& ends, int dropped, bool cheap) {
    if (std::ssize(all) > most) return;
    Candidate c{unitsOf(p, ends, dropped, cheap)};
    const Arrangement a = Rewrite(p, c.units).run();
    c.cost = a.cost, c.alive = mostAlive(a.places);
    all.push_back(std::move(c));
  };
  add({}, 0, true);
  for (const int segments : {2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 48, 64}) {
    const std::vector<int> ends = cuts.into(segments);
    for (int dropped = 1; dropped < static_cast<int>(ends.size()); ++dropped)
      for (const bool cheap : {false, true}) add(ends, dropped, cheap);
  }
  return all;
}

// How many arrangements get addresses, which takes a look from each place at each other one: all of networks with up to
// some thousand steps, of longer ones a few from the cheapest to the dearest.
int layoutsOf(const Arrangement& a) {
  constexpr double kPairs = 1LL << 32;
  const auto places = static_cast<double>(a.places.size());
  return static_cast<int>(std::clamp(kPairs / (4 * places * places + 1), 16.0, 1000.0));
}

}  // namespace

Arrangement arrangedOnce(const StepList& list) {
  const Subject subject(list);
  const Units none{std::vector<int>(static_cast<std::size_t>(subject.forwardSteps), -1), 0};
  Arrangement a = Rewrite(subject, none).run();
  a.floats = layOut(a.places);
  return a;
}

Arrangement arrangedWithin(const StepList& list, std::int64_t floats) {
  Arrangement smallest = arrangedOnce(list);
  if (smallest.floats <= floats) return smallest;
  const Subject subject(list);
  std::vector<Candidate> all = candidatesOf(subject);
  std::erase_if(all, [&](const Candidate& c) { return c.alive >= smallest.floats; });
  std::stable_sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) { return a.cost < b.cost; });
  const auto unfit =
      std::stable_partition(all.begin(), all.end(), [&](const Candidate& c) { return c.alive <= floats; });
  const auto stride = static_cast<std::size_t>(std::ssize(all) / layoutsOf(smallest)) + 1;
  for (const auto& some : {std::span(all.begin(), unfit), std::span(unfit, all.end())})
    for (std::size_t i = 0; i < some.size(); i += stride) {
      if (some[i].alive >= smallest.floats) continue;
      Arrangement a = Rewrite(subject, some[i].units).run();
      a.floats = layOut(a.places);
      if (a.floats <= floats) return a;
      if (a.floats < smallest.floats) smallest = std::move(a);
    }
  return smallest;
}

}  // namespace relprop

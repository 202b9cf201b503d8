#include "eval/measuring.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "eval/picture_failures.h"
#include "explainer/redrawn_model.h"

namespace relprop::eval {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// How many layers have random weights at each stage; `wanted` stages, -1: one for every layer.
std::vector<int> stagesOf(int wanted, int layers) {
  const int count = wanted < 0 ? layers : std::min(wanted, layers);
  std::vector<int> stages;
  for (int k = 1; k <= count; ++k)
    stages.push_back(static_cast<int>(std::lround(static_cast<double>(layers) * k / count)));
  return stages;
}

// A row has scores or a reason why there are none.
void requireFinite(Result& r) {
  for (const NamedScore& score : r.scores)
    if (!std::isfinite(score.value)) r.skipped = fmt::format("{} is {}", score.name, score.value);
  if (!r.skipped.empty()) r.scores.clear(), r.curves.clear();
}

}  // namespace

Measuring::Measuring(const Model& model, const EvaluateOptions& options, const Subjects& subjects,
                     const EvaluatedProtocols& protocols, EvaluatedMethods& methods, Classifier& classifier,
                     Classifier* narrow)
    : model_(model),
      options_(options),
      subjects_(subjects),
      protocols_(protocols),
      methods_(methods),
      classifier_(classifier),
      cases_(options, subjects, classifier, narrow) {}

std::vector<Subject> Measuring::open(const std::vector<MissingScores>& missing) const {
  std::vector<Subject> subjects;
  for (const MissingScores& one : missing) {
    goOn(options_);
    subjects.push_back(subjects_.open(one));
  }
  return subjects;
}

bool Measuring::wanted(const Subject& s, std::size_t method, std::size_t protocol) const {
  return s.missing->wanted.at(method * protocols_.count() + protocol);
}

bool Measuring::wantsAny(const Subject& s, std::size_t method) const {
  for (std::size_t p = 0; p < protocols_.count(); ++p)
    if (wanted(s, method, p)) return true;
  return false;
}

Result Measuring::resultOf(const Subject& s, std::size_t method, std::size_t protocol, std::string skipped) const {
  const PictureFacts& f = s.facts;
  Result r;
  r.key = {f.model, f.dataset, f.picture, f.target, methods_.names()[method], protocols_.texts()[protocol]};
  r.skipped = std::move(skipped);
  return r;
}

Result Measuring::measured(const Subject& s, std::size_t method, std::size_t protocol, const Case& c) const {
  Result r = resultOf(s, method, protocol);
  const auto start = Clock::now();
  Measured m;
  const Protocol& p = protocols_[protocol];
  const auto measure = [&] { m = p.precision == Precision::Float32 ? p.measure(c) : p.measure(cases_.narrowed(c)); };
  forOnePicture(measure, [&](const std::string& why) { m = Measured::skip(why); });
  r.measureSeconds = secondsSince(start);
  r.skipped = std::move(m.skipped), r.scores = std::move(m.scores), r.curves = std::move(m.curves);
  requireFinite(r);
  return r;
}

bool Measuring::measureMethod(Subject& s, std::size_t method, Explainer& explainer, ResultBatch& batch) const {
  bool explained = true;
  forOnePicture([&] { measureExplained(s, method, explainer, batch); },
                [&](const std::string& why) {
                  explained = false;
                  for (std::size_t p = 0; p < protocols_.count(); ++p)
                    if (wanted(s, method, p)) batch.results.push_back(resultOf(s, method, p, why));
                });
  return explained && s.facts.skipped.empty();
}

void Measuring::measureExplained(Subject& s, std::size_t method, Explainer& explainer, ResultBatch& batch) const {
  const PictureFacts& f = s.facts;
  const auto start = Clock::now();
  Explanation e = explainer.explain(s.prepared.input, {subjects_.targetOf(s)})[0];
  // As long as it takes alone, whichever method of the run comes first.
  const double seconds = secondsSince(start) + explainer.sparedSeconds();
  MapFacts map{f.model, f.dataset, f.picture, f.target, methods_.names()[method], seconds, {}};
  if (!subjects_.judge(s, e)) e = explainer.explain(s.prepared.input, {s.target})[0];
  if (!f.skipped.empty()) return;
  const Case c = cases_.of(s, e, explainer);
  if (options_.keep) map.map = Tensor(Shape{c.map.height, c.map.width}, c.map.values);
  batch.maps.push_back(std::move(map));
  for (std::size_t p = 0; p < protocols_.count(); ++p) {
    if (!wanted(s, method, p)) continue;
    if (!protocols_.lack(p).empty()) {
      batch.results.push_back(resultOf(s, method, p, protocols_.lack(p)));
      continue;
    }
    goOn(options_);
    if (protocols_[p].randomisedLayers == 0) batch.results.push_back(measured(s, method, p, c));
  }
}

// Networks with random weights are compiled once for all subjects.
std::vector<Measuring::Randomised> Measuring::randomisedMaps(std::size_t method, std::size_t protocol,
                                                             const std::vector<const Subject*>& subjects) const {
  const std::vector<std::string>& layers = classifier_.layers();
  const auto all = static_cast<double>(layers.size());
  std::vector<Randomised> of(subjects.size());
  for (const int redrawn : stagesOf(protocols_[protocol].randomisedLayers, static_cast<int>(layers.size()))) {
    goOn(options_);
    const auto explainer = methods_.compileFor(withRedrawnWeights(model_, redrawn, options_.seed), method);
    const auto mapOf = [&](std::size_t i) {
      of[i].maps.push_back({layers[static_cast<std::size_t>(redrawn) - 1],
                            cases_.mapOf(*subjects[i], protocols_[protocol].copies, *explainer), redrawn / all});
    };
    for (std::size_t i = 0; i < subjects.size(); ++i)
      if (of[i].failure.empty())
        forOnePicture([&] { mapOf(i); },
                      [&](const std::string& why) { of[i].failure = fmt::format("with random weights: {}", why); });
  }
  return of;
}

void Measuring::measureRandomised(std::size_t method, std::size_t protocol,
                                  const std::vector<const Subject*>& explained, Explainer& explainer,
                                  ResultBatch& batch) const {
  std::vector<const Subject*> asked;
  for (const Subject* s : explained)
    if (wanted(*s, method, protocol)) asked.push_back(s);
  if (asked.empty()) return;
  std::vector<Randomised> randomised = randomisedMaps(method, protocol, asked);
  const auto measureOne = [&](std::size_t i) {
    const Explanation e = explainer.explain(asked[i]->prepared.input, {subjects_.targetOf(*asked[i])})[0];
    Case c = cases_.of(*asked[i], e, explainer);
    c.randomised = std::move(randomised[i].maps);
    batch.results.push_back(measured(*asked[i], method, protocol, c));
  };
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto skip = [&](const std::string& why) {
      batch.results.push_back(resultOf(*asked[i], method, protocol, why));
    };
    randomised[i].failure.empty() ? forOnePicture([&] { measureOne(i); }, skip) : skip(randomised[i].failure);
  }
}

ResultBatch Measuring::measure(const std::vector<MissingScores>& missing) {
  std::vector<Subject> subjects = open(missing);
  ResultBatch batch;
  for (std::size_t m = 0; m < methods_.names().size(); ++m) {
    const auto explainer = methods_.borrow(m);
    std::vector<const Subject*> explained;
    for (Subject& s : subjects) {
      if (!s.facts.skipped.empty() || !wantsAny(s, m)) continue;
      goOn(options_);
      if (measureMethod(s, m, *explainer, batch)) explained.push_back(&s);
    }
    for (std::size_t p = 0; p < protocols_.count(); ++p)
      if (protocols_[p].randomisedLayers != 0) measureRandomised(m, p, explained, *explainer, batch);
  }
  for (Subject& s : subjects) batch.pictures.push_back(std::move(s.facts));
  return batch;
}

}  // namespace relprop::eval

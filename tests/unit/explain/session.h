// One image explained by a method with a procedure, the way the library runs it.
#pragma once

#include "explain/methods/method_list.h"
#include "explain/procedure.h"
#include "unit/explain/support.h"

namespace relprop::test {

inline Question classQuestion(std::int64_t index) {
  Question q;
  q.index = index;
  return q;
}

// Minus the score of `against`.
inline Question rivalQuestion(std::int64_t index, std::int64_t against) {
  Question q = classQuestion(index);
  q.contrast = Question::Contrast::Class, q.against = against;
  return q;
}

using Progress = std::function<void(std::int64_t done, std::int64_t total)>;

// The graph's rows are the batch of the inputs that the procedure makes.
inline std::vector<Attribution> explainImage(const Graph& graph, const std::string& method, Backend& backend,
                                             const Doubles& image, const std::vector<Question>& questions,
                                             BaselineFacts facts = {}, const Progress& progress = {}) {
  CompileOptions options, forwardOnly;
  options.targets = static_cast<std::int64_t>(questions.size());
  forwardOnly.forwardOnly = true;
  CompiledMethod c(graph, parseMethod(method), backend, options),
      probe(graph, parseMethod(method), backend, forwardOnly);
  const auto probed = [&](const std::vector<float>& input) {
    for (std::int64_t r = 0; r < probe.rows(); ++r)
      std::copy(input.begin(), input.end(), probe.input() + r * probe.inputFloats());
    probe.plan().run(Phase::Forward);
    return std::vector<float>(probe.scores(), probe.scores() + probe.scoreShape().count());
  };
  Session session(c, std::move(facts),
                  {[&](Phase phase) { c.run(phase, {}); },
                   [&](std::int64_t done, std::int64_t total) {
                     if (progress) progress(done, total);
                   },
                   probed});
  const std::vector<float> x(image.begin(), image.end()), scores = probed(x);
  return c.method().procedure->explain(session, {x.data(), scores.data(), questions});
}

inline double factOf(const Attribution& a, const std::string& name) {
  for (const auto& [key, value] : a.facts)
    if (key == name) return value;
  ADD_FAILURE() << "no fact '" << name << "'";
  return 0;
}

}  // namespace relprop::test

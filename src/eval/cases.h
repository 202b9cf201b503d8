// Makes cases: a subject explained by a method, and all that a metric may ask about it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "eval/companions.h"
#include "eval/metric.h"
#include "eval/subjects.h"

namespace relprop::eval {

// Throws Cancelled when the caller wants to stop.
void goOn(const EvaluateOptions& options);

class Cases {
 public:
  // What is given is looked at later too. narrow: the same network in bfloat16, null where nobody asks for it.
  Cases(const EvaluateOptions& options, const Subjects& subjects, Classifier& classifier, Classifier* narrow);

  // Subject and explainer must outlive the case.
  Case of(const Subject& subject, const Explanation& explanation, Explainer& explainer) const;
  // The case, asking the network in bfloat16.
  Case narrowed(const Case& c) const;
  // Of the subject's picture, or the mean over its noisy copies, and target.
  Plane mapOf(const Subject& subject, const NoisyCopies& copies, Explainer& explainer) const;

 private:
  std::vector<Plane> mapsOf(Explainer& explainer, const Target& target, std::int64_t count, const Fill& fill) const;
  std::function<void(std::int64_t, const Fill&, const Read&)> forwardOf(Classifier& classifier) const;

  const EvaluateOptions& options_;
  const Subjects& subjects_;
  Classifier& classifier_;
  Classifier* narrow_;
  std::unique_ptr<Companions> companions_;
  std::vector<float> black_;
  PixelRange range_;
};

}  // namespace relprop::eval

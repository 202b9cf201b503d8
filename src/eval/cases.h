// Makes cases: a subject explained by a method, and all that a metric may ask about it.
#pragma once

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
  // Options, subjects and classifier are looked at later too.
  Cases(const EvaluateOptions& options, const Subjects& subjects, Classifier& classifier);

  // Subject and explainer must outlive the case.
  Case of(const Subject& subject, const Explanation& explanation, Explainer& explainer) const;
  // Of the subject's picture and target.
  Plane mapOf(const Subject& subject, Explainer& explainer) const;

 private:
  std::vector<Plane> mapsOf(Explainer& explainer, const Target& target, std::int64_t count, const Fill& fill) const;

  const EvaluateOptions& options_;
  Classifier& classifier_;
  std::unique_ptr<Companions> companions_;
  std::vector<float> black_;
  PixelRange range_;
};

}  // namespace relprop::eval

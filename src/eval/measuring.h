// Measures what a store lacks of some units: every method by every protocol.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "eval/cases.h"
#include "eval/evaluation_methods.h"
#include "eval/evaluation_protocols.h"
#include "eval/subjects.h"

namespace relprop::eval {

class Measuring {
 public:
  // What is given by reference is used later too. narrow: null where no protocol asks for it.
  Measuring(const Model& model, const EvaluateOptions& options, const Subjects& subjects,
            const EvaluatedProtocols& protocols, EvaluatedMethods& methods, Classifier& classifier, Classifier* narrow);

  ResultBatch measure(const std::vector<MissingScores>& missing);

 private:
  // Of one subject: the maps of all stages, or why there are none.
  struct Randomised {
    std::vector<RedrawnMap> maps;
    std::string failure;
  };

  std::vector<Subject> open(const std::vector<MissingScores>& missing) const;
  bool wanted(const Subject& subject, std::size_t method, std::size_t protocol) const;
  bool wantsAny(const Subject& subject, std::size_t method) const;
  Result resultOf(const Subject& subject, std::size_t method, std::size_t protocol, std::string skipped = {}) const;
  Result measured(const Subject& subject, std::size_t method, std::size_t protocol, const Case& c) const;

  // Could the subject be explained?
  bool measureMethod(Subject& subject, std::size_t method, Explainer& explainer, ResultBatch& batch) const;
  void measureExplained(Subject& subject, std::size_t method, Explainer& explainer, ResultBatch& batch) const;
  void measureRandomised(std::size_t method, std::size_t protocol, const std::vector<const Subject*>& explained,
                         Explainer& explainer, ResultBatch& batch) const;
  std::vector<Randomised> randomisedMaps(std::size_t method, std::size_t protocol,
                                         const std::vector<const Subject*>& subjects) const;

  const Model& model_;
  const EvaluateOptions& options_;
  const Subjects& subjects_;
  const EvaluatedProtocols& protocols_;
  EvaluatedMethods& methods_;
  const Classifier& classifier_;
  Cases cases_;
};

}  // namespace relprop::eval

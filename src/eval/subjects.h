// Opens the units of an evaluation: the picture as the network sees it, the truth about it, and the class asked about.
#pragma once

#include <optional>
#include <vector>

#include "explainer/classifier.h"
#include "relprop/evaluate.h"

namespace relprop::eval {

// One unit while it is measured.
struct Subject {
  const EvaluationUnit* unit = nullptr;
  const MissingScores* missing = nullptr;
  PictureFacts facts;
  PreparedImage prepared;
  Truth truth;
  bool judged = false;  // facts and target are complete
  Target target = {};
};

// A picture beside the one that is measured.
struct Companion {
  std::vector<float> input;      // as the network gets it
  std::optional<int> trueClass;  // of the network; none when classes are not asked about
};

class Subjects {
 public:
  // Options, data set and classifier are looked at later too. Throws InvalidArgument, ShapeMismatch, UnknownTarget.
  Subjects(const Model& model, const Dataset& dataset, const EvaluateOptions& options, const Classifier& classifier);

  const std::vector<EvaluationUnit>& units() const { return units_; }
  const ModelFacts& modelFacts() const { return model_; }
  PictureFacts keyOf(std::size_t unit) const;
  void requireSamePictures(const Store& store) const;  // see Evaluation

  // A picture that cannot be measured is skipped, with the reason in its facts.
  Subject open(const MissingScores& missing) const;
  Target targetOf(const Subject& subject) const;
  // Takes the network's answer from the first explanation; no forward pass is spent on it alone. Later ones change
  // nothing. False when that explanation turns out to be of another target than the subject has now.
  bool judge(Subject& subject, const Explanation& explanation) const;
  std::size_t pictures() const { return dataset_.size(); }
  bool hasOneClass(std::size_t picture) const;  // or classes are not asked about
  // None of a picture that has not one class, or one the network does not know. Throws what reading it throws.
  std::optional<Companion> companion(std::size_t picture) const;
  // Sentences for the user: what was assumed of the network's classes.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  // What the store has of a unit was measured on the same photo and class.
  void requireSame(const PictureFacts& there, std::size_t unit, const Store& store) const;
  void leaveOutUnknownClasses();
  void requireKnownClass() const;  // one that a picture has; throws UnknownTarget
  void load(Subject& subject) const;
  PreparedImage prepared(const Image& image) const;
  int classOf(int dataClass) const;
  Target targetOfClass(int modelClass) const;
  int predictedClass(const Explanation& explanation) const;
  std::string labelOf(int modelClass) const;
  bool isCorrect(const Subject& subject) const;

  const Dataset& dataset_;
  const EvaluateOptions& options_;
  const Classifier& classifier_;
  std::vector<EvaluationUnit> units_;
  std::vector<int> mapping_;  // the network's class of each of the data set's; empty: the same
  ModelFacts model_;
  bool twoSided_ = false;  // one output says how sure the network is of class 1 and not of class 0
  std::vector<std::string> notes_;
};

}  // namespace relprop::eval

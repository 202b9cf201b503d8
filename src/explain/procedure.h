// What a method does around the plan when one walk an image is not all: many inputs made from the image, weights from
// forward passes, maps of a layer.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "explain/method.h"
#include "explain/session.h"

namespace relprop {

// One image and the targets asked about it.
struct Subject {
  const float* input = nullptr;     // C×H×W
  const float* scores = nullptr;    // of the image as it is
  std::vector<Question> questions;  // as many as the session has targets
};

using Facts = std::vector<std::pair<std::string, double>>;

struct Attribution {
  Shape shape;  // C×H×W of the input, or 1×H×W
  std::vector<double> map;
  Facts facts;               // what the method can say about itself, e.g. its completeness gap
  const char* whyZero = "";  // where the map is 0 everywhere; empty: the method does not know
};

// What a procedure serves: images, the questions that their scores lead to, and the place for answers.
class Request {
 public:
  virtual ~Request() = default;
  virtual std::int64_t images() const = 0;
  virtual const float* image(std::int64_t k) const = 0;  // C×H×W
  // As many as the session has targets. Called once an image, in order, before any answer about it.
  virtual std::vector<Question> ask(std::int64_t k, const float* scores) = 0;
  // The answers about image k: one walk's relevance, in this row, or an attribution a question.
  virtual void walked(std::int64_t k, const Session::Row& row) = 0;
  virtual void drawn(std::int64_t k, std::vector<Attribution> maps) = 0;
};

class Procedure {
 public:
  virtual ~Procedure() = default;
  // Whether an image takes more than one row of the plan, so that a batch serves a single image too.
  virtual bool runsManyInputs() const { return true; }
  // One walk an image: a row of the plan has its ledger and the relevance of its layers.
  virtual bool walksOnce() const { return false; }
  // Whether it asks for the scores of an image before anything else, from a plan of few rows (Session::probe).
  virtual bool probes() const { return true; }
  // Answers all questions about all images; here one image after the other. Throws NotSupportedByMethod, Cancelled.
  virtual void serve(Session& session, Request& request) const;
  // One attribution a question.
  virtual std::vector<Attribution> explain(Session& session, const Subject& subject) const = 0;
};

// One walk an image, from which a map is drawn that is not its relevance at the input alone.
class DrawnWalk : public Procedure {
 public:
  bool runsManyInputs() const override { return false; }
  bool probes() const override { return false; }
  void serve(Session& session, Request& request) const override;
  std::vector<Attribution> explain(Session& session, const Subject& subject) const override;

 protected:
  // Of the question that is this target of the row.
  virtual Attribution draw(const Session& session, const Session::Row& row, std::int64_t target,
                           const Question& question) const = 0;

 private:
  std::vector<Attribution> drawAll(const Session& session, const Session::Row& row,
                                   const std::vector<Question>& questions) const;
};

// The ordinary method: one walk an image, as many images at once as the plan has rows.
std::shared_ptr<const Procedure> singleWalk();

}  // namespace relprop

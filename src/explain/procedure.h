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
  Facts facts;  // what the method can say about itself, e.g. its completeness gap
};

class Procedure {
 public:
  virtual ~Procedure() = default;
  // Whether an image takes more than one row of the plan, so that a batch serves a single image too.
  virtual bool runsManyInputs() const { return true; }
  // One attribution a question. Throws NotSupportedByMethod, Cancelled.
  virtual std::vector<Attribution> explain(Session& session, const Subject& subject) const = 0;
};

}  // namespace relprop

#include <utility>

#include "relprop/explain.h"

namespace relprop {

Target Target::rank(int place) {
  Target t;
  t.index_ = place;
  return t;
}

Target Target::of(int index) {
  Target t;
  t.kind_ = Kind::Class, t.index_ = index;
  return t;
}

Target Target::notOf(int index) {
  Target t;
  t.kind_ = Kind::Not, t.index_ = index;
  return t;
}

Target Target::all() {
  Target t;
  t.kind_ = Kind::All;
  return t;
}

Target Target::withRelevance(std::vector<float> values) {
  Target t;
  t.kind_ = Kind::Relevance, t.relevance_ = std::move(values);
  return t;
}

Target Target::againstOthers() const {
  Target t = *this;
  t.contrast_ = Contrast::Others, t.rival_ = 0;
  return t;
}

Target Target::against(int index) const {
  Target t = *this;
  t.contrast_ = Contrast::Class, t.rival_ = index;
  return t;
}

}  // namespace relprop

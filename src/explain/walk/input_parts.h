// x⁺, x⁻, 1, x − l, …: the parts of a linear node's input that rules name.
#pragma once

#include "explain/walk/walk.h"

namespace relprop {

class InputParts {
 public:
  // dense: as dense layers read them, float32, instead of as convolutions do. imageBounds: of the rule.
  InputParts(Walk& walk, const Node& node, bool dense, bool imageBounds)
      : walk_(walk), node_(node), dense_(dense), imageBounds_(imageBounds) {}

  // Stored once a walk, whatever nodes read it. Throws NotSupportedByMethod where bounds are asked for that are not
  // known.
  BufferView view(InputPart part);

 private:
  Expr expr(InputPart part);
  Expr bound(const Expr& x, Reduction kind);
  ValueId input() const { return node_.inputs[0]; }

  Walk& walk_;
  const Node& node_;
  bool dense_, imageBounds_;
};

}  // namespace relprop

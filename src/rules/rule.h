// A rule: what a node does with the relevance that arrives at its output. Written "name" or "name:key=value,…".
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/parameters.h"
#include "graph/graph.h"
#include "rules/terms.h"

namespace relprop {

// What kind of node a rule may stand at.
enum class Role {
  Linear,
  Activation,
  MaxPool,
  AveragePool,
  Residual,
  Gate,
  Affine,
  Lrn,
  Normalisation,
  MatMul,
  Softmax,
  Move
};
Role roleOf(const Graph& graph, const Node& node);  // Add and Mul with a constant are Affine
const char* roleName(Role role);

// What nodes other than linear ones do.
enum class NodeRule {
  Pass,          // R unchanged
  Jacobian,      // the vector-Jacobian product
  Winner,        // max pool: all to the maximum
  Average,       // max pool: as an average pool of the same window (or of `window` × `window`)
  Proportional,  // pools x_i/Σx; residual h/(h_s + h_m)
  Ratio,         // residual |h|/(|h_s| + |h_m|)
  Symmetric,     // residual: half each
  Agreeing,      // residual c/(c_s + c_m), c = h·(1 + γ·[h·(h_s + h_m) > 0])
  Gate,          // product: all to the gated signal
  Guided,        // activation: R⁺ times the derivative
  Deconv,        // activation: R⁺
  Smooth,        // ReLU, Clip: the derivative of softplus
  Rescale,       // DeepLIFT's multipliers Δy/Δx
  Attention      // matrix product: half to each operand; softmax: Taylor shares
};

struct Rule {
  std::string name, text;   // text: with its parameters
  std::vector<Role> roles;  // where it may stand
  bool linear = false;      // `terms` says what happens; else `node` does
  LinearRule terms;
  NodeRule node = NodeRule::Pass;
  float epsilon = 0;         // stabiliser of Proportional and Attention; 0: safe division
  int window = 0;            // Average
  float gamma = 0;           // Agreeing
  float beta = 0;            // Smooth
  bool identitySkip = true;  // residual: false sends nothing over a skip path without learned layers

  bool fits(Role role) const;
};

struct RuleInfo {
  const char* name;
  const char* positional;  // the key that "name:value" means, or ""
  const char* summary;
  Rule (*make)(Parameters&);
};

const std::vector<RuleInfo>& ruleList();
// Throws InvalidRule listing the nearest known names.
Rule parseRule(const std::string& text);

}  // namespace relprop

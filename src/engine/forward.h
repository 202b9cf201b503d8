// The forward half of a plan. Every value of the graph becomes a formula (lazy) or a buffer (materialised on demand);
// what nobody asks for is never stored.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/plan.h"
#include "graph/geometry.h"
#include "graph/graph.h"

namespace relprop {

// Everything about a Conv or Dense that its kernels need.
struct LinearNode {
  LinearShape shape;
  std::vector<float> bias;       // O values, or empty
  std::vector<float> biasImage;  // O×OH×OW when the bias varies over the border, else empty
  std::shared_ptr<const std::vector<float>> weights;
  ValueId input = kNoValue, output = kNoValue;
};

// Of min(max(0, ·), most): most, which of a Relu is infinity. Nothing of other nodes.
std::optional<float> cutOf(const Node& node);

class Forward {
 public:
  // fuse(node index): may this node (of which cutOf() knows) run inside the convolution before it (so that its input is
  // never seen)?
  Forward(const Graph& graph, Plan& plan, const std::function<bool(int)>& fuse);
  // A built one as a walk of its own sees it that may fuse more: what a fused node cut off is not seen. What this walk
  // stores, other walks do not find.
  Forward forWalk(const std::function<bool(int)>& fuse) const;

  // Begins a walk that is a forward pass: a built one with another value put in here (inputView), which runs what
  // depends on that. What it reads of the rest stays where it is, so that the walk may run again and again.
  Forward resumedAt(ValueId from);

  // Emits the steps of the whole graph. `after` is called behind the steps of each node, and what it adds is the
  // node's. Throws UnsupportedModel.
  void build(const std::function<void(const Node&)>& after = {});

  const Graph& graph() const { return graph_; }
  const Uses& uses() const { return uses_; }
  Plan& plan() { return plan_; }

  TensorDesc desc(ValueId id) const { return descOf(graph_.value(id).shape); }
  TensorDesc descOf(const Shape& shape) const;  // the layout every value of that shape has
  Expr value(ValueId id);                       // as a formula over buffers
  BufferView buffer(ValueId id);                // materialised (once), as float32
  BufferView operand(ValueId id);               // materialised (once), as convolutions and dense layers read it
  bool fused(ValueId preActivation) const { return fused_.count(preActivation) != 0; }
  LinearNode linear(const Node& node) const;
  PoolShape pool(const Node& node) const;
  BufferView inputView() const { return input_; }

  // Helpers shared with the backward walk. Each emits at most one step.
  BufferView materialise(const Expr& e, const std::string& name);
  BufferView materialiseOperand(const Expr& e, const std::string& name);
  BufferView inLayout(const BufferView& view, int block, const std::string& name);  // reordered when need be
  BufferView plain(const BufferView& view, const std::string& name) { return inLayout(view, 1, name); }
  BufferView canonical(const BufferView& view, const std::string& name);  // in the layout descOf gives its shape
  BufferView fresh(const Shape& shape, const std::string& name);          // a new buffer in canonical layout
  BufferView freshPlain(const Shape& shape, const std::string& name);
  Expr constantOperand(const Constant& constant, const Shape& shape);     // broadcast to `shape`
  Expr imageOperand(const Constant& constant, const Shape& shape) const;  // the same, stored in full
  Expr broadcast(ValueId id, const Shape& shape);                         // dynamic or constant operand

 private:
  void emit(int index);
  BufferView bufferOf(ValueId id, Element element);
  BufferView stored(const Expr& e, Element element, const std::string& name);
  void keep(ValueId id);

  const Graph& graph_;
  Plan& plan_;
  std::function<bool(int)> fuse_;
  Uses uses_;
  std::unordered_map<ValueId, Expr> values_;
  std::unordered_map<ValueId, BufferView> otherType_;  // beside a value that is a buffer of one type
  std::set<ValueId> fused_;
  std::set<Shape> images_;  // shapes, without the rows, that lie as images do
  BufferView input_;
};

// The strided boxes by which Slice, Pad, Concat, Transpose and broadcasts move data; the backward walk runs them in
// reverse.
struct Move {
  CopySpec copy;  // forward direction
  int input = 0;  // which input of the node
};
std::vector<Move> movesOf(const Graph& graph, const Node& node);
// A concatenation of channels where all values lie with their channels last, and the copy of one part into it.
bool concatenatesColumns(const Forward& forward, const Node& node);
CopySpec columnsCopy(const TensorDesc& part, const TensorDesc& whole, std::int64_t firstChannel);
CopySpec reversed(CopySpec spec, bool accumulate);
CopySpec broadcastCopy(const Shape& from, const Shape& to);

struct ResizeAxes {
  std::int64_t planes;
  ResizeAxis h, w;
};
ResizeAxes resizeAxesOf(const Graph& graph, const Node& node);
LrnSpec lrnOf(const Node& node, const TensorDesc& desc);
LayerNormSpec layerNormOf(const Graph& graph, const Node& node);
// A product of two stacks of matrices, and the shapes that its operands have once their leading axes are broadcast.
struct MatmulOperands {
  MatmulSpec spec;
  Shape shapes[2];
};
MatmulOperands matmulOf(const Graph& graph, const Node& node);
struct SoftmaxExtents {
  std::int64_t outer, extent, inner;
};
SoftmaxExtents softmaxOf(const Graph& graph, const Node& node);

}  // namespace relprop

// From a model and options to plans: the method is parsed and the graph made canonical once; explaining, counting work,
// classifying and estimating patterns all compile from it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "explain/compiled.h"
#include "relprop/explain.h"

namespace relprop {

struct Specialised;  // passes/passes.h

class Compilation {
 public:
  // The canonical graph for options.batch rows, or one where the model holds for no more, cut at the scores or at
  // options.from. Throws InvalidArgument, ShapeMismatch, UnsupportedModel, UnknownNode.
  Compilation(const Model& model, const ExplainOptions& options, Method method);
  Compilation(const Model& model, const ExplainOptions& options);  // parses options.method

  const Method& method() const { return method_; }
  Layout layout() const { return layout_; }  // of the model; the graph has its channels first
  const Graph& graph() const { return graph_; }
  std::int64_t rows() const { return graph_.value(graph_.inputs.at(0)).shape.at(0); }
  Graph takeGraph() { return std::move(graph_); }
  const Head& head() const { return head_; }                          // none of options.from
  const std::vector<std::string>& passes() const { return passes_; }  // what each did, in a line
  std::vector<std::string> warnings() const { return warnings(method_); }
  std::vector<std::string> warnings(const Method& method) const;  // where another one is applied to the graph

  std::unique_ptr<Backend> backend(Packing packing = Packing::Once) const;
  // Can weights stay packed under options.memory? Packing them anew for every run is the last thing to be tried, as it
  // costs a part of every run. A little more is needed than this finds (padding, work space).
  bool fitsPacked() const;
  // The methods of several options, which have the graph of these. `fitTogether`: within so many bytes, 0 for any.
  CompiledMethod::Asked asked(const ExplainOptions& options, Method method, std::int64_t bytes) const;
  bool fitTogether(const std::vector<CompiledMethod::Asked>& asked) const;
  CompiledMethod::Together together(Backend& backend, const std::vector<CompiledMethod::Asked>& asked);
  // Forward passes alone, over so many rows, or as many as the model holds for.
  std::unique_ptr<CompiledMethod> classifier(Backend& backend, std::int64_t rows) const;
  // The method itself; the graph goes into it, so this comes last. `taken`: bytes that other plans hold. `within`: null
  // where options.memory is too low; the other throws OutOfMemory then.
  std::unique_ptr<CompiledMethod> compile(Backend& backend, std::int64_t taken = 0);
  std::unique_ptr<CompiledMethod> within(Backend& backend, std::int64_t taken);

 private:
  void requireInput(const Shape& shape) const;
  Specialised specialised();
  using PatternValues = std::map<std::string, std::vector<float>>;  // by node
  CompileOptions walking(const ExplainOptions& options, const Method& method, std::int64_t bytes,
                         std::int64_t taken) const;
  CompileOptions walking(std::int64_t taken) const { return walking(options_, method_, options_.memory, taken); }

  Model model_;
  ExplainOptions options_;
  Method method_;
  Layout layout_;
  bool anyScores_ = false;  // scores may have positions
  bool rowsApart_ = true;   // does no image know of the others?
  Graph graph_;
  Head head_;
  bool fixedRows_ = false;  // by the model
  PatternValues patterns_;
  std::vector<std::string> passes_, warnings_;
};

}  // namespace relprop

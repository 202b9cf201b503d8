#include "explainer/class_count.h"

#include <algorithm>

#include "explainer/translated.h"
#include "graph/edit.h"
#include "passes/passes.h"

namespace relprop {
namespace {

constexpr std::int64_t kUnknown = -1;
// Sides of the pictures that are tried where the file leaves them open.
constexpr std::int64_t kSides[] = {224, 256, 32};
// Elements of a constant that is computed for shapes alone. When a network is loaded nobody has said yet how much
// memory there is for more.
constexpr std::int64_t kLargestForShapes = std::int64_t{1} << 20;

// Scores have one axis of classes; [N] is one number an image.
std::int64_t classesOf(const Shape& scores) {
  if (scores.empty()) return kUnknown;
  std::int64_t classes = 1;
  for (std::size_t k = 1; k < scores.size(); ++k) {
    if (scores[k] < 0 || (classes != 1 && scores[k] != 1)) return kUnknown;
    classes *= scores[k];
  }
  return classes;
}

bool isOpen(std::int64_t extent) {
  return extent < 1;
}

// One image, or as many as the file insists on.
Shape closedInput(Shape shape, const InputLayout& layout, std::int64_t side) {
  constexpr std::int64_t kColours = 3;
  const std::size_t channels = layout.channelsLast ? shape.size() - 1 : 1;
  for (std::size_t k = 0; k < shape.size(); ++k)
    if (isOpen(shape[k])) shape[k] = k == 0 ? 1 : k == channels ? kColours : side;
  return shape;
}

// Reshapes take their extents from arithmetic with shapes, so that no shape is known before the constants are. Throws
// Error.
Shape inferredOutput(Graph graph, const Shape& input) {
  const SpecialiseOptions options{.inputShape = input, .disabled = {}};
  PassContext context{options, foldLimitOf(graph, kLargestForShapes), {}, {}, {}, {}};
  context.filledLimit = context.foldLimit;
  removeDeadNodes(graph);
  translated("load", [&] { runPass(passList().front(), graph, context); });
  return graph.value(graph.outputs.at(0)).shape;
}

// For images of that size. What does not begin with the batch may have its classes anywhere.
std::int64_t classesAt(const Graph& graph, const Shape& input) try {
  const Shape scores = inferredOutput(graph, input);
  return !scores.empty() && scores[0] == input[0] ? classesOf(scores) : kUnknown;
} catch (const Error&) {  // who explains it is told
  return kUnknown;
}

// Of several sizes the network may be for one alone; two that it takes have to agree.
std::int64_t inferredClasses(const Graph& graph, const InputLayout& layout) {
  const Shape& declared = graph.value(graph.inputs.at(0)).shape;
  if (std::none_of(declared.begin() + 1, declared.end(), isOpen))
    return classesAt(graph, closedInput(declared, layout, 0));
  std::int64_t found = kUnknown;
  for (const std::int64_t side : kSides) {
    const std::int64_t classes = classesAt(graph, closedInput(declared, layout, side));
    if (classes == kUnknown) continue;
    if (found != kUnknown) return classes == found ? found : kUnknown;
    found = classes;
  }
  return found;
}

}  // namespace

std::int64_t classCount(const ImportedModel& network, const InputLayout& layout) {
  const std::int64_t declared = classesOf(network.outputShape);
  const bool open =
      network.outputShape.empty() || std::any_of(network.outputShape.begin() + 1, network.outputShape.end(), isOpen);
  return declared == kUnknown && open ? inferredClasses(network.graph, layout) : declared;
}

}  // namespace relprop

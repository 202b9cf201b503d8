#include "relprop/patterns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "explain/patterns.h"
#include "explainer/compilation.h"
#include "explainer/pattern_files.h"
#include "explainer/prepare.h"
#include "image/npy_values.h"

namespace relprop {
namespace {

const char* const kStateHint = "saved sums are written by PatternEstimator::saveState";

// The four sums of a node, each with the end of its entry's name and its shape.
template <class Sums, class Visit>
void eachSum(Sums& s, Visit visit) {
  const auto outputs = static_cast<std::int64_t>(s.outputs()), perOutput = static_cast<std::int64_t>(s.perOutput());
  visit(".count", Shape{outputs}, s.count);
  visit(".y", Shape{outputs}, s.y);
  visit(".x", Shape{outputs, perOutput}, s.x);
  visit(".xy", Shape{outputs, perOutput}, s.xy);
}

// Later images would be blamed for what no image has added.
void requireSums(const NpzEntry& entry, const NpyValues& sums) {
  const bool byOutput = sums.shape.size() == 1;  // counts, and outputs where they are positive
  const auto bad = std::find_if(sums.data.begin(), sums.data.end(),
                                [&](double v) { return !std::isfinite(v) || (byOutput && v < 0); });
  if (bad != sums.data.end())
    throw Error(ErrorCode::MalformedTensor, entry.where, fmt::format("{} at element {}", *bad, bad - sums.data.begin()),
                byOutput ? "finite sums of 0 or more" : "finite sums", kStateHint);
}

}  // namespace

struct PatternEstimator::Impl {
  Impl(const Model& m, const PatternOptions& o) : model(m), options(o) {}

  Model model;
  PatternOptions options;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<PatternPlan> plan;
  Layout layout = Layout::ChannelsFirst;  // of the model; the plan has its channels first
  std::vector<std::string> warnings;
  std::int64_t images = 0;
  bool lost = false;  // an image overflowed, or a batch was only added to some of the sums

  // Patterns belong to the forward pass of a gradient.
  void compile() {
    Compilation compilation(model, {.method = options.foldBatchNorm ? "gradient" : "gradient:batchnorm=pass",
                                    .inputShape = options.inputShape,
                                    .layout = options.layout,
                                    .batch = options.batch,
                                    .threads = options.threads,
                                    .pixelRange = {},
                                    .reference = options.reference});
    backend = compilation.backend();
    layout = compilation.layout();
    warnings = compilation.warnings();
    plan = std::make_unique<PatternPlan>(compilation.takeGraph(), *backend);
    for (const PositiveSums& s : plan->sums()) requireEntryName(s.node, ErrorCode::UnsupportedModel);
  }

  void requireWhole() const {
    if (lost)
      throw Error(ErrorCode::NumericFailure, "patterns", "an earlier image made the network overflow",
                  "finite activations", "start again without it, or from a saved state");
  }

  // An overflow stays visible in the sums.
  void requireFiniteSums() const {
    for (const PositiveSums& s : plan->sums())
      for (double y : s.y)
        if (!std::isfinite(y))
          throw Error(ErrorCode::NumericFailure, s.node, "activations overflow", "finite activations",
                      "leave this image out");
  }

  // In the model's own layout.
  Shape imageShape() const {
    Shape shape = relaid(plan->graph().value(plan->graph().inputs.at(0)).shape, Layout::ChannelsFirst, layout);
    return {shape.begin() + 1, shape.end()};
  }

  void addPlain(const TensorView& input) {
    const std::int64_t row = elementCount(input.shape) / input.shape[0];
    for (std::int64_t first = 0; first < input.shape[0]; first += plan->rows())
      plan->add(input.data + first * row, std::min(plan->rows(), input.shape[0] - first));
  }

  void add(const TensorView& input) {
    requireWhole();
    checkImages(input, imageShape());
    lost = true;
    layout == Layout::ChannelsFirst ? addPlain(input) : addPlain(relaid(input, layout, Layout::ChannelsFirst));
    requireFiniteSums();
    lost = false;
    images += input.shape[0];
  }

  Patterns finish() const {
    requireWhole();
    if (images == 0) throw Error(ErrorCode::InvalidArgument, "patterns", "no images", "at least one");
    Patterns result;
    result.model = model.hash(), result.foldBatchNorm = options.foldBatchNorm, result.images = images;
    for (const PositiveSums& s : plan->sums()) {
      NodePattern p = patternOf(s);
      requireFinite(p.values.data(), static_cast<std::int64_t>(p.values.size()), ErrorCode::NumericFailure,
                    s.node.c_str(), "inputs too large to be multiplied by outputs");
      result.silent += p.silent, result.degenerate += p.degenerate;
      result.nodes.emplace(s.node, Tensor(s.weightShape, std::move(p.values)));
    }
    return result;
  }

  // Sums of one are of no use to an estimator of the other.
  PatternFacts settings() const {
    return {{"model", model.hash()},
            {"input", toString(imageShape())},
            {"batchnorm", options.foldBatchNorm ? "fold" : "pass"}};
  }

  void save(const std::filesystem::path& path, const std::string& note) const {
    requireWhole();
    std::map<std::string, NpyEntry> entries;
    for (const PositiveSums& s : plan->sums())
      eachSum(s, [&](const char* end, const Shape& shape, const std::vector<double>& sums) {
        entries.emplace(s.node + end, npyEntry(shape, std::span(sums)));
      });
    PatternFacts facts = settings();
    facts["images"] = std::to_string(images);
    facts["note"] = note;
    addFacts(entries, facts);
    writeNpzEntries(path, entries);
  }

  std::string load(const std::filesystem::path& path) {
    reset();
    const PatternFacts facts = readFacts(path, {"model", "input", "batchnorm", "images", "note"}, kStateHint);
    const PatternFacts own = settings();
    for (const char* key : {"model", "input", "batchnorm"})
      if (facts.at(key) != own.at(key))
        throw Error(ErrorCode::InvalidArgument, path.string(), fmt::format("sums for {} {}", key, facts.at(key)),
                    fmt::format("{} {}", key, own.at(key)));
    try {
      loadSums(path);
      images = numberFact(facts, "images", path);
    } catch (...) {
      reset();
      throw;
    }
    return facts.at("note");
  }

  void loadSums(const std::filesystem::path& path) {
    struct Wanted {
      Shape shape;
      std::vector<double>* sums;
    };
    std::map<std::string, Wanted> wanted;
    for (PositiveSums& s : plan->sums())
      eachSum(s, [&](const char* end, const Shape& shape, std::vector<double>& sums) {
        wanted.emplace(s.node + end, Wanted{shape, &sums});
      });
    visitNodeEntries(path, [&](const NpzEntry& entry) {
      const auto found = wanted.find(entry.name);
      NpyValues values = decodeNpyValues(entry.read(), entry.where);
      if (found == wanted.end() || values.shape != found->second.shape)
        throw Error(ErrorCode::MalformedTensor, entry.where, toString(values.shape),
                    found == wanted.end() ? "the sums of a node" : toString(found->second.shape));
      requireSums(entry, values);
      *found->second.sums = std::move(values.data);
      wanted.erase(found);
    });
    if (!wanted.empty())
      throw Error(ErrorCode::MalformedTensor, path.string(), "no entry '" + wanted.begin()->first + "'", "",
                  kStateHint);
  }

  void reset() {
    for (PositiveSums& s : plan->sums()) s.clear();
    images = 0;
    lost = false;
  }
};

PatternEstimator::PatternEstimator(const Model& model, const PatternOptions& options)
    : impl_(std::make_unique<Impl>(model, options)) {
  translated("compile", [&] { impl_->compile(); });
}
PatternEstimator::~PatternEstimator() = default;
PatternEstimator::PatternEstimator(PatternEstimator&&) noexcept = default;
PatternEstimator& PatternEstimator::operator=(PatternEstimator&&) noexcept = default;

Shape PatternEstimator::inputShape() const {
  return impl_->imageShape();
}
const std::vector<std::string>& PatternEstimator::warnings() const {
  return impl_->warnings;
}
void PatternEstimator::add(const TensorView& images) {
  translated("run", [&] { impl_->add(images); });
}
std::int64_t PatternEstimator::images() const {
  return impl_->images;
}
Patterns PatternEstimator::finish() const {
  return translated("patterns", [&] { return impl_->finish(); });
}
void PatternEstimator::saveState(const std::filesystem::path& path, const std::string& note) const {
  translated("state", [&] { impl_->save(path, note); });
}
std::string PatternEstimator::loadState(const std::filesystem::path& path) {
  return translated("state", [&] { return impl_->load(path); });
}

std::int64_t PatternEstimator::stateBytes() const {
  std::int64_t bytes = 0;
  for (const PositiveSums& s : impl_->plan->sums())
    bytes += static_cast<std::int64_t>((2 * s.count.size() + 2 * s.x.size()) * sizeof(double));
  return bytes;
}

std::int64_t PatternEstimator::patternBytes() const {
  std::int64_t bytes = 0;
  for (const PositiveSums& s : impl_->plan->sums()) bytes += static_cast<std::int64_t>(s.x.size() * sizeof(float));
  return bytes;
}

}  // namespace relprop

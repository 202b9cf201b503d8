#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <set>

#include "eval/evaluation_methods.h"
#include "eval/evaluation_units.h"
#include "eval/metric.h"
#include "eval/plane.h"
#include "explainer/classifier.h"
#include "explainer/redrawn_model.h"
#include "explainer/translated.h"
#include "relprop/error.h"
#include "relprop/evaluate.h"

namespace relprop {
namespace {

using eval::Case;
using eval::Measured;
using eval::Plane;
using eval::Protocol;
using Region = Protocol::Region;
using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// FNV-1a, as 16 hexadecimal digits.
std::string digest(const std::string& text) {
  std::uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return fmt::format("{:016x}", hash);
}

std::string hostName() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

// What hits one picture is recorded and the run goes on; what would hit every picture ends it.
bool concernsOnePicture(const Error& error) {
  switch (error.code()) {
    case ErrorCode::Cancelled:
    case ErrorCode::OutOfMemory:
    case ErrorCode::Internal:
      return false;
    default:
      return true;
  }
}

std::vector<std::uint8_t> pngOf(const Mask& mask) {
  Image image{mask.width, mask.height, {}};
  for (const std::uint8_t v : mask.values)
    image.pixels.insert(image.pixels.end(), 3, v == Mask::kObject ? 255 : v == Mask::kVoid ? 128 : 0);
  return encodePng(image);
}

std::vector<eval::LayerSum> layerSums(const Explanation& e) {
  std::vector<eval::LayerSum> sums;
  double left = e.seed;
  for (const LedgerEntry& entry : e.ledger) {
    left -= entry.absorbed();
    sums.push_back({entry.node, left / e.seed});
  }
  return sums;
}

// One unit while it is measured.
struct Subject {
  const Unit* unit = nullptr;
  const Work* work = nullptr;
  PictureFacts facts;
  PreparedImage prepared;
  Truth truth;
  bool predicted = false;  // facts and target are complete
  int target = 0;
};

}  // namespace

struct Evaluation::Impl {
  Impl(const Model& m, const Dataset& d, const EvaluateOptions& o)
      : model(m),
        dataset(d),
        options(o),
        protocols(parseAll(o.metrics)),
        classifier(m, o.inputShape, o.batch, o.threads),
        pool(m, o, std::any_of(protocols.begin(), protocols.end(), [](const Protocol& p) { return p.layers; })) {
    validate();
    for (const Protocol& p : protocols) protocolTexts.push_back(p.text);
    units = unitsOf(dataset, options.target, options.onlyCorrect);
    if (options.target == "true" || options.onlyCorrect)
      mapping = classMapping(dataset, options.labels, classifier.classes());
    describe();
    describePixels();
    noteWhatIsMissing();
  }

  Model model;
  Dataset dataset;
  EvaluateOptions options;
  std::vector<Protocol> protocols;
  std::vector<std::string> protocolTexts, notes;
  Classifier classifier;
  MethodPool pool;
  std::vector<Unit> units;
  std::vector<int> mapping;  // the network's class of each of the data set's; empty: the same
  ModelFacts modelFacts;
  std::vector<float> black;
  PixelRange range;

  static std::vector<Protocol> parseAll(const std::vector<std::string>& texts) {
    if (texts.empty()) throw Error(ErrorCode::InvalidArgument, "metrics", "none", "at least one");
    std::vector<Protocol> all;
    for (const std::string& text : texts) {
      Protocol p = eval::parseProtocol(text);
      const bool known = std::any_of(all.begin(), all.end(), [&](const Protocol& o) { return o.text == p.text; });
      if (!known) all.push_back(std::move(p));
    }
    return all;
  }

  void validate() const {
    if (options.target != "true" && options.target != "predicted")
      throw Error(ErrorCode::InvalidArgument, "target", options.target, "true or predicted");
    if (classifier.imageShape().size() != 3)
      throw Error(ErrorCode::ShapeMismatch, model.path(), toString(classifier.imageShape()), "a picture, C×H×W");
    bool known = false;
    for (std::size_t i = 0; i < dataset.size() && !known; ++i) known = !dataset.sample(i).classes.empty();
    if (!known && (options.target == "true" || options.onlyCorrect))
      throw Error(ErrorCode::UnknownTarget, dataset.name(), "no classes", "the true class of each picture",
                  "explain what the network predicts with --target predicted");
  }

  void describe() {
    modelFacts.path = model.path();
    modelFacts.hash = model.hash();
    modelFacts.preprocess = toJson(options.preprocess);
    modelFacts.inputShape = toString(classifier.imageShape());
    modelFacts.key = digest(modelFacts.hash + modelFacts.preprocess + modelFacts.inputShape);
  }

  void describePixels() {
    range = pixelRange(options.preprocess);
    Preprocess plain = options.preprocess;
    plain.resize = Preprocess::Resize::None;
    plain.crop = {0, 0};
    const Image pixel{1, 1, {0, 0, 0}};
    black = prepareImage(pixel, plain, static_cast<int>(classifier.imageShape()[0]), 1, 1).input.data;
  }

  bool served(Region region) const {
    if (region == Region::None) return true;
    if (region == Region::Boxes) return dataset.hasBoxes();
    return dataset.hasMasks() || (region == Region::BoxesOrMask && dataset.hasBoxes());
  }

  void noteWhatIsMissing() {
    notes = dataset.notes();
    for (const Protocol& p : protocols)
      if (!served(p.region)) notes.push_back(fmt::format("{} falls away: {}", p.text, lacks(p.region)));
  }

  std::string lacks(Region region) const {
    return fmt::format("the data set has no {}", region == Region::Boxes  ? "boxes"
                                                 : region == Region::Mask ? "masks"
                                                                          : "boxes and no masks");
  }

  int classOf(int dataClass) const {
    return mapping.empty() ? dataClass : mapping.at(static_cast<std::size_t>(dataClass));
  }

  std::string labelOf(int modelClass) const {
    const auto k = static_cast<std::size_t>(modelClass);
    return modelClass >= 0 && k < options.labels.size() ? options.labels[k] : "";
  }

  // ---- one unit: the picture, the truth, the class

  PictureFacts keyOf(const Unit& unit) const {
    PictureFacts facts;
    facts.model = modelFacts.key;
    facts.dataset = dataset.name();
    facts.picture = dataset.sample(unit.picture).id;
    facts.target = unit.target;
    return facts;
  }

  Subject open(const Work& work) const {
    Subject s;
    s.unit = &units.at(work.unit);
    s.work = &work;
    s.facts = keyOf(*s.unit);
    if (!s.unit->dataClass && options.target == "true") {
      s.facts.skipped = "its true class is not known";
      return s;
    }
    try {
      load(s);
    } catch (const Error& error) {
      if (!concernsOnePicture(error)) throw;
      s.facts.skipped = fmt::format("unreadable: {}", error.what());
    }
    return s;
  }

  void load(Subject& s) const {
    const Shape& shape = classifier.imageShape();
    const Image image = dataset.image(s.unit->picture);
    const int height = static_cast<int>(shape[1]), width = static_cast<int>(shape[2]);
    s.prepared = prepareImage(image, options.preprocess, static_cast<int>(shape[0]), height, width);
    s.truth = truthInView(dataset.annotation(s.unit->picture, s.unit->dataClass),
                          viewGeometry(image.width, image.height, options.preprocess, height, width));
    if (s.unit->dataClass) s.facts.trueClass = classOf(*s.unit->dataClass);
    s.facts.trueLabel = labelOf(s.facts.trueClass);
    if (!options.keep) return;
    s.facts.view = encodePng(s.prepared.view);
    if (s.truth.mask)
      s.facts.truth = pngOf(*s.truth.mask);
    else if (s.truth.boxes)
      s.facts.truth = pngOf(*s.truth.boxes);
  }

  Target targetOf(const Subject& s) const {
    return s.unit->dataClass ? Target::of(classOf(*s.unit->dataClass)) : Target::highest();
  }

  bool isCorrect(const Subject& s) const {
    const std::vector<int>& classes = dataset.sample(s.unit->picture).classes;
    return std::any_of(classes.begin(), classes.end(), [&](int c) { return classOf(c) == s.facts.predictedClass; });
  }

  // The first explanation classifies the picture; no forward pass is spent on it alone.
  void classify(Subject& s, const Explanation& e) const {
    if (s.predicted) return;
    s.predicted = true;
    s.target = e.target;
    s.facts.predictedClass = e.top5.at(0).index;
    s.facts.predictedLabel = labelOf(s.facts.predictedClass);
    s.facts.targetClass = e.target;
    s.facts.targetLabel = labelOf(e.target);
    s.facts.targetProbability = e.targetPrediction.probability;
    if (options.onlyCorrect && !isCorrect(s)) s.facts.skipped = "not classified correctly";
  }

  // ---- one method on one unit

  bool again() const { return !options.again || options.again(); }
  void goOn() const {
    if (!again()) throw Error(ErrorCode::Cancelled, "evaluate", "stopped");
  }

  std::size_t slot(std::size_t method, std::size_t protocol) const { return method * protocols.size() + protocol; }
  bool wanted(const Subject& s, std::size_t method, std::size_t protocol) const {
    return s.work->wanted.at(slot(method, protocol));
  }
  bool wantsAny(const Subject& s, std::size_t method) const {
    for (std::size_t p = 0; p < protocols.size(); ++p)
      if (wanted(s, method, p)) return true;
    return false;
  }

  Case caseOf(const Subject& s, const Explanation& e, Explainer& explainer) {
    Case c;
    c.picture = s.facts.picture;
    c.map = eval::planeOf(e.relevance);
    c.relevanceShape = {e.relevance.shape.begin() + 1, e.relevance.shape.end()};
    c.relevance = e.relevance.data;
    c.seed = e.seed, c.sum = e.sum;
    c.layers = layerSums(e);
    c.truth = &s.truth;
    c.view = &s.prepared.view;
    c.inputShape = classifier.imageShape();
    c.input = s.prepared.input.data.data();
    c.black = black, c.low = range.low, c.high = range.high;
    c.preprocess = &options.preprocess;
    c.target = s.target, c.classes = classifier.classes();
    c.runSeed = options.seed;
    c.forward = [this](std::int64_t count, const eval::Fill& fill, const eval::Read& read) {
      classifier.forward(count, fill, read, options.again);
    };
    c.explain = [this, &explainer, target = s.target](std::int64_t count, const eval::Fill& fill) {
      return mapsOf(explainer, target, count, fill);
    };
    return c;
  }

  std::vector<Plane> mapsOf(Explainer& explainer, int target, std::int64_t count, const eval::Fill& fill) const {
    Shape shape = classifier.imageShape();
    shape.insert(shape.begin(), 1);
    Tensor input(shape);
    std::vector<Plane> maps;
    for (std::int64_t k = 0; k < count; ++k) {
      goOn();
      fill(k, input.data.data());
      maps.push_back(eval::planeOf(explainer.explain(input, {Target::of(target)})[0].relevance));
    }
    return maps;
  }

  Result resultOf(const Subject& s, std::size_t method, std::size_t protocol) const {
    const PictureFacts& f = s.facts;
    Result r;
    r.key = {f.model, f.dataset, f.picture, f.target, pool.names()[method], protocolTexts[protocol]};
    return r;
  }

  Result measured(const Subject& s, std::size_t method, std::size_t protocol, const Case& c) const {
    Result r = resultOf(s, method, protocol);
    const auto start = Clock::now();
    Measured m;
    try {
      m = protocols[protocol].measure(c);
    } catch (const Error& error) {
      if (!concernsOnePicture(error)) throw;
      m = Measured::skip(error.what());
    }
    r.measureSeconds = secondsSince(start);
    r.skipped = std::move(m.skipped), r.scores = std::move(m.scores), r.curves = std::move(m.curves);
    for (const NamedScore& score : r.scores)
      if (!std::isfinite(score.value)) r.skipped = fmt::format("{} is {}", score.name, score.value);
    if (!r.skipped.empty()) r.scores.clear(), r.curves.clear();
    return r;
  }

  void failAll(const Subject& s, std::size_t method, const std::string& why, Batch& batch) const {
    for (std::size_t p = 0; p < protocols.size(); ++p)
      if (wanted(s, method, p)) {
        batch.results.push_back(resultOf(s, method, p));
        batch.results.back().skipped = why;
      }
  }

  bool skippedBefore(const Subject& s, std::size_t method, std::size_t p, Batch& batch) const {
    if (served(protocols[p].region)) return false;
    batch.results.push_back(resultOf(s, method, p));
    batch.results.back().skipped = lacks(protocols[p].region);
    return true;
  }

  void measureMethod(Subject& s, std::size_t method, Explainer& explainer, Batch& batch) {
    const auto start = Clock::now();
    Explanation e;
    try {
      e = explainer.explain(s.prepared.input, {targetOf(s)})[0];
      const double seconds = secondsSince(start);
      classify(s, e);
      if (!s.facts.skipped.empty()) return;
      MapFacts map{s.facts.model, s.facts.dataset, s.facts.picture, s.facts.target, pool.names()[method], seconds, {}};
      const Case c = caseOf(s, e, explainer);
      if (options.keep) map.map = Tensor(Shape{c.map.height, c.map.width}, c.map.values);
      batch.maps.push_back(std::move(map));
      for (std::size_t p = 0; p < protocols.size(); ++p) {
        if (!wanted(s, method, p) || skippedBefore(s, method, p, batch)) continue;
        goOn();
        if (protocols[p].randomisedLayers == 0) batch.results.push_back(measured(s, method, p, c));
      }
    } catch (const Error& error) {
      if (!concernsOnePicture(error)) throw;
      failAll(s, method, error.what(), batch);
    }
  }

  // ---- networks with random weights: compiled once for all units of a portion

  std::vector<int> stagesOf(int layers) const {
    const int all = static_cast<int>(classifier.layers().size());
    const int count = layers < 0 ? all : std::min(layers, all);
    std::vector<int> stages;
    for (int k = 1; k <= count; ++k)
      stages.push_back(static_cast<int>(std::lround(static_cast<double>(all) * k / count)));
    return stages;
  }

  using Maps = std::vector<std::pair<std::string, Plane>>;

  void randomisedMaps(std::size_t method, std::size_t protocol, const std::vector<Subject*>& subjects,
                      std::map<const Subject*, Maps>& maps) {
    for (const int layers : stagesOf(protocols[protocol].randomisedLayers)) {
      goOn();
      const auto explainer = pool.compileFor(withRedrawnWeights(model, layers, options.seed), method);
      for (const Subject* s : subjects) {
        const eval::Fill copy = [s](std::int64_t, float* to) {
          std::copy(s->prepared.input.data.begin(), s->prepared.input.data.end(), to);
        };
        maps[s].emplace_back(classifier.layers()[static_cast<std::size_t>(layers) - 1],
                             mapsOf(*explainer, s->target, 1, copy)[0]);
      }
    }
  }

  void measureRandomised(std::size_t method, std::size_t protocol, std::vector<Subject>& subjects, Explainer& explainer,
                         Batch& batch) {
    std::vector<Subject*> asked;
    for (Subject& s : subjects)
      if (s.facts.skipped.empty() && wanted(s, method, protocol)) asked.push_back(&s);
    std::map<const Subject*, Maps> maps;
    std::string failure;
    try {
      randomisedMaps(method, protocol, asked, maps);
    } catch (const Error& error) {
      if (!concernsOnePicture(error)) throw;
      failure = fmt::format("with random weights: {}", error.what());
    }
    for (Subject* s : asked) try {
        if (!failure.empty()) throw Error(ErrorCode::NumericFailure, "randomisation", failure);
        const Explanation e = explainer.explain(s->prepared.input, {targetOf(*s)})[0];
        Case c = caseOf(*s, e, explainer);
        c.randomised = std::move(maps[s]);
        batch.results.push_back(measured(*s, method, protocol, c));
      } catch (const Error& error) {
        if (!concernsOnePicture(error)) throw;
        batch.results.push_back(resultOf(*s, method, protocol));
        batch.results.back().skipped = error.what();
      }
  }

  Batch measure(const std::vector<Work>& work) {
    std::vector<Subject> subjects;
    for (const Work& w : work) {
      goOn();
      subjects.push_back(open(w));
    }
    Batch batch;
    for (std::size_t m = 0; m < pool.names().size(); ++m) {
      const auto explainer = pool.borrow(m);
      for (Subject& s : subjects) {
        if (!s.facts.skipped.empty() || !wantsAny(s, m)) continue;
        goOn();
        measureMethod(s, m, *explainer, batch);
      }
      for (std::size_t p = 0; p < protocols.size(); ++p)
        if (protocols[p].randomisedLayers != 0) measureRandomised(m, p, subjects, *explainer, batch);
    }
    for (Subject& s : subjects) batch.pictures.push_back(std::move(s.facts));
    return batch;
  }

  bool randomises() const {
    return std::any_of(protocols.begin(), protocols.end(), [](const Protocol& p) { return p.randomisedLayers != 0; });
  }
};

Evaluation::Evaluation(const Model& model, const Dataset& dataset, const EvaluateOptions& options)
    : impl_(translated("evaluate", [&] { return std::make_unique<Impl>(model, dataset, options); })) {}
Evaluation::~Evaluation() = default;

const std::vector<std::string>& Evaluation::methods() const {
  return impl_->pool.names();
}
const std::vector<std::string>& Evaluation::protocols() const {
  return impl_->protocolTexts;
}
const std::vector<Unit>& Evaluation::units() const {
  return impl_->units;
}
const std::vector<std::string>& Evaluation::notes() const {
  return impl_->notes;
}
const ModelFacts& Evaluation::modelFacts() const {
  return impl_->modelFacts;
}

std::size_t Evaluation::portion() const {
  constexpr std::size_t kCompilingAnew = 8;
  return impl_->randomises() || !impl_->pool.fitTogether() ? kCompilingAnew : 1;
}

Provenance Evaluation::provenance() const {
  Provenance p;
  p.version = version();
  p.libraries = versions();
  p.host = hostName();
  p.command = impl_->options.command;
  p.seed = impl_->options.seed;
  p.threads = impl_->options.threads;
  return p;
}

std::vector<Work> Evaluation::missing(const Store& store, const std::vector<std::size_t>& units) const {
  std::vector<Work> all;
  for (const std::size_t unit : units) {
    const PictureFacts key = impl_->keyOf(impl_->units.at(unit));
    if (store.isSkipped(key.model, key.dataset, key.picture, key.target)) continue;
    const auto done = store.done(key.model, key.dataset, key.picture, key.target);
    Work work{unit, {}};
    bool any = false;
    for (const std::string& method : methods()) {
      const auto found = done.find(method);
      for (const std::string& protocol : protocols()) {
        const bool there = found != done.end() &&
                           std::find(found->second.begin(), found->second.end(), protocol) != found->second.end();
        work.wanted.push_back(!there);
        any = any || !there;
      }
    }
    if (any) all.push_back(std::move(work));
  }
  return all;
}

bool Evaluation::claim(Store& store, std::size_t unit) const {
  const PictureFacts key = impl_->keyOf(impl_->units.at(unit));
  return store.claim(key.model, key.dataset, key.picture, key.target);
}

Batch Evaluation::measure(const std::vector<Work>& work) {
  return translated("evaluate", [&] { return impl_->measure(work); });
}

}  // namespace relprop

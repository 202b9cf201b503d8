#include "eval/subjects.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/digest.h"
#include "eval/evaluation_units.h"
#include "eval/photo_file.h"
#include "eval/picture_failures.h"
#include "relprop/error.h"

namespace relprop::eval {
namespace {

std::vector<std::uint8_t> pngOf(const Mask& mask) {
  Image image{mask.width, mask.height, {}};
  for (const std::uint8_t v : mask.values)
    image.pixels.insert(image.pixels.end(), 3, v == Mask::kObject ? 255 : v == Mask::kVoid ? 128 : 0);
  return encodePng(image);
}

bool asksTrueClass(const EvaluateOptions& options) {
  return options.target == "true" || options.onlyCorrect;
}

const char* wayWithoutClasses(const EvaluateOptions& options) {
  if (options.target == "predicted") return "leave out --only-correct";
  return options.onlyCorrect ? "explain what the network predicts with --target predicted, without --only-correct"
                             : "explain what the network predicts with --target predicted";
}

// An empty one has to be seen in a list of them.
std::string visibleName(const std::string& name) {
  return name.empty() ? "''" : name;
}

bool anyClassKnown(const Dataset& dataset) {
  for (std::size_t i = 0; i < dataset.size(); ++i)
    if (!dataset.sample(i).classes.empty()) return true;
  return false;
}

void validate(const Model& model, const Dataset& dataset, const EvaluateOptions& options, const Shape& image) {
  if (options.target != "true" && options.target != "predicted")
    throw Error(ErrorCode::InvalidArgument, "target", options.target, "true or predicted");
  if (image.size() != 3) throw Error(ErrorCode::ShapeMismatch, model.path(), toString(image), "a picture, C×H×W");
  if (asksTrueClass(options) && !anyClassKnown(dataset))
    throw Error(ErrorCode::UnknownTarget, dataset.name(), "no classes", "the true class of each picture",
                wayWithoutClasses(options));
}

ModelFacts factsOf(const Model& model, const EvaluateOptions& options, const Shape& image) {
  ModelFacts facts;
  facts.path = model.path();
  facts.hash = model.hash();
  facts.preprocess = toJson(options.preprocess);
  facts.inputShape = toString(image);
  facts.key = digestOf(facts.hash + facts.preprocess + facts.inputShape);
  return facts;
}

// A binary network with one output is asked about two classes where there are names or numbers for both.
bool hasTwoSides(const Dataset& dataset, const std::vector<std::string>& labels, const Classifier& classifier) {
  if (classifier.classes() != 1 || !classifier.hasProbabilities()) return false;
  if (!labels.empty()) return labels.size() == 2;
  return dataset.classNames().empty() || dataset.classNames().size() == 2;
}

std::string sidesText(const Dataset& dataset, const std::vector<std::string>& labels) {
  const std::vector<std::string>& names = labels.empty() ? dataset.classNames() : labels;
  const auto nameOf = [&](std::size_t k) { return k < names.size() ? "'" + names[k] + "'" : std::to_string(k); };
  return fmt::format("the network has one output, taken as the probability of class {}; class {} is the other answer",
                     nameOf(1), nameOf(0));
}

// Truth that lies elsewhere in the picture than it says is none.
Truth truthOf(Annotation annotation, const Image& image, const ViewGeometry& geometry) {
  std::string lack;
  if (!annotation.fits(image)) {
    annotation.boxes.clear();
    lack = fmt::format("annotated at {}×{}, the picture has {}×{}", annotation.width, annotation.height, image.width,
                       image.height);
  }
  Truth truth = truthInView(annotation, geometry);
  truth.lack = std::move(lack);
  return truth;
}

}  // namespace

Subjects::Subjects(const Model& model, const Dataset& dataset, const EvaluateOptions& options,
                   const Classifier& classifier)
    : dataset_(dataset), options_(options), classifier_(classifier) {
  validate(model, dataset, options, classifier.imageShape());
  requireLabelsFor(classifier.classes(), options.labels, "labels");
  twoSided_ = hasTwoSides(dataset, options.labels, classifier);
  const int classes = twoSided_ ? 2 : classifier.classes();
  if (twoSided_) notes_.push_back(sidesText(dataset, options.labels));
  units_ = unitsOf(dataset, options.target, options.onlyCorrect);
  if (asksTrueClass(options)) mapping_ = classMapping(dataset, options.labels, classes, &notes_);
  leaveOutUnknownClasses();
  model_ = factsOf(model, options, classifier.imageShape());
}

void Subjects::leaveOutUnknownClasses() {
  const auto unknown = [this](const EvaluationUnit& u) { return u.dataClass && classOf(*u.dataClass) < 0; };
  if (asksTrueClass(options_)) requireKnownClass();
  std::set<std::string> names;
  for (const EvaluationUnit& u : units_)
    if (unknown(u)) names.insert(visibleName(classNameIn(dataset_, *u.dataClass)));
  const std::size_t asked = std::erase_if(units_, unknown);
  if (asked > 0)
    notes_.push_back(fmt::format("questions about classes that the network does not know fall away: {} ({})", asked,
                                 fmt::join(names, ", ")));
}

// A network may know none of the classes that pictures have, and yet one that no picture has.
void Subjects::requireKnownClass() const {
  int unknown = -1;
  for (std::size_t i = 0; i < dataset_.size(); ++i)
    for (const int c : dataset_.sample(i).classes) {
      if (classOf(c) >= 0) return;
      if (unknown < 0) unknown = c;
    }
  throw Error(ErrorCode::UnknownTarget, dataset_.name(),
              fmt::format("class '{}' and perhaps others", classNameIn(dataset_, unknown)),
              fmt::format("classes of the network, which has {}", twoSided_ ? 2 : classifier_.classes()),
              fmt::format("give the network's class names with --labels, or {}", wayWithoutClasses(options_)));
}

PictureFacts Subjects::keyOf(std::size_t unit) const {
  const EvaluationUnit& which = units_.at(unit);
  PictureFacts facts;
  facts.model = model_.key;
  facts.dataset = dataset_.name();
  facts.picture = dataset_.sample(which.picture).id;
  facts.target = which.target;
  return facts;
}

namespace {

[[noreturn]] void failOther(const Store& store, const PictureFacts& there, const std::string& what,
                            const std::string& is, const std::string& todo) {
  throw Error(ErrorCode::InvalidArgument, store.name(),
              fmt::format("{} of {} (target {}) with {}", there.picture, there.dataset, there.target, what), is, todo);
}

}  // namespace

void Subjects::requireSame(const PictureFacts& there, std::size_t unit, const Store& store) const {
  const EvaluationUnit& which = units_.at(unit);
  const bool judged = there.targetClass >= 0;  // not where its first explanation failed
  if (which.dataClass && judged && there.targetClass != classOf(*which.dataClass))
    failOther(store, there, fmt::format("class {}", there.targetClass),
              fmt::format("class {}, as the data set and the labels say now", classOf(*which.dataClass)),
              "take the labels and the list of classes that it was measured with, or another store");
  const auto then = photoBytesIn(there.file), now = then ? photoBytes(dataset_.file(which.picture)) : std::nullopt;
  if (now && *now != *then)
    failOther(store, there, fmt::format("a photo of {} bytes", *then),
              fmt::format("the photo of that name, which has {}", *now),
              "use another store; a data set is called by the last part of its path");
}

void Subjects::requireSamePictures(const Store& store) const {
  std::map<std::pair<std::string, std::string>, PictureFacts> there;
  for (PictureFacts& facts : store.pictures())
    if (facts.model == model_.key && facts.dataset == dataset_.name() && facts.skipped.empty())
      there.emplace(std::pair(facts.picture, facts.target), std::move(facts));
  for (std::size_t unit = 0; unit < units_.size(); ++unit) {
    const PictureFacts key = keyOf(unit);
    const auto found = there.find({key.picture, key.target});
    if (found != there.end()) requireSame(found->second, unit, store);
  }
}

int Subjects::classOf(int dataClass) const {
  return mapping_.empty() ? dataClass : mapping_.at(static_cast<std::size_t>(dataClass));
}

std::string Subjects::labelOf(int modelClass) const {
  const auto k = static_cast<std::size_t>(modelClass);
  return modelClass >= 0 && k < options_.labels.size() ? options_.labels[k] : "";
}

Subject Subjects::open(const MissingScores& missing) const {
  Subject s;
  s.unit = &units_.at(missing.unit);
  s.missing = &missing;
  s.facts = keyOf(missing.unit);
  s.facts.file = photoFileText(dataset_.file(s.unit->picture));
  if (!s.unit->dataClass && options_.target == "true") {
    s.facts.skipped = kUnknownClass;
    return s;
  }
  forOnePicture([&] { load(s); },
                [&](const std::string& why) { s.facts.skipped = fmt::format("unreadable: {}", why); });
  return s;
}

PreparedImage Subjects::prepared(const Image& image) const {
  const Shape& shape = classifier_.imageShape();
  return prepareImage(image, options_.preprocess, static_cast<int>(shape[0]), static_cast<int>(shape[1]),
                      static_cast<int>(shape[2]));
}

bool Subjects::hasOneClass(std::size_t picture) const {
  return !asksTrueClass(options_) || dataset_.sample(picture).classes.size() == 1;
}

std::optional<Companion> Subjects::companion(std::size_t picture) const {
  if (!hasOneClass(picture)) return {};
  const std::vector<int>& classes = dataset_.sample(picture).classes;
  if (asksTrueClass(options_) && classOf(classes[0]) < 0) return {};
  Companion companion{std::move(prepared(dataset_.image(picture)).input.data), {}};
  if (asksTrueClass(options_)) companion.trueClass = classOf(classes[0]);
  return companion;
}

void Subjects::load(Subject& s) const {
  const Shape& shape = classifier_.imageShape();
  const Image image = dataset_.image(s.unit->picture);
  const int height = static_cast<int>(shape[1]), width = static_cast<int>(shape[2]);
  s.prepared = prepared(image);
  s.truth = truthOf(dataset_.annotation(s.unit->picture, s.unit->dataClass), image,
                    viewGeometry(image.width, image.height, options_.preprocess, height, width));
  if (s.unit->dataClass) s.facts.trueClass = classOf(*s.unit->dataClass);
  s.facts.trueLabel = labelOf(s.facts.trueClass);
  if (!options_.keep) return;
  s.facts.view = encodePng(s.prepared.view);
  if (s.truth.mask)
    s.facts.truth = pngOf(*s.truth.mask);
  else if (s.truth.boxes)
    s.facts.truth = pngOf(*s.truth.boxes);
}

Target Subjects::targetOfClass(int modelClass) const {
  if (!twoSided_) return Target::of(modelClass);
  return modelClass == 1 ? Target::of(0) : Target::notOf(0);
}

Target Subjects::targetOf(const Subject& s) const {
  if (s.judged) return s.target;
  return s.unit->dataClass ? targetOfClass(classOf(*s.unit->dataClass)) : Target::highest();
}

int Subjects::predictedClass(const Explanation& e) const {
  const Prediction& best = e.top5.at(0);
  return twoSided_ ? static_cast<int>(best.probability >= 0.5) : best.index;
}

bool Subjects::isCorrect(const Subject& s) const {
  const std::vector<int>& classes = dataset_.sample(s.unit->picture).classes;
  return std::any_of(classes.begin(), classes.end(), [&](int c) { return classOf(c) == s.facts.predictedClass; });
}

bool Subjects::judge(Subject& s, const Explanation& e) const {
  if (s.judged) return true;
  const Target asked = targetOf(s);
  s.facts.predictedClass = predictedClass(e);
  s.facts.predictedLabel = labelOf(s.facts.predictedClass);
  s.facts.targetClass = s.unit->dataClass ? classOf(*s.unit->dataClass) : s.facts.predictedClass;
  s.facts.targetLabel = labelOf(s.facts.targetClass);
  s.target = targetOfClass(s.facts.targetClass);
  s.judged = true;
  const bool sameSide = (asked.kind() == Target::Kind::Not) == (s.target.kind() == Target::Kind::Not);
  const double p = e.targetPrediction.probability;
  s.facts.targetProbability = sameSide ? p : 1 - p;
  if (options_.onlyCorrect && !isCorrect(s)) s.facts.skipped = "not classified correctly";
  return sameSide;
}

}  // namespace relprop::eval

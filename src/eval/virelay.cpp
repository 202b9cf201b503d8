// ViRelAy's project of a store's kept heatmaps.
// Source: ViRelAy's documentation, "Database Specification" and "Project File Format".
#include "relprop/virelay.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <deque>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "eval/absolute_path.h"
#include "eval/hdf5_writer.h"
#include "eval/kept_png.h"
#include "eval/sqlite.h"
#include "eval/tables.h"
#include "explainer/classifier.h"
#include "image/replace_file.h"
#include "relprop/error.h"

namespace relprop {
namespace {

namespace fs = std::filesystem;
using eval::Hdf5Set;
using eval::Hdf5Writer;
using eval::isCalled;
using VirelayJson = nlohmann::ordered_json;

// The places of these sets in their files.
enum InputSet : std::size_t { kData, kTrueLabel };
enum AttributionSet : std::size_t { kAttribution, kIndex, kLabel, kPrediction };

// Of a data set and its network, where neither the network nor the labels have more.
constexpr int kMostClasses = 65536;

constexpr const char *kInputFile = "input.h5", *kAttributionFile = "attribution.h5", *kLabelFile = "label-map.json";

// The one that is asked for; where nothing is asked for, the only one.
std::string only(const std::set<std::string>& found, const std::string& asked, const std::string& option) {
  std::vector<std::string> fitting;
  for (const std::string& one : found)
    if (asked.empty() || isCalled(one, asked)) fitting.push_back(one);
  if (found.contains(asked)) return asked;
  if (fitting.size() == 1) return fitting[0];
  const std::string all = fmt::format("{}", fmt::join(found, ", "));
  if (fitting.empty()) throw Error(ErrorCode::InvalidArgument, option, "\"" + asked + "\"", "one of: " + all);
  throw Error(ErrorCode::InvalidArgument, option, fmt::format("{} that fit", fitting.size()), "one",
              "choose one of: " + all);
}

// What goes into the project, in the order of keys.
struct Chosen {
  ModelFacts facts;
  std::string dataset, target, method;
  std::vector<MapFacts> maps;
  std::size_t leftOut = 0;
};

template <class Key>
std::string keepOnly(std::vector<MapFacts>& maps, const std::string& asked, const std::string& option, Key key) {
  std::set<std::string> found;
  for (const MapFacts& one : maps) found.insert(key(one));
  const std::string which = only(found, asked, option);
  std::erase_if(maps, [&](const MapFacts& one) { return key(one) != which; });
  return which;
}

ModelFacts factsOf(const Store& store, const Model& model, const std::vector<MapFacts>& maps) {
  std::vector<ModelFacts> fitting;
  for (const ModelFacts& one : store.models()) {
    const auto isOf = [&](const MapFacts& map) { return map.model == one.key; };
    if (one.hash == model.hash() && std::any_of(maps.begin(), maps.end(), isOf)) fitting.push_back(one);
  }
  if (fitting.size() == 1) return fitting[0];
  if (fitting.empty())
    throw Error(ErrorCode::InvalidArgument, model.path(), "a network that nothing in " + store.name() + " is of", "",
                "give the network that was evaluated, with the same --output and --feed");
  throw Error(ErrorCode::InvalidArgument, store.name(), "results of this network with several preprocessings", "one",
              "evaluate with one of them into a store of its own");
}

// Pictures of a key that are kept; the others have no view.
PictureFacts pictureOf(const MapFacts& map) {
  PictureFacts key;
  key.model = map.model, key.dataset = map.dataset, key.picture = map.picture, key.target = map.target;
  return key;
}

void leaveOutWhatIsNotKept(const Store& store, Chosen& chosen) {
  chosen.leftOut = std::erase_if(
      chosen.maps, [&](const MapFacts& one) { return !store.map(one) || store.picture(pictureOf(one)).view.empty(); });
  if (chosen.maps.empty())
    throw Error(ErrorCode::InvalidArgument, store.name(), "no heatmaps of " + chosen.method, "heatmaps and pictures",
                "evaluate with --keep into a new store");
}

Chosen choose(const Store& store, const Model& model, const VirelayOptions& options) {
  Chosen chosen;
  chosen.maps = store.maps();
  chosen.facts = factsOf(store, model, chosen.maps);
  std::erase_if(chosen.maps, [&](const MapFacts& one) { return one.model != chosen.facts.key; });
  chosen.dataset = keepOnly(chosen.maps, options.dataset, "--data", [](const MapFacts& one) { return one.dataset; });
  chosen.target = keepOnly(chosen.maps, options.target, "--target",
                           [](const MapFacts& one) { return eval::kindOfTarget(one.target); });
  chosen.method = keepOnly(chosen.maps, options.method, "--method", [](const MapFacts& one) { return one.method; });
  leaveOutWhatIsNotKept(store, chosen);
  return chosen;
}

// The kept view is the network's input but for normalisation.
Preprocess normalisationOf(const Store& store, const ModelFacts& facts) {
  Preprocess preprocess = parsePreprocess(facts.preprocess, store.name());
  preprocess.resize = Preprocess::Resize::None;
  preprocess.crop = {0, 0};
  return preprocess;
}

class VirelayWriter {
 public:
  // `classes`: how many there may be.
  VirelayWriter(const Store& store, const Chosen& chosen, Classifier& classifier, int classes)
      : store_(store),
        chosen_(chosen),
        classifier_(classifier),
        classes_(classes),
        preprocess_(normalisationOf(store, chosen.facts)) {}
  void write(const fs::path& inputs, const fs::path& attributions, const std::function<bool()>& again);
  int highestClass() const { return highestClass_; }

 private:
  struct Sample {
    PictureFacts facts;
    Image view;
  };
  std::int64_t side(std::size_t axis) const { return classifier_.imageShape()[axis]; }
  std::vector<Hdf5Set> inputSets() const;
  std::vector<Hdf5Set> attributionSets() const;
  std::uint32_t classNumber(const PictureFacts& facts, int index) const;
  Sample sampleAt(std::size_t i) const;
  void addInput(Hdf5Writer& file, const Sample& sample);
  void addAttribution(Hdf5Writer& file, std::size_t i, const Sample& sample, const float* scores) const;

  const Store& store_;
  const Chosen& chosen_;
  Classifier& classifier_;
  int classes_;
  Preprocess preprocess_;
  int highestClass_ = 0;
};

std::vector<Hdf5Set> VirelayWriter::inputSets() const {
  const auto count = static_cast<std::int64_t>(chosen_.maps.size());
  return {{"data", Hdf5Set::Type::Float32, {count, 3, side(1), side(2)}},
          {"label", Hdf5Set::Type::Unsigned32, {count}}};
}

std::vector<Hdf5Set> VirelayWriter::attributionSets() const {
  const auto count = static_cast<std::int64_t>(chosen_.maps.size());
  return {{"attribution", Hdf5Set::Type::Float32, {count, 1, side(1), side(2)}},
          {"index", Hdf5Set::Type::Unsigned32, {count}},
          {"label", Hdf5Set::Type::Unsigned32, {count}},
          {"prediction", Hdf5Set::Type::Float32, {count, classifier_.classes()}}};
}

// The label map has a line for each class up to the highest.
std::uint32_t VirelayWriter::classNumber(const PictureFacts& facts, int index) const {
  if (index < 0 || index >= classes_)
    eval::failDamaged(store_.name(), fmt::format("class {} of {}, beyond 0 to {}", index, facts.picture, classes_ - 1));
  return static_cast<std::uint32_t>(index);
}

VirelayWriter::Sample VirelayWriter::sampleAt(std::size_t i) const {
  Sample sample{store_.picture(pictureOf(chosen_.maps[i])), {}};
  sample.view = eval::decodeKept(store_.name(), "the kept picture of " + sample.facts.picture, sample.facts.view);
  if (sample.view.height != side(1) || sample.view.width != side(2))
    eval::failDamaged(store_.name(), fmt::format("a kept picture of {}×{}", sample.view.height, sample.view.width));
  return sample;
}

void VirelayWriter::addInput(Hdf5Writer& file, const Sample& sample) {
  const Image& view = sample.view;
  const std::size_t plane = view.pixels.size() / 3;
  std::vector<float> pixels(view.pixels.size());
  for (std::size_t at = 0; at < pixels.size(); ++at)
    pixels[at % 3 * plane + at / 3] = static_cast<float>(view.pixels[at]) / 255.0f;
  file.add(kData, pixels);
  const PictureFacts& facts = sample.facts;
  const int known = facts.trueClass < 0 ? facts.predictedClass : facts.trueClass;
  file.add(kTrueLabel, std::vector{classNumber(facts, known)});
  highestClass_ = std::max({highestClass_, known, facts.targetClass});
}

void VirelayWriter::addAttribution(Hdf5Writer& file, std::size_t i, const Sample& sample, const float* scores) const {
  const std::optional<Tensor> map = store_.map(chosen_.maps[i]);
  if (!map || map->shape != Shape{side(1), side(2)})
    eval::failDamaged(store_.name(), "a heatmap of another size than its picture");
  file.add(kAttribution, map->data);
  file.add(kIndex, std::vector{static_cast<std::uint32_t>(i)});
  file.add(kLabel, std::vector{classNumber(sample.facts, sample.facts.targetClass)});
  file.add(kPrediction, std::vector<float>(scores, scores + classifier_.classes()));
}

void VirelayWriter::write(const fs::path& inputs, const fs::path& attributions, const std::function<bool()>& again) {
  Hdf5Writer data(inputs, inputSets()), maps(attributions, attributionSets());
  std::deque<Sample> waiting;  // for their scores
  classifier_.forward(
      static_cast<std::int64_t>(chosen_.maps.size()),
      [&](std::int64_t i, float* input) {
        waiting.push_back(sampleAt(static_cast<std::size_t>(i)));
        const PreparedImage prepared = prepareImage(waiting.back().view, preprocess_, static_cast<int>(side(0)),
                                                    waiting.back().view.height, waiting.back().view.width);
        std::copy(prepared.input.data.begin(), prepared.input.data.end(), input);
      },
      [&](std::int64_t i, const float* scores) {
        addInput(data, waiting.front());
        addAttribution(maps, static_cast<std::size_t>(i), waiting.front(), scores);
        waiting.pop_front();
      },
      again);
}

// JSON's text is quoted as YAML wants it. Names of files need not be UTF-8.
std::string quotedText(const VirelayJson& json, int indent = -1) {
  return json.dump(indent, ' ', false, VirelayJson::error_handler_t::replace);
}

std::string yamlOf(const VirelayJson& values, const std::string& indent = "") {
  std::string lines;
  for (const auto& [name, value] : values.items()) {
    lines += indent + name + ":";
    if (value.is_object()) {
      lines += "\n" + yamlOf(value, indent + "  ");
    } else if (value.is_array()) {
      lines += "\n";
      for (const auto& one : value) lines += indent + "- " + quotedText(one) + "\n";
    } else {
      lines += " " + quotedText(value) + "\n";
    }
  }
  return lines;
}

std::string projectText(const Chosen& chosen, const Model& model, const Shape& image) {
  VirelayJson project = {
      {"name", chosen.dataset}, {"model", fs::path(model.path()).filename().string()}, {"label_map", kLabelFile}};
  project["dataset"] = {{"name", chosen.dataset},        {"type", "hdf5"},           {"path", kInputFile},
                        {"input_width", image[2]},       {"input_height", image[1]}, {"up_sampling_method", "none"},
                        {"down_sampling_method", "none"}};
  project["attributions"] = {
      {"attribution_method", chosen.method},
      {"attribution_strategy", chosen.target.starts_with("true") ? "true_label" : "predicted_label"},
      {"sources", VirelayJson::array({kAttributionFile})}};
  return yamlOf({{"project", project}});
}

std::string labelMap(const std::vector<std::string>& labels, std::size_t classes) {
  VirelayJson list = VirelayJson::array();
  for (std::size_t i = 0; i < std::max(labels.size(), classes); ++i)
    list.push_back(
        {{"index", i}, {"word_net_id", nullptr}, {"name", i < labels.size() ? labels[i] : fmt::format("class {}", i)}});
  return quotedText(list, 1);
}

// In the model's layout, as a model wants it that leaves its size open.
Classifier classifierOf(const Store& store, const Model& model, const Chosen& chosen, const VirelayOptions& options) {
  const Shape view = store.map(chosen.maps[0])->shape;
  const Shape image = {1, model.channels({}, options.layout), view.at(0), view.at(1)};
  Shape shape = relaid(image, Layout::ChannelsFirst, model.layout(options.layout));
  shape.erase(shape.begin());
  return {model, shape, options.layout, options.batch, options.threads};
}

// The folder of a project and those it lies in. The files are written in it, so it is there before they are; where that
// fails, those that are new go again.
class ProjectFolder {
 public:
  explicit ProjectFolder(const fs::path& folder) {
    if (!folder.empty()) eval::absolutePath(folder, ErrorCode::FileWriteFailed);
    std::error_code failed, ignored;
    const auto isThere = [&](const fs::path& path) { return fs::exists(fs::symlink_status(path, ignored)); };
    for (fs::path at = folder; !at.empty() && !isThere(at); at = at.parent_path()) made_.push_back(at);
    fs::create_directories(folder, failed);
    if (!failed) return;
    removeEmpty();
    failWrite(folder, failed.value());
  }
  ProjectFolder(const ProjectFolder&) = delete;
  ProjectFolder& operator=(const ProjectFolder&) = delete;
  ~ProjectFolder() { removeEmpty(); }

 private:
  void removeEmpty() const {
    std::error_code ignored;
    for (const fs::path& folder : made_) fs::remove(folder, ignored);  // not one with a file in it
  }

  std::vector<fs::path> made_;  // the innermost first
};

}  // namespace

VirelayProject exportVirelay(const Store& store, const Model& model, const fs::path& folder,
                             const VirelayOptions& options) {
  const Chosen chosen = choose(store, model, options);
  Classifier classifier = classifierOf(store, model, chosen, options);
  if (toString(classifier.imageShape()) != chosen.facts.inputShape)
    eval::failDamaged(store.name(), "heatmaps of another size than the network's input");
  const VirelayProject project{folder / "project.yaml", chosen.maps.size(), chosen.leftOut};
  const std::string text = projectText(chosen, model, classifier.imageShape());
  const ProjectFolder made(folder);
  const int named = static_cast<int>(options.labels.size());
  VirelayWriter writer(store, chosen, classifier, std::max({classifier.classes(), named, kMostClasses}));
  // No array takes its place before all of it is there.
  const auto fillBehind = [&](const fs::path& inputs) {
    const auto fill = [&](const fs::path& attributions) {
      writer.write(inputs, attributions, options.again);
      const int classes = std::max(classifier.classes(), writer.highestClass() + 1);
      writeFile(folder / kLabelFile, labelMap(options.labels, static_cast<std::size_t>(classes)));
    };
    replaceFile(folder / kAttributionFile, fill, WriterLock::Own);
  };
  replaceFile(folder / kInputFile, fillBehind, WriterLock::Own);
  writeFile(project.path, text);
  return project;
}

}  // namespace relprop

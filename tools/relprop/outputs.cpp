#include "outputs.h"

#include <fmt/format.h>

#include <algorithm>

#include "method_choice.h"
#include "pictures.h"

namespace relprop::cli {
namespace {

// All below one another: 1×C×H×W each gives N×C×H×W.
template <class TensorOf>
Tensor stack(const std::vector<Explanation>& maps, TensorOf tensorOf) {
  Shape shape = tensorOf(maps.front()).shape;
  shape.front() = static_cast<std::int64_t>(maps.size());
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(elementCount(shape)));
  for (const Explanation& map : maps) {
    const Tensor& one = tensorOf(map);
    values.insert(values.end(), one.data.begin(), one.data.end());
  }
  return Tensor(shape, std::move(values));
}

Json entryJson(const Explanation& map, const NamedTarget& target, const Question& question) {
  Json json = Json::parse(mapJson(map, target, question));
  json["layers"] = Json::parse(ledgerJson(map));
  return json;
}

// One row: its map, or a list of them where there are several targets.
Json rowJson(const Explained& explained, std::size_t row, const Question& question) {
  const std::size_t count = question.targets.size();
  if (count == 1) return entryJson(explained.maps[row], question.targets.front(), question);
  Json json = Json::array();
  for (std::size_t t = 0; t < count; ++t)
    json.push_back(entryJson(explained.maps[row * count + t], question.targets[t], question));
  return {{"targets", json}};
}

Json reportJson(const Explained& explained, const RunFacts& facts) {
  Json json = {{"input", explained.input->path.string()}};
  json.update(Json::parse(factsJson(facts)));
  if (!explained.input->tensor) {
    json.update(rowJson(explained, 0, facts.question));
    return json;
  }
  json["rows"] = Json::array();
  for (std::size_t row = 0; row < explained.maps.size() / facts.question.targets.size(); ++row)
    json["rows"].push_back(rowJson(explained, row, facts.question));
  return json;
}

}  // namespace

Outputs::Outputs(OutputOptions options, std::size_t methods, std::size_t targets, const InputFiles& inputs)
    : options_(std::move(options)),
      methods_(methods),
      targets_(targets),
      combined_(options_.view == View::Panel && methods * targets > 1),
      files_(options_.folder, inputs) {}

HeatmapOptions Outputs::heatmapOptions() const {
  HeatmapOptions heat;
  heat.view = combined_ ? View::Heat : options_.view;
  heat.percentile = options_.percentile;
  heat.layout = options_.layout;
  heat.zoom = std::max(1, options_.zoom);
  return heat;
}

std::string Outputs::savePicture(const Explained& explained, std::size_t map, const std::string& name) {
  const Tensor& relevance = explained.maps[map].relevance;
  if (relevance.shape.size() == 4)
    return files_.write(name, "png", encodePng(renderHeatmap(relevance, explained.photo, heatmapOptions())));
  const std::size_t row = map / targets_;
  const auto array = row < explained.arrays.size() ? std::optional(explained.arrays[row]) : std::nullopt;
  HeatmapOptions heat = heatmapOptions();
  heat.zoom = legibleZoom(options_.zoom, relevance.shape.back());
  return files_.write(name, "png", encodePng(renderArray(relevance, array, heat)));
}

void Outputs::saveStrip(const Explained& explained, std::size_t map, const std::string& name, Files& files) {
  const Explanation& explanation = explained.maps[map];
  if (explanation.relevance.shape.size() != 4) return;
  if (std::none_of(explanation.layers.begin(), explanation.layers.end(),
                   [](const LayerMap& layer) { return isFeatureMap(layer.relevance.shape); }))
    return;
  HeatmapOptions heat = heatmapOptions();
  heat.view = View::Heat;
  heat.zoom = legibleZoom(options_.zoom, widthOf(explanation, options_.layout));
  files["layers"] = files_.write(name + ".layers", "png", encodePng(composeStrip(explanation, explained.photo, heat)));
}

void Outputs::saveTensors(const Explained& explained, const std::string& name, Files& files) {
  const auto& maps = explained.maps;
  const auto relevance = [](const Explanation& map) -> const Tensor& { return map.relevance; };
  files["npy"] = files_.write(name, "npy", encodeNpy(stack(maps, relevance)));
  for (std::size_t k = 0; k < maps.front().layers.size(); ++k) {
    const std::string& node = maps.front().layers[k].node;
    const auto layer = [k](const Explanation& map) -> const Tensor& { return map.layers[k].relevance; };
    files["npy:" + node] =
        files_.write(fmt::format("{}.{}", name, fileNamePart(node)), "npy", encodeNpy(stack(maps, layer)));
  }
}

std::string Outputs::saveReport(const Explained& explained, const std::string& name, const RunFacts& facts) {
  std::string text = dump(reportJson(explained, facts), 2) + "\n";
  return files_.write(name, "json", std::vector<std::uint8_t>(text.begin(), text.end()));
}

// "<input>[.<row>].<method>[.<target>]"
std::string Outputs::nameOf(const Explained& explained, std::size_t map, const std::string& methodPart,
                            const Question& question) const {
  std::string name = explained.input->name;
  if (explained.maps.size() > targets_) name += fmt::format(".{}", map / targets_);
  return name + "." + methodPart + targetPart(map % targets_, question);
}

std::string Outputs::targetPart(std::size_t target, const Question& question) const {
  return targets_ > 1 ? "." + fileNamePart(question.targets[target].name) : "";
}

std::string Outputs::panelName(const std::string& name, const std::string& methodPart) const {
  return name + "." + (methods_ == 1 ? methodPart : "panel");
}

void Outputs::requirePlaces(const Input& input, const std::string& methodPart, const Question& question) const {
  const std::string name = input.name + "." + methodPart;
  if (options_.npy) files_.requirePlace(name + ".npy");
  if (options_.json) files_.requirePlace(name + ".json");
  if (!options_.png || input.tensor) return;
  for (std::size_t t = 0; t < targets_; ++t) {
    files_.requirePlace(name + targetPart(t, question) + ".png");
    if (options_.layers) files_.requirePlace(name + targetPart(t, question) + ".layers.png");
  }
  if (wantsPanel()) files_.requirePlace(panelName(input.name, methodPart) + ".png");
}

std::vector<Files> Outputs::save(const Explained& explained, const std::string& methodPart, const RunFacts& facts) {
  std::vector<Files> files(explained.maps.size());
  for (std::size_t map = 0; options_.png && map < files.size(); ++map) {
    const std::string name = nameOf(explained, map, methodPart, facts.question);
    files[map]["png"] = savePicture(explained, map, name);
    saveStrip(explained, map, name, files[map]);
  }
  Files shared;
  const std::string name = explained.input->name + "." + methodPart;
  if (options_.npy) saveTensors(explained, name, shared);
  if (options_.json) shared["json"] = saveReport(explained, name, facts);
  for (Files& one : files) one.insert(shared.begin(), shared.end());
  return files;
}

int Outputs::panelZoom(const Image& photo) const {
  return legibleZoom(options_.zoom, photo.width);
}

void Outputs::addToPanel(PanelDraft& draft, const Explained& explained, const std::string& method,
                         const Question& question) const {
  HeatmapOptions heat = heatmapOptions();
  heat.zoom = panelZoom(*explained.photo);
  draft.columns.emplace_back();
  for (std::size_t t = 0; t < targets_; ++t) {
    const std::string target = targetText(explained.maps[t], question.targets[t], question);
    const std::string title = targets_ == 1 ? method : methods_ == 1 ? target : method + ": " + target;
    draft.columns.back().push_back({title, renderHeatmap(explained.maps[t].relevance, {}, heat)});
  }
  if (draft.photo) return;
  draft.photo = explained.photo;
  draft.title =
      question.from.empty() ? predictionText(predicted(explained.maps.front()), question.labels) : question.from;
}

std::string Outputs::savePanel(const PanelDraft& draft, const std::string& name, const std::string& methodPart) {
  const Image& photo = *draft.photo;
  const int zoom = panelZoom(photo);
  const TitledImage first = {draft.title, resizeImage(photo, photo.width * zoom, photo.height * zoom)};
  return files_.write(panelName(name, methodPart), "png",
                      encodePng(composeGrid(first, draft.columns, methods_ > 1 && targets_ > 1)));
}

std::string rowTitle(const Input& input, std::size_t row, std::size_t rows) {
  std::string file = input.path.filename().string();
  return rows > 1 ? fmt::format("{}[{}]", file, row) : file;
}

}  // namespace relprop::cli

#include "outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "interrupt.h"
#include "relprop/error.h"

namespace relprop::cli {
namespace {

constexpr int kPanelWidth = 256;  // a column of a panel is about as wide, so that titles can be read

void write(const std::string& path, const std::vector<std::uint8_t>& bytes) {
  WritingGuard guard;
  writeFile(path, bytes);
}

// All rows below one another: 1×C×H×W each gives N×C×H×W.
Tensor stack(const std::vector<Explanation>& rows) {
  Shape shape = rows.front().relevance.shape;
  shape.front() = static_cast<std::int64_t>(rows.size());
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(elementCount(shape)));
  for (const Explanation& row : rows) values.insert(values.end(), row.relevance.data.begin(), row.relevance.data.end());
  return Tensor(shape, std::move(values));
}

int panelZoom(int zoom, int width) {
  return zoom > 0 ? zoom : std::max(1, kPanelWidth / std::max(1, width));
}

Json reportJson(const Explained& explained, const RunFacts& facts) {
  Json json = {{"input", explained.input->path.string()}};
  json.update(factsJson(facts));
  Json rows = Json::array();
  for (const Explanation& explanation : explained.rows) {
    rows.push_back(rowJson(explanation, facts));
    rows.back()["layers"] = ledgerJson(explanation);
  }
  if (explained.input->tensor)
    json["rows"] = rows;
  else
    json.update(rows.front());
  return json;
}

}  // namespace

Outputs::Outputs(OutputOptions options, bool combine) : options_(std::move(options)), combine_(combine) {}

void Outputs::makeFolder() const {
  std::error_code failed;
  std::filesystem::create_directories(options_.folder, failed);
  if (failed) throw Error(ErrorCode::FileWriteFailed, options_.folder.string(), failed.message());
}

std::string Outputs::pathFor(const std::string& name, const std::string& part, const std::string& extension) const {
  return (options_.folder / fmt::format("{}.{}.{}", name, part, extension)).string();
}

HeatmapOptions Outputs::heatmapOptions() const {
  HeatmapOptions heat;
  heat.view = combine_ ? View::Heat : options_.view;
  heat.percentile = options_.percentile;
  heat.zoom = std::max(1, options_.zoom);
  return heat;
}

std::string Outputs::savePicture(const Explained& explained, std::size_t row, const std::string& part) const {
  std::string name = explained.input->name;
  if (explained.rows.size() > 1) name += fmt::format(".{}", row);
  std::string path = pathFor(name, part, "png");
  write(path, encodePng(renderHeatmap(explained.rows[row].relevance, explained.photo, heatmapOptions())));
  return path;
}

std::string Outputs::saveTensor(const Explained& explained, const std::string& part) const {
  std::string path = pathFor(explained.input->name, part, "npy");
  write(path, encodeNpy(stack(explained.rows)));
  return path;
}

std::string Outputs::saveReport(const Explained& explained, const std::string& part, const RunFacts& facts) const {
  std::string path = pathFor(explained.input->name, part, "json");
  std::string text = dump(reportJson(explained, facts), 2) + "\n";
  write(path, std::vector<std::uint8_t>(text.begin(), text.end()));
  return path;
}

std::vector<Files> Outputs::save(const Explained& explained, const std::string& methodPart, const RunFacts& facts) {
  if (options_.png || options_.npy || options_.json) makeFolder();
  std::vector<Files> files(explained.rows.size());
  for (std::size_t row = 0; options_.png && row < files.size(); ++row)
    files[row]["png"] = savePicture(explained, row, methodPart);
  std::string tensor = options_.npy ? saveTensor(explained, methodPart) : "";
  std::string report = options_.json ? saveReport(explained, methodPart, facts) : "";
  for (Files& row : files) {
    if (options_.npy) row["npy"] = tensor;
    if (options_.json) row["json"] = report;
  }
  return files;
}

TitledImage Outputs::panelColumn(const Explained& explained, const std::string& method) const {
  HeatmapOptions heat = heatmapOptions();
  heat.zoom = panelZoom(options_.zoom, explained.photo->width);
  return {method, renderHeatmap(explained.rows.front().relevance, explained.photo, heat)};
}

std::string Outputs::savePanel(const Explained& explained, const RunFacts& facts,
                               const std::vector<TitledImage>& columns) {
  const Image& photo = *explained.photo;
  int zoom = panelZoom(options_.zoom, photo.width);
  std::vector<TitledImage> row = {{predictionText(explained.rows.front().top, facts.labels),
                                   resizeImage(photo, photo.width * zoom, photo.height * zoom)}};
  row.insert(row.end(), columns.begin(), columns.end());
  makeFolder();
  std::string path = (options_.folder / (explained.input->name + ".panel.png")).string();
  write(path, encodePng(composePanel({row})));
  return path;
}

std::string rowTitle(const Input& input, std::size_t row, std::size_t rows) {
  std::string file = input.path.filename().string();
  return rows > 1 ? fmt::format("{}[{}]", file, row) : file;
}

}  // namespace relprop::cli

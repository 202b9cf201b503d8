#include "eval/report/gallery.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "eval/kept_png.h"
#include "eval/report/html.h"
#include "eval/report/score_table.h"
#include "relprop/image.h"

namespace relprop::eval {
namespace {

using OrderedJson = nlohmann::ordered_json;
// A side below is enlarged by a whole number, as long as the other one does not grow beyond the largest.
constexpr std::int64_t kSmallestSide = 224, kLargestSide = 4096, kMostZoom = 64;

std::vector<std::uint8_t> heatmapPng(const Tensor& map) {
  const auto [shorter, longer] = std::minmax(map.shape.at(0), map.shape.at(1));
  const std::int64_t wanted = (kSmallestSide + shorter - 1) / shorter,
                     most = std::min(kLargestSide / longer, kMostZoom);
  HeatmapOptions options;
  options.zoom = static_cast<int>(std::max<std::int64_t>(1, std::min(wanted, most)));
  return encodePng(renderHeatmap(map, {}, options));
}

OrderedJson methodList(const Section& section) {
  OrderedJson list = OrderedJson::array();
  for (std::size_t m = 0; m < section.methods.size(); ++m)
    list.push_back({{"name", section.methods[m].name},
                    {"parameters", section.methods[m].parameters},
                    {"complete", section.group.table.methods[m]}});
  return list;
}

OrderedJson columnList(const Section& section) {
  OrderedJson list = OrderedJson::array();
  for (const ScoreColumn& column : section.group.table.columns)
    list.push_back({{"label", section.protocol(column.protocol).text() + " · " + column.score},
                    {"better", column.better == Better::Higher ? "higher" : "lower"},
                    {"arrow", arrowOf(column.better)}});
  return list;
}

// Of a column, by method; JSON has no NaN, a missing one is null.
OrderedJson valuesOf(const Section& section, const ShownPicture& picture, const ScoreColumn& column) {
  OrderedJson values = OrderedJson::array();
  for (const std::string& method : section.group.table.methods) {
    const double value = scoreOf(picture, method, column);
    values.push_back(std::isfinite(value) ? OrderedJson(value) : OrderedJson(nullptr));
  }
  return values;
}

// scores[column][method]; null in place of a column of which the picture has nothing.
OrderedJson scoresOf(const Section& section, const ShownPicture& picture) {
  OrderedJson scores = OrderedJson::array();
  scores.get_ref<OrderedJson::array_t&>().resize(section.group.table.columns.size());
  for (const ScoreColumn* column : columnsOf(section, picture))
    scores[static_cast<std::size_t>(column - section.group.table.columns.data())] = valuesOf(section, picture, *column);
  return scores;
}

std::string className(const std::string& label, int number) {
  if (!label.empty()) return label;
  return number < 0 ? "unknown" : fmt::format("class {}", number);
}

// What tells it from the other classes of the same picture.
std::string titleOf(const PictureFacts& facts) {
  if (kindOfTarget(facts.target) == facts.target) return facts.picture;
  return facts.picture + " · " + className(facts.targetLabel, facts.targetClass);
}

// With the store's own key where that says more: two classes of a data set may be one of the network's.
std::string kindText(const std::string& target) {
  const std::string kind = kindOfTarget(target);
  return kind == target ? kind : fmt::format("{}, {} in the store", kind, target);
}

OrderedJson pictureJson(const Section& section, const ShownPicture& picture) {
  const PictureFacts& facts = picture.facts;
  OrderedJson maps = OrderedJson::array();
  for (std::size_t m = 0; m < picture.maps.size(); ++m)
    maps.push_back(picture.maps[m] ? OrderedJson(mapFile(picture.number, m)) : OrderedJson(nullptr));
  return {{"name", titleOf(facts)},
          {"file", facts.file},
          {"target", className(facts.targetLabel, facts.targetClass)},
          {"predicted", className(facts.predictedLabel, facts.predictedClass)},
          {"true", className(facts.trueLabel, facts.trueClass)},
          {"probability",
           std::isfinite(facts.targetProbability) ? OrderedJson(facts.targetProbability) : OrderedJson(nullptr)},
          {"page", pageFile(picture.number)},
          {"view", picture.view ? OrderedJson(viewFile(picture.number)) : OrderedJson(nullptr)},
          {"truth", picture.truth ? OrderedJson(truthFile(picture.number)) : OrderedJson(nullptr)},
          {"maps", maps},
          {"scores", scoresOf(section, picture)}};
}

std::string thumb(const std::string& file, const std::string& caption, const std::string& note,
                  const std::string& kind) {
  return fmt::format(
      "<figure class=\"shot\"><button type=\"button\" class=\"thumb {3}\" data-caption=\"{1}\" data-note=\"{2}\"><img "
      "src=\"../{0}\" "
      "alt=\"{1}\"></button><figcaption>{1}</figcaption></figure>\n",
      file, escaped(caption), escaped(note), kind);
}

std::string shots(const Section& section, const ShownPicture& picture) {
  std::string html;
  const std::string name = titleOf(picture.facts);
  if (picture.view) html += thumb(viewFile(picture.number), "photo", name, "photo");
  if (picture.truth) html += thumb(truthFile(picture.number), "ground truth", name, "truth");
  for (std::size_t m = 0; m < picture.maps.size(); ++m)
    if (picture.maps[m]) html += thumb(mapFile(picture.number, m), section.methods[m].text(), name, "heat");
  return html;
}

std::string fact(const std::string& name, const std::string& value) {
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", name, escaped(value));
}

std::string factsOf(const PictureFacts& facts) {
  std::string html = "<dl class=\"facts wide\">" + fact("Target", className(facts.targetLabel, facts.targetClass));
  if (std::isfinite(facts.targetProbability))
    html += fact("Its probability", fmt::format("{:.3f}", facts.targetProbability));
  html += fact("True class", className(facts.trueLabel, facts.trueClass)) +
          fact("Predicted class", className(facts.predictedLabel, facts.predictedClass)) +
          fact("Data set", facts.dataset) + fact("Kind of target", kindText(facts.target));
  if (!facts.file.empty()) html += fact("File", facts.file);
  return html + "</dl>\n";
}

std::string fewerNote(const Section& section) {
  if (!section.fewer) return "";
  return fmt::format(
      "<p class=\"note\">Fewer pictures than were asked for, as the table has {} and {}: all pictures of a report have "
      "{} "
      "cells of their tables together at most. <code>relprop export</code> has the scores of every picture.</p>\n",
      plural(section.methods.size(), "method"), plural(section.group.table.columns.size(), "score"), kGalleryCells);
}

std::string neighbour(const Section& section, std::size_t i, const char* relation, const char* text) {
  if (i >= section.pictures.size()) return fmt::format("<span class=\"muted\">{}</span>", text);
  return fmt::format("<a rel=\"{}\" href=\"../{}\">{}</a>", relation, pageFile(section.pictures[i].number), text);
}

}  // namespace

void writeKept(const Store& store, const Section& section, ShownPicture& picture, FolderWriter& folder) {
  const PictureFacts whole = store.picture(picture.facts);
  picture.view = !whole.view.empty(), picture.truth = !whole.truth.empty();
  // A browser is given nothing else than pictures, of sizes that were looked at.
  if (picture.view) decodeKept(store.name(), "the kept picture of " + whole.picture, whole.view);
  if (picture.truth) decodeKept(store.name(), "the kept ground truth of " + whole.picture, whole.truth);
  if (picture.view) folder.write(viewFile(picture.number), whole.view);
  if (picture.truth) folder.write(truthFile(picture.number), whole.truth);
  for (std::size_t m = 0; m < picture.maps.size(); ++m) {
    if (!picture.explained[m]) continue;
    const PictureFacts& p = picture.facts;
    const std::optional<Tensor> map =
        store.map({p.model, p.dataset, p.picture, p.target, section.group.table.methods[m], 0.0, {}});
    picture.maps[m] = map.has_value();
    if (map) folder.write(mapFile(picture.number, m), heatmapPng(*map));
  }
}

std::string picturesNote(const Section& section) {
  std::size_t without = 0;
  for (const ShownPicture& picture : section.pictures)
    without += std::find(picture.maps.begin(), picture.maps.end(), true) == picture.maps.end();
  if (without == 0) return fewerNote(section);
  const std::string which =
      without == section.pictures.size() ? "these pictures" : fmt::format("{} of these pictures", without);
  return fewerNote(section) + fmt::format(
                                  "<p class=\"note\">The store holds no heatmaps of {}. <code>relprop evaluate … "
                                  "--keep</code> into a new store "
                                  "keeps them, and "
                                  "the photos and the ground truth with them.</p>\n",
                                  which);
}

std::string gallery(const Section& section) {
  OrderedJson data = {
      {"methods", methodList(section)}, {"columns", columnList(section)}, {"pictures", OrderedJson::array()}};
  if (section.group.classes) data["noun"] = section.noun();
  for (const ShownPicture& picture : section.pictures) data["pictures"].push_back(pictureJson(section, picture));
  return "<div class=\"gallery\" data-gallery>\n<noscript><p class=\"note\">The gallery needs JavaScript; every "
         "picture has its page in "
         "the folder <code>pages</code>.</p></noscript>\n" +
         scriptJson(data) + "</div>\n";
}

std::string picturePage(const Section& section, std::size_t i, const std::string& title) {
  const ShownPicture& picture = section.pictures[i];
  const std::string figures = shots(section, picture);
  std::string body = fmt::format(
      "<p class=\"trail\"><a href=\"../index.html\">{}</a> <span aria-hidden=\"true\">/</span> {} <span "
      "class=\"pager\">{} {}</span></p>\n"
      "<h1 class=\"file\">{}</h1>\n",
      escaped(title), escaped(section.heading), neighbour(section, i - 1, "prev", "← previous"),
      neighbour(section, i + 1, "next", "next →"), escaped(titleOf(picture.facts)));
  body += factsOf(picture.facts);
  body += figures.empty()
              ? std::string(
                    "<p class=\"note\">The store holds no heatmaps of this picture. <code>relprop evaluate … "
                    "--keep</code> into a new store keeps them.</p>\n")
              : "<div class=\"shots\" data-row>\n" + figures + "</div>\n";
  return body + "<h2>Scores</h2>\n" + pictureTable(section, picture);
}

}  // namespace relprop::eval

#include "eval/report/section.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "eval/metric.h"
#include "relprop/error.h"

namespace relprop::eval {
namespace {

// Also of a result that has curves and no score.
void addProtocols(Section& section) {
  std::set<std::string> texts;
  for (const auto& [key, byMethod] : section.curves) texts.insert(key.protocol);
  for (const ScoreColumn& column : section.group.table.columns) texts.insert(column.protocol);
  for (const SkipCount& skips : section.group.table.skips)
    if (!skips.protocol.empty()) texts.insert(skips.protocol);
  section.protocolTexts.assign(texts.begin(), texts.end());
  section.protocols = shortNames(section.protocolTexts);
}

Section sectionOf(Group group) {
  Section section;
  section.methods = shortNames(group.table.methods);
  section.group = std::move(group);
  return section;
}

std::string headingOf(const Group& group) {
  return fmt::format("{} on {}, target {}", networkOf(group), group.key.dataset, group.key.target);
}

// One file may have been measured with several preprocessings; then the key tells them apart.
void addHeadings(std::vector<Section>& sections) {
  std::map<std::string, int> count;
  for (const Section& section : sections) ++count[headingOf(section.group)];
  for (Section& section : sections) {
    section.heading = headingOf(section.group);
    if (count[section.heading] > 1) section.heading += fmt::format(" ({})", section.group.key.model.substr(0, 8));
  }
}

using Pictures = std::vector<const PictureFacts*>;

std::map<GroupKey, Pictures> measuredOf(const std::vector<PictureFacts>& pictures) {
  std::map<GroupKey, Pictures> measured;
  for (const PictureFacts& picture : pictures)
    if (picture.skipped.empty()) measured[groupOf(picture)].push_back(&picture);
  return measured;
}

ShownPicture shownOf(const PictureFacts& facts, std::size_t number, std::size_t methods) {
  ShownPicture shown;
  shown.number = number;
  shown.facts = facts;
  shown.seconds.resize(methods), shown.explained.resize(methods), shown.maps.resize(methods);
  return shown;
}

// The times are a column too.
std::size_t cellsOf(const Section& section) {
  return std::max<std::size_t>(1, section.methods.size()) * (section.group.table.columns.size() + 1);
}

// A row's picture and target: two classes of a picture have a page each.
using PictureKey = std::array<std::string, 4>;
template <class Row>
PictureKey pictureKey(const Row& row) {
  return {row.model, row.dataset, row.picture, row.target};
}

// Where a row of the store belongs.
class Index {
 public:
  explicit Index(std::vector<Section>& sections) {
    for (Section& section : sections) {
      sections_[section.group.key] = &section;
      for (ShownPicture& picture : section.pictures) pictures_[pictureKey(picture.facts)] = &picture;
    }
  }
  // None of a group that another process began while this one was reading.
  Section* section(const GroupKey& key) const {
    const auto found = sections_.find(key);
    return found == sections_.end() ? nullptr : found->second;
  }
  template <class Row>
  ShownPicture* picture(const Row& row) const {
    const auto found = pictures_.find(pictureKey(row));
    return found == pictures_.end() ? nullptr : found->second;
  }

 private:
  std::map<GroupKey, Section*> sections_;
  std::map<PictureKey, ShownPicture*> pictures_;
};

void addMaps(const Rows& rows, const Index& index) {
  rows.eachMap([&](const MapFacts& map) {
    ShownPicture* picture = index.picture(map);
    if (!picture) return;
    const auto m = index.section(groupOf(map))->method(map.method);  // the section has the picture
    if (!m) return;
    picture->explained[*m] = true;
    if (std::isfinite(map.explainSeconds)) picture->seconds[*m] = map.explainSeconds;
  });
}

void showResult(ShownPicture& picture, const Result& result) {
  Result& shown = picture.results[result.key.method][result.key.protocol] = result;
  std::sort(shown.scores.begin(), shown.scores.end(),
            [](const NamedScore& a, const NamedScore& b) { return a.name < b.name; });
}

// One pass over the curves, which memory need not hold.
void addResults(const Store& store, const Index& index, const std::function<void()>& again) {
  store.each([&](const Result& result, const Provenance&) {
    again();
    if (Section* section = index.section(groupOf(result.key))) addCurves(section->curves, result);
    if (ShownPicture* picture = index.picture(result.key)) showResult(*picture, result);
  });
}

// As many of each table, evenly; where there are more tables than pictures, one of each of the first. Fewer of large
// tables: what is written of a picture grows with its table, however little of that the picture has.
void choosePictures(std::vector<Section>& sections, const std::vector<PictureFacts>& pictures, std::size_t gallery) {
  if (sections.empty() || gallery == 0) return;
  const std::map<GroupKey, Pictures> measured = measuredOf(pictures);
  const std::size_t most = std::max<std::size_t>(1, gallery / sections.size());
  std::size_t number = 0, cells = kGalleryCells;
  for (Section& section : sections) {
    const auto found = measured.find(section.group.key);
    if (found == measured.end()) continue;
    const Pictures& all = found->second;
    const std::size_t wanted = std::min({most, gallery - number, all.size()});
    const std::size_t count = std::min(wanted, cells / cellsOf(section));
    section.fewer = count < wanted;
    cells -= count * cellsOf(section);
    for (std::size_t i = 0; i < count; ++i)
      section.pictures.push_back(shownOf(*all[i * all.size() / count], ++number, section.methods.size()));
  }
}

}  // namespace

const ShortName& Section::protocol(const std::string& complete) const {
  const auto place = std::lower_bound(protocolTexts.begin(), protocolTexts.end(), complete) - protocolTexts.begin();
  return protocols[static_cast<std::size_t>(place)];
}

std::optional<std::size_t> Section::method(const std::string& complete) const {
  const std::vector<std::string>& all = group.table.methods;
  const auto place = std::lower_bound(all.begin(), all.end(), complete);
  if (place == all.end() || *place != complete) return {};
  return static_cast<std::size_t>(place - all.begin());
}

std::string Section::noun() const {
  return group.classes ? "target" : "picture";
}

std::string Section::measuredText() const {
  const std::string measured = plural(group.table.pictures, "measured picture");
  return group.classes ? plural(group.table.samples, noun()) + " of " + measured : measured;
}

std::vector<Section> sectionsOf(const Store& store, const ReportOptions& options) {
  const Rows rows = rowsOf(store);
  std::vector<Section> sections;
  for (Group& group : groupsOf(rows, directionOf)) sections.push_back(sectionOf(std::move(group)));
  addHeadings(sections);
  FigureCells cells;
  for (Section& section : sections) section.beside = Published(options.beside, section.group, cells);
  choosePictures(sections, rows.pictures, options.gallery);
  const Index index(sections);
  addMaps(rows, index);
  addResults(store, index, [&, pages = pageCount(sections)] { goOn(options, 0, pages); });
  for (Section& section : sections) addProtocols(section);
  return sections;
}

std::size_t pageCount(const std::vector<Section>& sections) {
  std::size_t count = 1;
  for (const Section& section : sections) count += section.pictures.size();
  return count;
}

void goOn(const ReportOptions& options, std::size_t done, std::size_t pages) {
  if (options.progress && !options.progress(static_cast<std::int64_t>(done), static_cast<std::int64_t>(pages)))
    throw Error(ErrorCode::Cancelled, "report", fmt::format("stopped after {} of {} pages", done, pages));
}

std::string pageFile(std::size_t number) {
  return fmt::format("pages/{:04}.html", number);
}
std::string viewFile(std::size_t number) {
  return fmt::format("pictures/{:04}-view.png", number);
}
std::string truthFile(std::size_t number) {
  return fmt::format("pictures/{:04}-truth.png", number);
}
std::string mapFile(std::size_t number, std::size_t method) {
  return fmt::format("pictures/{:04}-m{:02}.png", number, method);
}

std::string summaryOf(const std::string& protocol, const std::string& score) {
  const std::optional<ScoreInfo> info = scoreInfoOf(protocol, score);
  return info ? info->summary : "";
}

std::vector<std::size_t> methodsOf(const Section& section, const ShownPicture& picture) {
  std::vector<std::size_t> methods;
  for (std::size_t m = 0; m < section.methods.size(); ++m)
    if (picture.explained[m] || picture.results.contains(section.group.table.methods[m])) methods.push_back(m);
  return methods;
}

std::vector<const ScoreColumn*> columnsOf(const Section& section, const ShownPicture& picture) {
  std::set<std::string> protocols;
  for (const auto& [method, results] : picture.results)
    for (const auto& [protocol, result] : results) protocols.insert(protocol);
  std::vector<const ScoreColumn*> columns;
  for (const ScoreColumn& column : section.group.table.columns)
    if (protocols.contains(column.protocol)) columns.push_back(&column);
  return columns;
}

double scoreOf(const ShownPicture& picture, const std::string& method, const ScoreColumn& column) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const auto ofMethod = picture.results.find(method);
  if (ofMethod == picture.results.end()) return none;
  const auto result = ofMethod->second.find(column.protocol);
  if (result == ofMethod->second.end()) return none;
  const std::vector<NamedScore>& scores = result->second.scores;
  const auto score = std::lower_bound(scores.begin(), scores.end(), column.score,
                                      [](const NamedScore& one, const std::string& name) { return one.name < name; });
  return score != scores.end() && score->name == column.score ? score->value : none;
}

}  // namespace relprop::eval

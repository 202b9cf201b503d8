#include "relprop/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <numeric>
#include <set>

#include "eval/report/assets.h"
#include "eval/report/diagrams.h"
#include "eval/report/folder.h"
#include "eval/report/gallery.h"
#include "eval/report/html.h"
#include "eval/report/score_table.h"

namespace relprop::eval {
namespace {

std::string anchorOf(std::size_t section) {
  return fmt::format("section-{}", section + 1);
}

std::string navigation(const std::vector<Section>& sections) {
  std::string html;
  for (std::size_t i = 0; i < sections.size(); ++i)
    html += fmt::format("<a href=\"#{}\">{}</a>", anchorOf(i), escaped(sections[i].heading));
  return html + "<a href=\"#provenance\">Provenance</a>";
}

std::string counted(const std::vector<Section>& sections) {
  std::set<std::string> models, datasets, methods;
  for (const Section& section : sections) {
    models.insert(section.group.key.model), datasets.insert(section.group.key.dataset);
    methods.insert(section.group.table.methods.begin(), section.group.table.methods.end());
  }
  return fmt::format("{}, {}, {}", plural(models.size(), "model"), plural(datasets.size(), "data set"),
                     plural(methods.size(), "method"));
}

constexpr const char* kHowToRead =
    "<p class=\"key\"><span><b class=\"best-sample\">bold</b> best mean of its column, of methods with at "
    "least 90&nbsp;% of its pictures</span><span><span "
    "class=\"tie\">≈</span> not "
    "distinguishable from it: the 95&nbsp;% bootstrap interval of the difference, paired by picture, includes 0; of "
    "ratios both are of the logarithms</span>"
    "<span>± standard error of the mean</span><span>↑ higher, ↓ lower is better</span>"
    "<span>point at a number or choose it to see its interval</span></p>\n";

std::string headOf(const std::vector<Section>& sections, const std::string& title, const std::string& store) {
  std::string html = fmt::format("<h1>{}</h1>\n<p class=\"lead\">{}. From <code>{}</code>.</p>\n", escaped(title),
                                 counted(sections), escaped(store));
  if (sections.empty()) return html + "<p class=\"note\">The store holds no results yet.</p>\n";
  return html + kHowToRead;
}

// With a heading when there is anything to put under it.
std::string part(const std::string& heading, const std::string& detail, const std::string& content) {
  if (content.empty()) return "";
  return fmt::format("<h3>{}</h3>\n<p class=\"muted\">{}</p>\n{}", heading, detail, content);
}

std::string diagramsOf(const std::string& legendHtml, const std::string& diagrams) {
  return diagrams.empty() ? "" : "<div>\n" + legendHtml + "<div class=\"diagrams\">\n" + diagrams + "</div>\n</div>\n";
}

std::string galleryPart(const Section& section) {
  if (section.pictures.empty() && !section.fewer) return "";
  const std::string detail = fmt::format("{} of {}. A column's head sorts by the chosen score of that method.",
                                         section.pictures.size(), section.measuredText());
  return part("Gallery", detail, picturesNote(section) + (section.pictures.empty() ? "" : gallery(section)));
}

std::string sourcesNote(const Section& section) {
  if (section.beside.sources().empty()) return "";
  return fmt::format("<p class=\"muted\">Published: {}.</p>\n",
                     escaped(fmt::format("{}", fmt::join(section.beside.sources(), "; "))));
}

std::string sectionHtml(const Section& section, std::size_t i) {
  std::vector<std::size_t> all(section.methods.size());
  std::iota(all.begin(), all.end(), 0U);
  const std::string colours = legend(section, all);
  std::string html =
      fmt::format("<section id=\"{}\" data-section>\n<h2 title=\"{}\">{}</h2>\n<p class=\"muted\">{}</p>\n",
                  anchorOf(i), escaped(section.group.table.model), escaped(section.heading), section.measuredText());
  html += "<div class=\"card\">" + scoreTable(section) + "</div>\n" + sourcesNote(section) + skipList(section) +
          completeStrings(section);
  html += part("Curves", "Means over the pictures, with the 95 % band of the mean (± 1.96 standard errors).",
               diagramsOf(colours, curveDiagrams(section)));
  html += part("Score and cost", "The headline score of each protocol against the time of explaining one picture.",
               diagramsOf(colours, costDiagrams(section)));
  return html + galleryPart(section) + "</section>\n";
}

std::string runHtml(const Provenance& run) {
  std::vector<std::string> libraries;
  for (const auto& [name, version] : run.libraries) libraries.push_back(name + " " + version);
  return fmt::format(
      "<dl class=\"facts "
      "card\"><dt>Command</dt><dd><code>{}</code></dd><dt>relprop</dt><dd>{}</dd><dt>Host</dt><dd>{}</dd>"
      "<dt>Libraries</dt><dd>{}</dd><dt>Seed</dt><dd>{}</dd><dt>Threads</dt><dd>{}</dd><dt>Precision</dt><dd>{}</dd></"
      "dl>\n",
      escaped(run.command), escaped(run.version), escaped(run.host),
      escaped(fmt::format("{}", fmt::join(libraries, ", "))), run.seed, run.threads, escaped(run.precision));
}

std::string provenanceHtml(const Store& store) {
  std::string html =
      "<section id=\"provenance\">\n<h2>Provenance</h2>\n<p class=\"muted\">How the results came about.</p>\n";
  for (const Provenance& run : store.runs()) html += runHtml(run);
  return html + "</section>\n";
}

std::string indexPage(const Store& store, const std::vector<Section>& sections, const std::string& title) {
  std::string body = headOf(sections, title, store.name());
  for (std::size_t i = 0; i < sections.size(); ++i) body += sectionHtml(sections[i], i);
  return htmlPage({title, "", navigation(sections), body + provenanceHtml(store)});
}

std::string pageOf(const Section& section, std::size_t i, const std::string& title) {
  std::string body = "<section data-section>\n" + picturePage(section, i, title);
  const ShownPicture& picture = section.pictures[i];
  const std::string curves =
      diagramsOf(legend(section, methodsOf(section, picture)), pictureDiagrams(section, picture));
  body += curves.empty() ? "" : "<h2>Curves</h2>\n" + curves;
  return htmlPage({title, "../", "<a href=\"../index.html\">All results</a>", body + "</section>\n"});
}

}  // namespace
}  // namespace relprop::eval

namespace relprop {

void writeReport(const Store& store, const std::filesystem::path& target, const ReportOptions& options) {
  eval::FolderWriter folder(target);
  std::vector<eval::Section> sections = eval::sectionsOf(store, options);
  const std::size_t pages = eval::pageCount(sections);
  std::size_t done = 0;
  for (eval::Section& section : sections)
    for (std::size_t i = 0; i < section.pictures.size(); ++i) {
      eval::goOn(options, done++, pages);
      eval::writeKept(store, section, section.pictures[i], folder);
      folder.write(eval::pageFile(section.pictures[i].number), eval::pageOf(section, i, options.title));
    }
  eval::goOn(options, done, pages);
  folder.write("report.css", std::string(eval::kReportCss));
  folder.write("report.js", std::string(eval::kReportJs));
  folder.write("index.html", eval::indexPage(store, sections, options.title));
  eval::goOn(options, pages, pages);
  folder.commit();
}

}  // namespace relprop

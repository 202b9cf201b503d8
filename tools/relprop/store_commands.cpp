// What reads stores: report, export and merge.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iostream>
#include <optional>
#include <set>
#include <string_view>

#include "commands.h"
#include "console.h"
#include "interrupt.h"
#include "network_options.h"
#include "paths.h"
#include "relprop/error.h"
#include "relprop/image.h"
#include "relprop/report.h"
#include "relprop/store.h"
#include "relprop/virelay.h"
#include "whole_number.h"

namespace relprop::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProjectGroup = "ViRelAy";  // of options

constexpr const char* kReportExamples = R"(Examples:
  relprop report runs.db -o report/        # open report/index.html in a browser
  relprop report runs.db --markdown > tables.md
  relprop report runs.db --beside papers.json -o report/)";
constexpr const char* kExportExamples = R"(Examples:
  relprop export runs.db --csv > scores.csv
  relprop export runs.db --json > results.json
  relprop export runs.db --format virelay --model resnet50.onnx --method lrp-zplus -o project/)";
constexpr const char* kMergeExamples = R"(Examples:
  relprop merge part0.db part1.db part2.db -o runs.db)";

struct StoreArguments {
  fs::path store, out;
  std::vector<fs::path> parts;
  ReportOptions report;
  fs::path beside;
  bool markdown = false;
};

struct ExportArguments {
  fs::path store, out;
  std::string format = "csv", labels;
  NetworkOptions network;
  VirelayOptions virelay;
};

// A report names whose figures stand in it, with `sources` before their names. A slip in a network's name, say, would
// look as if nobody had published anything.
void noteFigures(Console& console, const StoreArguments& arguments, std::string_view text, std::string_view sources) {
  if (text.find(sources) != std::string_view::npos) return;
  console.note(
      fmt::format("{}: none of its {} figures stands in the report: no table has the network, data, target, "
                  "method and metric of one",
                  arguments.beside.string(), arguments.report.beside.size()));
}

int reportMarkdown(const Store& store, const StoreArguments& arguments, Console& console) {
  const std::string text = markdownReport(store, arguments.report);
  if (interrupted()) return kExitInterrupted;
  if (!arguments.beside.empty()) noteFigures(console, arguments, text, "\nIn brackets: ");
  if (arguments.out.empty())
    console.lines(text);
  else
    writeFile(arguments.out, text);
  return kExitOk;
}

int reportPages(const Store& store, const StoreArguments& arguments, Console& console) {
  ReportOptions options = arguments.report;
  std::optional<WritingGuard> writing;
  options.progress = [&](std::int64_t done, std::int64_t total) {
    if (done == total) writing.emplace();
    return !interrupted();
  };
  try {
    writeReport(store, arguments.out, options);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::Cancelled || !interrupted()) throw;
    console.note("interrupted; nothing was written");
    return kExitInterrupted;
  }
  const fs::path index = arguments.out / "index.html";
  if (!arguments.beside.empty()) {
    const std::vector<std::uint8_t> html = readFile(index);
    noteFigures(console, arguments, {reinterpret_cast<const char*>(html.data()), html.size()}, ">Published: ");
  }
  console.result(index.string());
  return kExitOk;
}

int runReport(StoreArguments& arguments) {
  watchInterrupts();
  Console console(false);
  if (arguments.markdown) requireNoInput(arguments.out, InputFiles({arguments.store, arguments.beside}));
  if (!arguments.beside.empty()) arguments.report.beside = readPublishedFigures(arguments.beside);
  const Store store = Store::open(arguments.store, Store::Access::Read);
  const int code =
      arguments.markdown ? reportMarkdown(store, arguments, console) : reportPages(store, arguments, console);
  flushStandardOutput();
  return code;
}

int exportText(const Store& store, const std::string& format) {
  exportStore(store, format, [](const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    if (std::ferror(stdout)) flushStandardOutput();  // throws; a full disk need not wait for the end
  });
  flushStandardOutput();
  return kExitOk;
}

int exportProject(const Store& store, const ExportArguments& arguments) {
  watchInterrupts();
  Console console(false);
  const Model model = loadModel(arguments.network, console);
  VirelayOptions options = arguments.virelay;
  options.labels = chosenLabels(model, arguments.labels);
  options.layout = arguments.network.layout;
  options.threads = arguments.network.threads;
  options.batch = chosenBatch(model, "gradient", arguments.network.batchGiven, options.batch);
  options.again = [] { return !interrupted(); };
  const WritingGuard guard;
  const VirelayProject project = exportVirelay(store, model, arguments.out, options);
  if (project.leftOut > 0)
    console.note(fmt::format("{} pictures are left out: the store keeps no heatmap of them", project.leftOut));
  console.result(fmt::format("{}: {} pictures", project.path.string(), project.samples));
  flushStandardOutput();
  return kExitOk;
}

int runExport(const ExportArguments& arguments) {
  const Store store = Store::open(arguments.store, Store::Access::Read);
  return arguments.format == "virelay" ? exportProject(store, arguments) : exportText(store, arguments.format);
}

// What is in one table then differs by chance too.
void noteSeeds(Console& console, const Store& store) {
  const auto all = store.seeds();
  const std::vector<ModelFacts> models = store.models();
  for (const auto& [place, seeds] : all) {
    if (seeds.size() < 2) continue;
    const std::string& key = place.first;
    const auto model = std::find_if(models.begin(), models.end(), [&](const auto& facts) { return facts.key == key; });
    console.note(fmt::format("scores of {} on {} were measured with seeds {}: tables mix them", model->path,
                             place.second, fmt::join(seeds, " and ")));
  }
}

// As with seeds.
void noteVersions(Console& console, const Store& store) {
  std::set<std::string> versions;
  for (const Provenance& run : store.runs()) versions.insert(run.version);
  if (versions.size() > 1)
    console.note(fmt::format("results are of relprop {}: tables mix them", fmt::join(versions, " and ")));
}

int runMerge(const StoreArguments& arguments) {
  watchInterrupts();
  Console console(false);
  // Before anything is written; one at a time, as an open store takes memory.
  for (const fs::path& part : arguments.parts) Store::open(part, Store::Access::Read);
  Store whole = Store::open(arguments.out, Store::Access::Write);
  for (const fs::path& part : arguments.parts) {
    if (interrupted()) return kExitInterrupted;
    if (const std::size_t differing = whole.merge(Store::open(part, Store::Access::Read)); differing > 0)
      console.note(
          fmt::format("{}: {} results were there before with other scores, which stay", part.string(), differing));
  }
  noteSeeds(console, whole);
  noteVersions(console, whole);
  console.result(fmt::format("{}: {} results", arguments.out.string(), whole.resultCount()));
  flushStandardOutput();
  return kExitOk;
}

void addFormatOptions(CLI::App& app, std::string& format) {
  CLI::Option* named = app.add_option("--format", format,
                                      "csv (default): one line a score; json: one object a result; virelay: a project")
                           ->check(CLI::IsMember({"csv", "json", "virelay"}));
  CLI::Option* csv = app.add_flag_callback(
      "--csv", [&format] { format = "csv"; }, "as --format csv, to standard output");
  CLI::Option* json = app.add_flag_callback(
      "--json", [&format] { format = "json"; }, "with curves and provenance, to standard output");
  csv->excludes(named)->excludes(json);
  json->excludes(named);
}

void addProjectOptions(CLI::App& app, ExportArguments& arguments) {
  app.option_defaults()->group(kProjectGroup);
  app.add_option("-o,--out", arguments.out, "the folder of the project")->check(namesSomething())->type_name("FOLDER");
  app.add_option("--model", arguments.network.model, "the network that was evaluated, for its scores")
      ->type_name("MODEL");
  app.add_option("-m,--method", arguments.virelay.method, "whose heatmaps, of several methods in the store")
      ->type_name("SPEC");
  app.add_option("--data", arguments.virelay.dataset, "of several data sets in the store, as it calls them")
      ->type_name("NAME");
  app.add_option("--target", arguments.virelay.target, "of several in the store: true, predicted, true+correct, …")
      ->type_name("WHICH");
  addLabelsOption(app, arguments.labels);
  addRunOptions(app, arguments.network);
  removeOptions(app, {"--preprocess", "--shape", "--reference"});
  app.option_defaults()->group("Options");
}

// Scores go to standard output and need no network; a project needs a folder and one.
void requireFormatsOwn(const CLI::App& app, const ExportArguments& arguments) {
  const bool project = arguments.format == "virelay";
  const bool given = !arguments.out.empty(), network = !arguments.network.model.empty();
  if (project && !given) throw CLI::ValidationError("--out", "missing; --format virelay writes a folder");
  if (project && !network) throw CLI::ValidationError("--model", "missing; --format virelay computes its scores");
  if (project) return;
  const auto projectsOwn = [](const CLI::Option* o) { return o->get_group() == kProjectGroup && o->count() > 0; };
  for (const CLI::Option* option : app.get_options(projectsOwn))
    throw CLI::ValidationError(option->get_name(), "is for --format virelay alone");
}

}  // namespace

Command addReport(CLI::App& root) {
  CLI::App* app = root.add_subcommand("report", "tables, curves and a gallery from a store of results");
  auto arguments = std::make_shared<StoreArguments>();
  app->add_option("store", arguments->store, "what relprop evaluate wrote")->required()->type_name("STORE");
  app->add_option("-o,--out", arguments->out, "the folder to write (default report; with --markdown a file)")
      ->check(namesSomething())
      ->type_name("PATH");
  CLI::Option* markdown =
      app->add_flag("--markdown", arguments->markdown, "the tables as Markdown, to standard output without --out");
  addWholeNumber(*app, "--gallery", arguments->report.gallery, "at most so many pictures (default 200)")
      ->excludes(markdown);
  app->add_option("--title", arguments->report.title, "the title of the report")->type_name("TEXT");
  app->add_option("--beside", arguments->beside, "what others published, a JSON list, beside the store's means")
      ->type_name("FILE.json");
  app->footer(kReportExamples);
  app->callback([arguments] {
    if (!arguments->markdown && arguments->out.empty()) arguments->out = "report";
  });
  return {app, [arguments] { return runReport(*arguments); }};
}

Command addExport(CLI::App& root) {
  CLI::App* app = root.add_subcommand("export", "write a store's scores as CSV or JSON, or its heatmaps for ViRelAy");
  auto arguments = std::make_shared<ExportArguments>();
  app->add_option("store", arguments->store, "what relprop evaluate wrote")->required()->type_name("STORE");
  addFormatOptions(*app, arguments->format);
  addProjectOptions(*app, *arguments);
  app->footer(kExportExamples);
  app->callback([app, arguments] { requireFormatsOwn(*app, *arguments); });
  return {app, [arguments] { return runExport(*arguments); }};
}

Command addMerge(CLI::App& root) {
  CLI::App* app = root.add_subcommand("merge", "join stores, such as those of evaluate --shard");
  auto arguments = std::make_shared<StoreArguments>();
  app->add_option("stores", arguments->parts, "the stores to read")->required()->type_name("STORE");
  app->add_option("-o,--out", arguments->out, "the store to add to, made when it is not there")
      ->required()
      ->check(namesSomething())
      ->type_name("FILE");
  app->footer(kMergeExamples);
  return {app, [arguments] { return runMerge(*arguments); }};
}

}  // namespace relprop::cli

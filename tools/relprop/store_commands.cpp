// What reads stores: report, export and merge.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <tuple>

#include "commands.h"
#include "console.h"
#include "interrupt.h"
#include "network_options.h"
#include "paths.h"
#include "relprop/error.h"
#include "relprop/image.h"
#include "relprop/report.h"
#include "relprop/store.h"
#include "relprop/text.h"
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
  if (arguments.out.empty()) {
    console.lines(text);
    return kExitOk;
  }
  const WritingGuard guard(arguments.out);
  writeFile(arguments.out, text);
  return kExitOk;
}

int reportPages(const Store& store, const StoreArguments& arguments, Console& console) {
  ReportOptions options = arguments.report;
  std::optional<WritingGuard> writing;
  options.progress = [&](std::int64_t done, std::int64_t total) {
    if (done == total) writing.emplace(arguments.out);
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

// What SQLite keeps beside a store has results that are not in it yet, or will have some: whether or not it is there.
void requireNoJournal(const fs::path& out, const fs::path& store) {
  const auto settled = [](const fs::path& path) {
    std::error_code failed;
    return fs::weakly_canonical(fs::absolute(path, failed), failed).string();
  };
  for (const char* end : {"-wal", "-shm", "-journal"})
    if (settled(out) == settled(store) + end)
      throw Error(ErrorCode::FileWriteFailed, out.string(), "an input of this command, which writing would destroy", "",
                  "give another --out");
}

int runReport(StoreArguments& arguments) {
  watchInterrupts();
  Console console(false);
  if (arguments.markdown && !arguments.out.empty()) {
    requirePlaceOfText(arguments.out);
    requireNoInput(arguments.out, InputFiles({arguments.store, arguments.beside}));
    requireNoJournal(arguments.out, arguments.store);
  }
  if (!arguments.beside.empty()) arguments.report.beside = readPublishedFigures(arguments.beside);
  const Store store = Store::open(arguments.store, Store::Access::Read);
  const int code =
      arguments.markdown ? reportMarkdown(store, arguments, console) : reportPages(store, arguments, console);
  flushStandardOutput();
  return code;
}

// On a terminal a name of the store's is no more than itself; anywhere else the text is data.
std::string forTerminal(const std::string& text) {
  std::string shown;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find('\n', start);
    const bool ends = end != std::string::npos;
    std::string_view line = std::string_view(text).substr(start, ends ? end - start : end);
    if (ends && line.ends_with('\r')) line.remove_suffix(1);
    shown += visibleText(line) + (ends ? "\n" : "");
    start = ends ? end + 1 : text.size();
  }
  return shown;
}

int exportText(const Store& store, const std::string& format) {
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  exportStore(store, format, [terminal](const std::string& piece) {
    const std::string text = terminal ? forTerminal(piece) : piece;
    putOutput(text);
    if (outputFailed()) flushStandardOutput();  // throws; a full disk need not wait for the end
  });
  flushStandardOutput();
  return kExitOk;
}

// Of a project: none of its files takes the place of one that is read, nor of a pipe that nobody may read.
void requirePlaceOfProject(const ExportArguments& arguments, const Model& model) {
  std::vector<fs::path> read = filesOf(arguments.network, model);
  read.insert(read.end(), {arguments.store, arguments.labels});
  const InputFiles inputs(read);
  for (const char* name : {"input.h5", "attribution.h5", "label-map.json", "project.yaml"}) {
    requirePlaceOfFile(arguments.out / name);
    requireNoInput(arguments.out / name, inputs);
  }
}

// At most, of any project: those that one method explained of a data set.
int mostPictures(const Store& store) {
  std::map<std::tuple<std::string, std::string, std::string>, int> counts;
  int most = 0;
  store.eachMap([&](const MapFacts& map) { most = std::max(most, ++counts[{map.model, map.dataset, map.method}]); });
  return most;
}

// As many as are classified together; for more rows than pictures nothing is to be prepared.
int batchOfProject(const Store& store, const ExportArguments& arguments, const Model& model) {
  const int given = arguments.network.batchGiven, asked = given > 0 ? given : arguments.virelay.batch;
  return chosenBatch(model, "gradient", std::clamp(mostPictures(store), 1, asked), 1);
}

int exportProject(const Store& store, const ExportArguments& arguments) {
  watchInterrupts();
  Console console(false);
  checkWritable(arguments.out);
  const Model model = loadModel(arguments.network, console);
  requirePlaceOfProject(arguments, model);
  VirelayOptions options = arguments.virelay;
  options.labels = chosenLabels(model, arguments.labels);
  options.layout = arguments.network.layout;
  options.threads = arguments.network.threads;
  options.batch = batchOfProject(store, arguments, model);
  options.again = [] { return !interrupted(); };
  const WritingGuard guard(arguments.out);
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

// The first of several stores is believed; whoever merges should know that there was a choice.
void noteDifferences(Console& console, const fs::path& part, const MergeDifferences& differences) {
  const auto note = [&](std::size_t count, std::string_view noun, std::string_view what) {
    if (count == 0) return;
    console.note(fmt::format("{}: {} {}{} there before with other {}, which stay", part.string(), count, noun,
                             count == 1 ? " was" : "s were", what));
  };
  note(differences.models, "network", "hashes, preprocessing or input shapes");
  note(differences.pictures, "picture", "classes, labels, probabilities or kept pictures");
  note(differences.maps, "heatmap", "values");
  note(differences.results, "result", "scores or curves");
}

// What is wrong with a store that is to be merged is said before anything is written. Maps and results one by one, as
// memory need not hold them all. False: interrupted.
bool isReadable(const fs::path& path) {
  const Store store = Store::open(path, Store::Access::Read);
  const auto goOn = [] {
    if (interrupted()) throw Error(ErrorCode::Cancelled, "merge", "stopped");
  };
  try {
    store.pictures();
    store.eachMap([&](const MapFacts&) { goOn(); }, true);
    store.each([&](const Result&, const Provenance&) { goOn(); });
  } catch (const Error& error) {
    if (error.code() != ErrorCode::Cancelled) throw;
  }
  return !interrupted();
}

int runMerge(const StoreArguments& arguments) {
  watchInterrupts();
  Console console(false);
  for (const fs::path& part : arguments.parts)
    if (interrupted() || !isReadable(part)) return kExitInterrupted;
  Store whole = Store::open(arguments.out, Store::Access::Write);
  for (const fs::path& part : arguments.parts) {
    if (interrupted()) return kExitInterrupted;
    noteDifferences(console, part, whole.merge(Store::open(part, Store::Access::Read)));
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
  app.add_option("-o,--out", arguments.out, "the folder of the project")->type_name("FOLDER");
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
      ->type_name("FILE");
  app->footer(kMergeExamples);
  return {app, [arguments] { return runMerge(*arguments); }};
}

}  // namespace relprop::cli

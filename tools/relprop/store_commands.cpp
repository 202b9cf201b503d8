// What reads stores: report, export and merge.
#include <fmt/format.h>

#include <iostream>

#include "commands.h"
#include "console.h"
#include "interrupt.h"
#include "relprop/error.h"
#include "relprop/report.h"
#include "relprop/store.h"

namespace relprop::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kReportExamples = R"(Examples:
  relprop report runs.db -o report/        # open report/index.html in a browser
  relprop report runs.db --markdown > tables.md
  relprop report runs.db --beside papers.json -o report/)";
constexpr const char* kExportExamples = R"(Examples:
  relprop export runs.db --csv > scores.csv
  relprop export runs.db --json > results.json)";
constexpr const char* kMergeExamples = R"(Examples:
  relprop merge part0.db part1.db part2.db -o runs.db)";

struct StoreArguments {
  fs::path store, out;
  std::vector<fs::path> parts;
  ReportOptions report;
  fs::path beside;
  bool markdown = false, csv = false, json = false;
};

int runReport(StoreArguments& arguments) {
  watchInterrupts();
  Console console(false);
  if (!arguments.beside.empty()) arguments.report.beside = readPublishedFigures(arguments.beside);
  const Store store = Store::open(arguments.store, Store::Access::Read);
  if (arguments.markdown) {
    const std::string text = markdownReport(store, arguments.report);
    if (arguments.out.empty())
      console.lines(text);
    else
      writeFile(arguments.out, text);
  } else {
    const WritingGuard guard;
    writeReport(store, arguments.out, arguments.report);
    console.result((arguments.out / "index.html").string());
  }
  flushStandardOutput();
  return kExitOk;
}

int runExport(const StoreArguments& arguments) {
  const Store store = Store::open(arguments.store, Store::Access::Read);
  exportStore(store, arguments.json ? "json" : "csv", [](const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    if (std::ferror(stdout)) flushStandardOutput();  // throws; a full disk need not wait for the end
  });
  flushStandardOutput();
  return kExitOk;
}

int runMerge(const StoreArguments& arguments) {
  watchInterrupts();
  Console console(false);
  // Before anything is written; one at a time, as an open store takes memory.
  for (const fs::path& part : arguments.parts) Store::open(part, Store::Access::Read);
  Store whole = Store::open(arguments.out, Store::Access::Write);
  for (const fs::path& part : arguments.parts) {
    if (interrupted()) return kExitInterrupted;
    whole.merge(Store::open(part, Store::Access::Read));
  }
  console.result(fmt::format("{}: {} results", arguments.out.string(), whole.resultCount()));
  flushStandardOutput();
  return kExitOk;
}

}  // namespace

Command addReport(CLI::App& root) {
  CLI::App* app = root.add_subcommand("report", "tables, curves and a gallery from a store of results");
  auto arguments = std::make_shared<StoreArguments>();
  app->add_option("store", arguments->store, "what relprop evaluate wrote")->required()->type_name("STORE");
  app->add_option("-o,--out", arguments->out, "the folder to write (with --markdown a file)")->type_name("PATH");
  app->add_flag("--markdown", arguments->markdown, "the tables as Markdown, to standard output without --out");
  app->add_option("--gallery", arguments->report.gallery, "at most so many pictures (default 200)")->type_name("N");
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
  CLI::App* app = root.add_subcommand("export", "write a store's scores as CSV or JSON to standard output");
  auto arguments = std::make_shared<StoreArguments>();
  app->add_option("store", arguments->store, "what relprop evaluate wrote")->required()->type_name("STORE");
  CLI::Option* csv = app->add_flag("--csv", arguments->csv, "one line a score (default)");
  app->add_flag("--json", arguments->json, "one object a result, with curves and provenance")->excludes(csv);
  app->footer(kExportExamples);
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

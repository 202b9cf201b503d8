// relprop tune: how each layer of a network is computed fastest on this machine.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "console.h"
#include "interrupt.h"
#include "network_options.h"
#include "paths.h"
#include "relprop/error.h"
#include "relprop/image.h"
#include "table.h"
#include "whole_number.h"

namespace relprop::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTuneExamples = R"(Examples:
  relprop tune resnet50.onnx -o resnet50.tuning.json
  relprop explain resnet50.onnx dog.jpg --method rap --tuning resnet50.tuning.json

Nothing else should run meanwhile. The file holds for this processor, number of threads and
version of oneDNN; results name it. Without one, a model of costs that is built in decides,
the same way on every machine with these instructions.)";

struct TuneArguments {
  NetworkOptions network;
  fs::path out;
  int rounds = 7;
  bool quiet = false;
};

std::string milliseconds(const std::map<std::string, double>& seconds, const char* way) {
  const auto found = seconds.find(way);
  return found == seconds.end() ? "-" : fmt::format("{:.3f}", found->second * 1e3);
}

void print(Console& console, const TuneReport& report) {
  std::vector<std::vector<std::string>> rows = {{"layer", "direct", "F(2×2)", "F(4×4)", "fastest", "built in"}};
  for (const TunedLayer& l : report.layers)
    rows.push_back({l.layer, milliseconds(l.seconds, "direct"), milliseconds(l.seconds, "F(2×2)"),
                    milliseconds(l.seconds, "F(4×4)"), l.fastest, l.builtIn});
  console.heading("Layers that can be computed in several ways, milliseconds");
  printTable(console, rows);
  rows = {{"images together", "ms an image"}};
  for (const auto& [batch, seconds] : report.batches)
    rows.push_back({std::to_string(batch), fmt::format("{:.2f}", seconds * 1e3)});
  console.heading("Forward passes");
  printTable(console, rows);
}

int runTune(const TuneArguments& arguments) {
  watchInterrupts();
  requireModelName(arguments.network.model);
  requirePlaceOfText(arguments.out);
  Console console(arguments.quiet);
  const Model model = loadModel(arguments.network, console);
  requireNoInput(arguments.out, InputFiles(filesOf(arguments.network, model)));
  TuneOptions options;
  options.layout = arguments.network.layout;
  options.inputShape = chooseShape(model, arguments.network, chosenPreprocess(model, arguments.network));
  options.threads = arguments.network.threads;
  options.rounds = arguments.rounds;
  options.progress = [&](std::size_t done, std::size_t total) {
    console.progress(static_cast<double>(done) / static_cast<double>(total), fmt::format("layer {}/{}", done, total));
    return !interrupted();
  };
  const TuneReport report = tune(model, options);
  print(console, report);
  {
    const WritingGuard guard(arguments.out);
    writeFile(arguments.out, toJson(report.tuning));
  }
  console.result(fmt::format("{}: {} layers, batches of {}, named {}", arguments.out.string(),
                             report.tuning.layers.size(), report.tuning.batch, nameOf(report.tuning)));
  flushStandardOutput();
  return kExitOk;
}

}  // namespace

Command addTune(CLI::App& root) {
  CLI::App* app = root.add_subcommand("tune", "measure how each layer is computed fastest on this machine");
  auto arguments = std::make_shared<TuneArguments>();
  addModelOptions(*app, arguments->network);
  removeOptions(*app, {"--batch", "--reference"});
  app->add_option("-o,--out", arguments->out, "the file to write")->required()->type_name("FILE");
  addWholeNumber(*app, "--rounds", arguments->rounds, "how often each way is measured (default 7)", 1, 100000);
  app->add_flag("-q,--quiet", arguments->quiet, "nothing on standard error but errors");
  app->footer(kTuneExamples);
  return {app, [arguments] { return runTune(*arguments); }};
}

}  // namespace relprop::cli

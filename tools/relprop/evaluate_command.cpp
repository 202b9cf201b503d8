#include <fmt/format.h>

#include <charconv>

#include "commands.h"
#include "evaluate_run.h"
#include "relprop/dataset.h"
#include "whole_number.h"

namespace relprop::cli {
namespace {

constexpr const char* kEvaluateExamples = R"(Examples:
  relprop evaluate resnet50.onnx --data imagenet:ILSVRC --methods rap,gradient --store runs.db
  relprop evaluate resnet50.onnx --data voc:VOC2012 --target predicted --methods all \
      --metrics pixel-accuracy,miou,pointing-game --store runs.db --keep
  relprop evaluate resnet50.onnx --data imagenet:ILSVRC --methods rap \
      --metrics id-score:profile=lrp-resnet,negative-perturbation --only-correct --store runs.db
  mpirun -n 8 relprop evaluate resnet50.onnx --data imagenet:ILSVRC --methods all --store runs.db
  relprop evaluate resnet50.onnx --data imagenet:ILSVRC --shard $SLURM_ARRAY_TASK_ID/8 --store part$SLURM_ARRAY_TASK_ID.db
  relprop report runs.db -o report/

Results are written as they come; the same command goes on where it was stopped, and more
methods, metrics or pictures add to what is there. relprop metrics lists the metrics.)";

std::string dataHelp() {
  std::string text = "the data set, KIND:PATH;";
  for (const DatasetKind& kind : datasetKinds()) text += fmt::format(" {}: {};", kind.name, kind.layout);
  text.back() = '.';
  return text;
}

// "2/8": the third of eight parts.
Shard parseShard(const std::string& text) {
  Shard shard;
  const char *at = text.data(), *end = at + text.size();
  const auto [slash, first] = std::from_chars(at, end, shard.index);
  const bool separated = first == std::errc() && slash != end && *slash == '/';
  const auto [last, second] = separated ? std::from_chars(slash + 1, end, shard.count) : std::from_chars_result{at, {}};
  if (!separated || second != std::errc() || last != end || shard.index >= shard.count)
    throw CLI::ValidationError("--shard", "'" + text + "' is no part; expected I/N with I from 0 to N-1, e.g. 0/8");
  return shard;
}

void addDataOptions(CLI::App& app, EvaluateArguments& arguments) {
  app.option_defaults()->group("Data");
  app.add_option("--data", arguments.data, dataHelp())->required()->type_name("KIND:PATH");
  addLabelsOption(app, arguments.labels);
  app.add_option("--target", arguments.target, "the class to explain: true (default), or predicted by the network")
      ->check(CLI::IsMember({"true", "predicted"}));
  app.add_flag("--only-correct", arguments.onlyCorrect, "leave out pictures that are not classified correctly");
  addWholeNumber(app, "--limit", arguments.limit, "only the first N pictures; 0, the default: all");
  app.add_option_function<std::string>(
         "--shard", [&arguments](const std::string& text) { arguments.shard = parseShard(text); },
         "only part I of N, counted from 0; relprop merge joins the stores")
      ->type_name("I/N");
}

void addResultOptions(CLI::App& app, EvaluateArguments& arguments) {
  app.option_defaults()->group("Results");
  app.add_option_function<std::vector<std::string>>(
         "--metrics",
         [&arguments](const std::vector<std::string>& lists) {
           for (const std::string& list : lists)
             for (const std::string& name : splitMethods(list)) arguments.metrics.push_back(name);
         },
         "metrics, separated by commas, NAME or NAME:key=value,… (default outside-inside)")
      ->type_name("SPEC,…")
      ->allow_extra_args(false);
  addPrecisionOption(app, "--metric-precision", arguments.metricPrecision,
                     "of the passes that metrics make, f32 (default) or bf16: part of their names in the store");
  app.add_option("--store", arguments.store, "the file of results, made when it is not there")
      ->required()
      ->type_name("FILE");
  app.add_flag("--keep", arguments.keep, "keep heatmaps and pictures in the store too, for the report's gallery");
  app.add_flag("--retry", arguments.retry,
               "measure again what was skipped; pictures that could not be read always are tried again");
  addWholeNumber(app, "--seed", arguments.seed, "of everything random (default 0)");
  app.add_flag("-q,--quiet", arguments.quiet, "say nothing but errors");
}

std::string joined(int argc, const char* const* argv) {
  std::string text;
  for (int i = 0; i < argc; ++i) text += (i == 0 ? "" : " ") + std::string(argv[i]);
  return text;
}

}  // namespace

Command addEvaluate(CLI::App& root, int argc, const char* const* argv) {
  CLI::App* app = root.add_subcommand("evaluate", "measure how good the explanations of methods are on a data set");
  auto arguments = std::make_shared<EvaluateArguments>();
  arguments->command = joined(argc, argv);
  addNetworkOptions(*app, arguments->network);
  removeOptions(*app, {"--reference"});
  addDataOptions(*app, *arguments);
  addResultOptions(*app, *arguments);
  app->footer(kEvaluateExamples);
  return {app, [arguments] { return runEvaluate(*arguments); }};
}

}  // namespace relprop::cli

#include "bench_run.h"
#include "commands.h"
#include "whole_number.h"

namespace relprop::cli {
namespace {

constexpr const char* kBenchExamples = R"(Examples:
  relprop bench resnet50.onnx
  relprop bench resnet50.onnx --methods gradient,lrp-zplus,rap --batch 1,8 --threads 1,2
  relprop bench resnet50.onnx --method rap --profile --trace rap.json
  relprop bench resnet50.onnx --method rap --fidelity photos/

Every method runs in turn with its linear layers as bare oneDNN primitives, the floor. "passes"
says how often the typical layer runs forward + backward; the floor is the bare layers' time so
many times over, and the ratio is all over floor. Threads wait as OMP_WAIT_POLICY says; unlike
the other commands this one leaves it as it is. --trace is for chrome://tracing and Perfetto.)";

// Several of each, where explain takes one.
void addLists(CLI::App& app, BenchArguments& arguments) {
  removeOptions(app, {"--batch", "--threads"});
  app.option_defaults()->group("Network");
  addWholeNumbers(app, "-b,--batch", arguments.batches, "images computed together (default 1)", 1, 4096);
  addWholeNumbers(app, "--threads", arguments.threads, "threads (default: all cores)", 1, 1024);
}

void addMeasuring(CLI::App& app, BenchArguments& arguments) {
  app.option_defaults()->group("Measuring");
  addWholeNumber(app, "--rounds", arguments.rounds, "how often everything is run (default 9)", 1, 100000);
  app.add_option("--input", arguments.input,
                 "a picture, .npy or folder to run on: a batch of N takes the first N (default: noise)")
      ->type_name("IMAGE");
  addPrecisionOption(app, "--floor-precision", arguments.floorPrecision, "what the bare layers multiply (default f32)");
  app.add_option("--fidelity", arguments.fidelity,
                 "instead of timing: how far maps in bf16 agree with those in f32 on these pictures or folders "
                 "(repeatable)")
      ->allow_extra_args(false)
      ->type_name("IMAGE");
}

void addResults(CLI::App& app, BenchArguments& arguments) {
  app.option_defaults()->group("Results");
  app.add_flag("--profile", arguments.profile, "also the steps that take longest, with their arithmetic and memory");
  app.add_option("--trace", arguments.trace, "write the steps as a timeline in Chrome's trace format")
      ->type_name("FILE.json");
  app.add_flag("--json", arguments.json, "one JSON object");
  app.add_flag("-q,--quiet", arguments.quiet, "nothing on standard error but errors");
}

// What --fidelity would leave without effect. Some have a value when they are not given, so what counts is the option.
void checkFidelity(const CLI::App& app, const BenchArguments& arguments) {
  for (const char* timing : {"--profile", "--trace", "--input", "--rounds", "--floor-precision"})
    if (app.count(timing) > 0) throw CLI::ValidationError(std::string("--fidelity times nothing: leave out ") + timing);
  if (app.count("--precision") > 0)
    throw CLI::ValidationError("--fidelity compares both precisions: leave out --precision");
  if (!arguments.batches.empty() || arguments.threads.size() > 1)
    throw CLI::ValidationError("--fidelity goes picture by picture: leave out --batch, and give one --threads");
}

}  // namespace

Command addBench(CLI::App& root) {
  CLI::App* app = root.add_subcommand("bench", "measure time and memory, beside the bare linear layers");
  auto arguments = std::make_shared<BenchArguments>();
  addNetworkOptions(*app, arguments->network);
  addLists(*app, *arguments);
  addMeasuring(*app, *arguments);
  addResults(*app, *arguments);
  app->footer(kBenchExamples);
  app->callback([app, arguments] {
    if (!arguments->fidelity.empty()) checkFidelity(*app, *arguments);
  });
  return {app, [arguments] { return runBench(*arguments); }};
}

}  // namespace relprop::cli

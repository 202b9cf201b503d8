// relprop compare: two networks that should say the same, such as one and its quantised form.
#include "commands.h"
#include "compare_run.h"
#include "whole_number.h"

namespace relprop::cli {
namespace {

constexpr const char* kCompareExamples = R"(Examples:
  relprop compare resnet50.onnx resnet50.int8.onnx dog.jpg
  relprop compare resnet50.onnx resnet50.int8.onnx photos/ --methods rap,gradient --json
  relprop compare model.onnx model.int8.onnx input.npy --method lrp-zplus --out compared

Both networks explain the class that the first one predicts. For each picture and method: do both
predict the same class, with which probability, and how far do the maps agree (Spearman's rank
correlation of the pixels). Pictures are OUT/<stem>.<method>.compare.png.
Preprocessing and labels are those of the first network.)";

// Other commands compute pictures together.
void addRows(CLI::App& app, CompareArguments& arguments) {
  removeOptions(app, {"--batch"});
  app.option_defaults()->group("Network");
  addWholeNumber(app, "-b,--batch", arguments.network.batchGiven,
                 "rows of an array, or inputs of a method of many, computed together (pictures go one by one)", 1,
                 4096);
  app.option_defaults()->group("Options");
}

}  // namespace

Command addCompare(CLI::App& root) {
  CLI::App* app = root.add_subcommand("compare", "show what quantising a network did to its decisions and maps");
  auto arguments = std::make_shared<CompareArguments>();
  addNetworkOptions(*app, arguments->network);
  addRows(*app, *arguments);
  app->add_option("other", arguments->other, "the network to compare it with, an ONNX file")
      ->required()
      ->type_name("OTHER");
  app->add_option("images", arguments->paths, "JPEG, PNG, WebP or .npy files, or folders of them")
      ->required()
      ->type_name("IMAGE");
  addLabelsOption(*app, arguments->labels);
  app->option_defaults()->group("Results");
  app->add_option("-o,--out", arguments->folder, "folder for the pictures (default out)")->type_name("DIR");
  addWholeNumber(*app, "--zoom", arguments->zoom, "every pixel becomes N×N", 1, 64);
  app->add_flag("--json", arguments->json, "one JSON object for each map on standard output, and one of all");
  app->add_flag("-q,--quiet", arguments->quiet, "say nothing but errors");
  app->footer(kCompareExamples);
  return {app, [arguments] { return runCompare(*arguments); }};
}

}  // namespace relprop::cli

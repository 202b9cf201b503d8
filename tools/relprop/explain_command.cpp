#include <algorithm>

#include "commands.h"
#include "explain_run.h"
#include "no_empty_values.h"
#include "real_number.h"
#include "whole_number.h"

namespace relprop::cli {
namespace {

constexpr const char* kExplainExamples = R"(Examples:
  relprop explain resnet50.onnx dog.jpg --method rap --labels imagenet
  relprop explain resnet50.onnx photos/ --method lrp-zplus --batch 8 --out maps
  relprop explain resnet50.onnx dog.jpg --methods all --view panel
  relprop explain resnet50.onnx dog.jpg --target top:5 --view panel --labels imagenet
  relprop explain resnet50.onnx dog.jpg --target 'golden ret' --contrast tabby --labels imagenet
  relprop explain resnet50.onnx dog.jpg --from layer4.1.out:37
  relprop explain resnet50.onnx dog.jpg --layers
  relprop explain resnet50.onnx dog.jpg --method gradient --noise 0.1 --samples 20 --abs
  relprop explain resnet50.onnx dog.jpg --rule 'layer4.*=gamma:0.5' --require-conservation 1e-3
  relprop explain model.onnx input.npy --method lrp-gamma:gamma=0.5 --save npy,json --json

Results are OUT/<stem>.<method>.<ext>; pictures of several targets OUT/<stem>.<method>.<target>.png.
Preprocessing and labels are read from MODEL.preprocess.json and MODEL.labels.txt beside the model
when not given. A panel of several methods is OUT/<stem>.panel.png.)";

void chooseKinds(OutputOptions& output, const std::vector<std::string>& kinds) {
  const auto asked = [&](const char* kind) { return std::find(kinds.begin(), kinds.end(), kind) != kinds.end(); };
  output.png = asked("png");
  output.npy = asked("npy");
  output.json = asked("json");
  if (asked("none") && (output.png || output.npy || output.json))
    throw CLI::ValidationError("--save", "none goes with no other kind");
}

void addResultOptions(CLI::App& app, ExplainArguments& arguments) {
  OutputOptions& output = arguments.output;
  app.add_option_function<std::string>(
         "--view", [&output](const std::string& name) { output.view = viewFromName(name); },
         "heat (default), overlay on the photo, split into positive and negative, or panel: all of them, or one "
         "picture "
         "for each of several methods or targets")
      ->check(CLI::IsMember({"heat", "overlay", "split", "panel"}));
  app.add_option("--percentile", output.percentile, "magnitudes above this percentile saturate (default 100)")
      ->check(realNumber([](double p) { return p >= 0.001 && p <= 100; }, "from 0.001 to 100"))
      ->type_name("P");
  addWholeNumber(app, "--zoom", output.zoom, "every pixel becomes N×N", 1, 64);
  const auto takeKinds = [&output](const std::vector<std::string>& kinds) { chooseKinds(output, kinds); };
  addListOption(app, "--save", takeKinds, "kinds of files, separated by commas: png (default), npy, json, or none",
                CLI::IsMember({"png", "npy", "json", "none"}));
  app.add_flag("--layers", output.layers,
               "a strip of relevance at inner layers too: those of --at, else one for each size of feature maps");
  app.add_option("-o,--out", output.folder, "folder for the results (default out)")->type_name("DIR");
}

// Options that nothing of what is asked for would show.
void checkResultOptions(const CLI::App& app, const ExplainArguments& arguments) {
  const OutputOptions& output = arguments.output;
  if (output.layers && !output.png)
    throw CLI::ValidationError("--layers draws a picture, and --save leaves pictures out");
  for (const char* name : {"--view", "--percentile", "--zoom"}) {
    const auto given = [name](const CLI::Option* option) { return option->check_name(name) && option->count() > 0; };
    if (!output.png && !app.get_options(given).empty())
      throw CLI::ValidationError(name, "is about pictures, and --save leaves pictures out");
  }
  if (!arguments.target.at.empty() && !output.png && !output.npy && !output.json && !arguments.json)
    throw CLI::ValidationError("--at", "is about results, and --save leaves all of them out");
}

void check(const CLI::App& app, const ExplainArguments& arguments) {
  checkTargetOptions(arguments.target);
  checkResultOptions(app, arguments);
}

}  // namespace

Command addExplain(CLI::App& root) {
  CLI::App* app = root.add_subcommand("explain", "show which pixels a decision rests on");
  auto arguments = std::make_shared<ExplainArguments>();
  addNetworkOptions(*app, arguments->network);
  app->add_option("images", arguments->paths, "JPEG, PNG, WebP or .npy files, or folders of them")
      ->required()
      ->type_name("IMAGE");
  app->option_defaults()->group("What is explained");
  addQuestionOptions(*app, arguments->target);
  addLayerOptions(*app, arguments->target);
  addLabelsOption(*app, arguments->labels);
  app->option_defaults()->group("Results");
  addResultOptions(*app, *arguments);
  app->add_option("--require-conservation", arguments->requireConservation,
                  "fail where the relevance of the input differs from what was put in by more than this share")
      ->check(realNumber([](double share) { return share > 0 && share <= 1e6; }, "above 0, at most 1e6"))
      ->type_name("SHARE");
  app->add_flag("--json", arguments->json, "one JSON object for each map on standard output");
  app->add_flag("-q,--quiet", arguments->quiet, "say nothing but errors");
  app->footer(kExplainExamples);
  app->callback([app, arguments] { check(*app, *arguments); });
  return {app, [arguments] { return runExplain(*arguments); }};
}

}  // namespace relprop::cli

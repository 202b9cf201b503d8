#include <algorithm>

#include "commands.h"
#include "explain_run.h"

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

Results are OUT/<stem>.<method>.<ext>, or OUT/<stem>.<method>.<target>.<ext> of several targets.
Preprocessing and labels are read from MODEL.preprocess.json and MODEL.labels.txt beside the model
when not given. A panel of several methods is OUT/<stem>.panel.png.)";

void addResultOptions(CLI::App& app, ExplainArguments& arguments) {
  OutputOptions& output = arguments.output;
  app.add_option_function<std::string>(
         "--view", [&output](const std::string& name) { output.view = viewFromName(name); },
         "heat (default), overlay on the photo, split into positive and negative, or panel: all of them, or one "
         "picture "
         "for each of several methods or targets")
      ->check(CLI::IsMember({"heat", "overlay", "split", "panel"}));
  app.add_option("--percentile", output.percentile, "magnitudes above this percentile saturate (default 100)")
      ->check(CLI::Range(0.001, 100.0))
      ->type_name("P");
  app.add_option("--zoom", output.zoom, "every pixel becomes N×N")->check(CLI::Range(1, 64))->type_name("N");
  app.add_option_function<std::vector<std::string>>(
         "--save",
         [&output](const std::vector<std::string>& kinds) {
           auto asked = [&](const char* kind) { return std::find(kinds.begin(), kinds.end(), kind) != kinds.end(); };
           output.png = asked("png");
           output.npy = asked("npy");
           output.json = asked("json");
         },
         "kinds of files, separated by commas: png (default), npy, json, or none")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"png", "npy", "json", "none"}));
  app.add_flag("--layers", output.layers,
               "a strip of relevance at inner layers too: those of --at, else one for each size of feature maps");
  app.add_option("-o,--out", output.folder, "folder for the results (default out)")->type_name("DIR");
}

void check(const ExplainArguments& arguments) {
  checkTargetOptions(arguments.target);
  if (arguments.output.layers && !arguments.output.png)
    throw CLI::ValidationError("--layers draws a picture, and --save leaves pictures out");
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
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("SHARE");
  app->add_flag("--json", arguments->json, "one JSON object for each map on standard output");
  app->add_flag("-q,--quiet", arguments->quiet, "say nothing but errors");
  app->footer(kExplainExamples);
  app->callback([arguments] { check(*arguments); });
  return {app, [arguments] { return runExplain(*arguments); }};
}

}  // namespace relprop::cli

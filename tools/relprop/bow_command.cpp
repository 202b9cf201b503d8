// relprop bow: bags of visual words, trained, imported and shown.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <memory>
#include <sstream>

#include "bow_run.h"
#include "commands.h"
#include "method_choice.h"
#include "no_empty_values.h"
#include "real_number.h"
#include "relprop/dataset.h"
#include "whole_number.h"

namespace relprop::cli {
namespace {

constexpr const char* kBowExamples = R"(Examples:
  relprop bow train voc:VOC2012 -o voc.bow --folds 5
  relprop bow words voc.bow -o words/
  relprop bow import svm.model --vocabulary words.npy -o svm.bow
  relprop explain voc.bow photo.jpg

relprop bow train --help and so on tell more of each.)";

constexpr const char* kBowTrainExamples = R"(Examples:
  relprop bow train voc:VOC2012 -o voc.bow --folds 5
  relprop bow train folder:birds -o birds.bow --kernel chi2,intersection --align --tiles 1x1,2x2,3x1
  relprop bow train folder:birds -o birds.bow --colour opponent --mapping gaussian --width 0.5 --pool max --norm l2

Ctrl-C leaves what was done so far in the folder FILE.parts; the same command goes on from there.)";

constexpr const char* kBowWordsExamples = R"(Examples:
  relprop bow words voc.bow -o words/
  relprop bow words voc.bow -o words/ --data voc:VOC2012 --patches 24 --side 32)";

constexpr const char* kBowImportExamples = R"(Examples:
  relprop bow import svm.model --vocabulary words.npy -o svm.bow --names cat,dog
  relprop bow import svm.model --vocabulary words.npy --kernel chi2:gamma=2 --histograms train.npy -o svm.bow)";

double numberOf(const std::string& option, const std::string& text) {
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    throw CLI::ValidationError(option, "'" + text + "' is no number");
  return value;
}

// 0 stands for none in the library, which would name a gamma that nobody gave, or choose one where 0 was given. `open`:
// there are photos to choose one from. What else is wrong with kernels the library says.
void checkGamma(const BowKernel& kernel, const std::string& text, bool hasGamma, bool open) {
  const auto refuse = [&text](const std::string& why) {
    throw CLI::ValidationError("--kernel", fmt::format("'{}' has {}", text, why));
  };
  const bool taken = kernel.name == "chi2" || kernel.name == "rbf";
  if (!taken && hasGamma && kernel.gamma == 0) refuse("a gamma, which is of chi2 and rbf; leave it out");
  if (!taken) return;
  if (!hasGamma && !open)
    refuse(fmt::format("no gamma; expected that of the training, as in {}:gamma=0.5", kernel.name));
  if (hasGamma && kernel.gamma == 0)
    refuse(open ? "a gamma of 0; without one, training chooses it" : "a gamma of 0; expected that of the training");
}

// "chi2:gamma=2,beta=0.5"
BowKernel kernelOf(const std::string& text, bool gammaOpen) {
  if (text.ends_with(':'))
    throw CLI::ValidationError("--kernel", "'" + text + "' has nothing behind the colon; expected gamma=… or beta=…");
  const std::size_t colon = text.find(':');
  BowKernel kernel{.name = text.substr(0, colon)};
  bool hasGamma = false;
  std::istringstream rest(colon == std::string::npos ? "" : text.substr(colon + 1));
  for (std::string part; std::getline(rest, part, ',');) {
    const std::size_t equals = part.find('=');
    const std::string key = part.substr(0, equals);
    if (equals == std::string::npos || (key != "gamma" && key != "beta"))
      throw CLI::ValidationError("--kernel", "'" + part + "' is neither gamma=… nor beta=…");
    (key == "gamma" ? kernel.gamma : kernel.beta) = numberOf("--kernel", part.substr(equals + 1));
    hasGamma = hasGamma || key == "gamma";
  }
  checkGamma(kernel, text, hasGamma, gammaOpen);
  return kernel;
}

void addKernelOption(CLI::App& app, std::vector<BowKernel>& kernels, const std::string& text, bool gammaOpen) {
  app.add_option_function<std::string>(
         "--kernel",
         [&kernels, gammaOpen](const std::string& list) {
           kernels.clear();
           for (const std::string& one : splitMethods(list)) kernels.push_back(kernelOf(one, gammaOpen));
         },
         text)
      ->check(emptyValueIn)
      ->type_name("NAME[:gamma=G,beta=B],…");
}

CLI::Option* addOut(CLI::App& app, std::filesystem::path& out, const std::string& text) {
  return app.add_option("-o,--out", out, text)->required();
}

// "2x2": rows × columns.
std::array<int, 2> tilesOf(const std::string& text) {
  std::array<int, 2> grid{};
  const char *at = text.data(), *end = at + text.size();
  const auto [cross, first] = std::from_chars(at, end, grid[0]);
  const bool separated = first == std::errc() && cross != end && *cross == 'x';
  const auto [last, second] = separated ? std::from_chars(cross + 1, end, grid[1]) : std::from_chars_result{at, {}};
  if (!separated || second != std::errc() || last != end)
    throw CLI::ValidationError("--tiles", "'" + text + "' is no grid; expected ROWSxCOLUMNS, e.g. 2x2");
  return grid;
}

void addFeatureOptions(CLI::App& app, BowSettings& s) {
  app.option_defaults()->group("Features");
  app.add_option_function<int>(
         "--size", [&s](int side) { s.preprocess = BowSettings::warped(side); },
         "photos are resized to N×N pixels (default 256)")
      ->transform(wholeNumber<int>(8, 4096))
      ->type_name("N");
  app.add_option("--colour", s.colour, "grey (default), rgb or opponent: a descriptor a channel");
  CLI::Option* step = addWholeNumber(app, "--step", s.step, "of the grid, in pixels (default 6)");
  CLI::Option* patches =
      addWholeNumbers(app, "--patches", s.patches, "sides of the patches, in pixels (default 16,24,32)");
  app.add_flag_callback(
      "--no-root", [&s] { s.root = false; }, "SIFT as it is, not RootSIFT");
  const auto most = [&](const std::string& places, const std::string& text) {
    const auto choose = [&s, places](int count) { s.places = places, s.keypoints = count; };
    CLI::Option* option = app.add_option_function<int>("--" + places, choose, text)->type_name("N");
    return option->transform(wholeNumber<int>(1))->excludes(step)->excludes(patches);
  };
  CLI::Option* keypoints = most("keypoints", "at the N strongest keypoints of SIFT instead of a grid");
  most("regions", "outlines of the N largest regions that stand out, in the channels of --colour, instead of a grid")
      ->excludes(keypoints);
}

// An option of one mapping beside another would change nothing.
void requireMapping(const CLI::App& app, const std::string& mapping) {
  const std::pair<const char*, std::vector<std::string>> own[] = {
      {"--nearest", {"rank", "gaussian"}}, {"--base", {"rank"}}, {"--width", {"gaussian"}}};
  for (const auto& [option, mappings] : own)
    if (app.count(option) > 0 && std::find(mappings.begin(), mappings.end(), mapping) == mappings.end())
      throw CLI::ValidationError(option, fmt::format("is of --mapping {}", fmt::join(mappings, " or ")));
}

void addHistogramOptions(CLI::App& app, BowSettings& s) {
  app.option_defaults()->group("Histograms");
  app.add_option("--mapping", s.mapping, "of features to words: rank (default), hard or gaussian");
  addWholeNumber(app, "--nearest", s.nearest, "words that a feature is mapped to (default 8, or all of fewer)");
  app.add_option("--base", s.base, "of rank: the word of rank r gets base^-r (default 2.4)")
      ->check(realNumber())
      ->type_name("B");
  app.add_option("--width", s.width, "of gaussian, in units of the sample's distances to its words (default 1)")
      ->check(realNumber())
      ->type_name("W");
  app.add_option_function<std::string>(
         "--pool",
         [&s](const std::string& text) {
           s.power = text == "max" ? std::numeric_limits<double>::infinity() : numberOf("--pool", text);
         },
         "p of the mean over features: 1 (default), 2, …, or max")
      ->type_name("P");
  const auto takeTiles = [&s](const std::vector<std::string>& grids) {
    s.tiles.clear();
    for (const std::string& grid : grids) s.tiles.push_back(tilesOf(grid));
  };
  addListOption(app, "--tiles", takeTiles, "a histogram for each tile of each grid, ROWSxCOLUMNS (default 1x1)")
      ->type_name("RxC,…");
  app.add_option("--norm", s.norm, "of the histogram: l1 (default), l2 or none");
  app.callback([&app, &s] { requireMapping(app, s.mapping); });
}

std::string bowDataHelp() {
  std::string text = "the data set, KIND:PATH;";
  for (const DatasetKind& kind : datasetKinds()) text += fmt::format(" {}: {};", kind.name, kind.layout);
  text.back() = '.';
  return text;
}

void addTrainOptions(CLI::App& app, BowTrainArguments& arguments) {
  BowOptions& o = arguments.options;
  app.add_option("data", arguments.data, bowDataHelp())->required()->type_name("KIND:PATH");
  addOut(app, arguments.out, "the file for the bag")->type_name("FILE");
  addWholeNumber(app, "--min-photos", arguments.leastPhotos, "classes with fewer photos are left out (default 5)", 1);
  addWholeNumber(app, "--words", o.words, "visual words (default 512)");
  addWholeNumber(app, "--sample", o.sample, "features that words are made of (default 200000)");
  addWholeNumber(app, "--folds", o.folds, "measure by N-fold cross-validation");
  addWholeNumber(app, "--seed", o.seed, "of everything random (default 0)");
  addWholeNumber(app, "--threads", o.threads, "photos looked at together (default: as many as there are cores)", 1);
  app.add_flag("-q,--quiet", arguments.quiet, "say nothing but errors");
  addFeatureOptions(app, o.settings);
  addHistogramOptions(app, o.settings);
  app.option_defaults()->group("Classifier");
  addKernelOption(app, o.kernels,
                  "linear, intersection, hellinger, chi2-additive, chi2 (default) or rbf; several are added up", true);
  app.add_flag("--align", o.align, "weigh several kernels by how well they go with the classes");
  const auto takeC = [&o](const std::vector<std::string>& numbers) {
    o.c.clear();
    for (const std::string& number : numbers) o.c.push_back(numberOf("--C", number));
  };
  addListOption(app, "--C", takeC, "tried in cross-validation (default 0.1,1,10,100)")->type_name("C,…");
}

Command addBowTrain(CLI::App& bow) {
  CLI::App* app = bow.add_subcommand("train", "train a bag of visual words on a data set");
  auto arguments = std::make_shared<BowTrainArguments>();
  addTrainOptions(*app, *arguments);
  app->footer(kBowTrainExamples);
  return {app, [arguments] { return runBowTrain(*arguments); }};
}

Command addBowWords(CLI::App& bow) {
  CLI::App* app = bow.add_subcommand("words", "show the patches that are nearest to each visual word");
  auto arguments = std::make_shared<BowWordsArguments>();
  app->add_option("bag", arguments->bag, "what relprop bow train wrote")->required()->type_name("FILE");
  addOut(*app, arguments->out, "the folder for the sheets")->type_name("DIR");
  app->add_option("--data", arguments->data, "where patches are taken from (default: what the bag was trained on)")
      ->type_name("KIND:PATH");
  addWholeNumber(*app, "--patches", arguments->options.patches, "of each word, one a photo (default 12)");
  addWholeNumber(*app, "--side", arguments->options.side, "of a patch on the sheet, in pixels (default 48)");
  app->add_flag("-q,--quiet", arguments->quiet, "say nothing but errors");
  app->footer(kBowWordsExamples);
  return {app, [arguments] { return runBowWords(*arguments); }};
}

Command addBowImport(CLI::App& bow) {
  CLI::App* app = bow.add_subcommand("import", "make a bag of a LIBSVM model and a vocabulary");
  auto arguments = std::make_shared<BowImportArguments>();
  BowImport& import = arguments->import;
  app->add_option("model", import.model, "what svm-train wrote: c_svc of two classes, linear, rbf or precomputed")
      ->required()
      ->type_name("FILE");
  app->add_option("--vocabulary", import.vocabulary, "words × length of a descriptor, .npy")
      ->required()
      ->type_name("FILE");
  addOut(*app, arguments->out, "the file for the bag")->type_name("FILE");
  const auto takeNames = [&import](const std::vector<std::string>& names) { import.classNames = names; };
  addListOption(*app, "--names", takeNames, "of the classes, in the order of the model's labels")->type_name("A,B");
  app->add_option("--histograms", import.histograms, "of the photos that a precomputed model was trained on, .npy")
      ->type_name("FILE");
  addKernelOption(*app, import.kernels, "that a precomputed model was trained with", false);
  app->add_option("--scale", import.scale, "of the vocabulary, which --width is a multiple of (default 1)")
      ->check(realNumber())
      ->type_name("S");
  app->add_flag("-q,--quiet", arguments->quiet, "say nothing but errors");
  addFeatureOptions(*app, import.settings);
  addHistogramOptions(*app, import.settings);
  app->footer(kBowImportExamples);
  return {app, [arguments] { return runBowImport(*arguments); }};
}

}  // namespace

Command addBow(CLI::App& root) {
  CLI::App* app = root.add_subcommand("bow", "bags of visual words: train, import, show the words");
  const std::vector<Command> parts = {addBowTrain(*app), addBowWords(*app), addBowImport(*app)};
  app->require_subcommand(1);
  app->footer(kBowExamples);
  return {app, [parts] {
            const auto parsed =
                std::find_if(parts.begin(), parts.end(), [](const Command& c) { return c.app->parsed(); });
            return parsed->run();
          }};
}

}  // namespace relprop::cli

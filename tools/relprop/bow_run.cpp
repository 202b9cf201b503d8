#include "bow_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <system_error>

#include "bow_data.h"
#include "commands.h"
#include "console.h"
#include "interrupt.h"
#include "paths.h"
#include "relprop/error.h"
#include "relprop/explain.h"
#include "table.h"

namespace relprop::cli {
namespace {

namespace fs = std::filesystem;

void prepareOut(const fs::path& out, const std::vector<fs::path>& inputs) {
  requirePlaceOfFile(out);
  requireNoInput(out, InputFiles(inputs));
  makeFolder(folderOf(out));
}

// Of KIND:PATH, where it is a file.
fs::path fileOfData(const std::string& spec) {
  return spec.substr(spec.find(':') + 1);
}

Dataset openData(const std::string& spec, Console& console) {
  Dataset data = Dataset::open(spec);
  for (const std::string& note : data.notes()) console.note(note);
  return data;
}

// ---- train
class BowTrainRun {
 public:
  explicit BowTrainRun(const BowTrainArguments& arguments) : arguments_(arguments), console_(arguments.quiet) {
    parts_ = arguments.out;
    parts_ += ".parts";
  }
  int execute();

 private:
  BowOptions options();
  bool progress(const BowProgress& progress);
  void show(const BowResult& result);

  const BowTrainArguments& arguments_;
  Console console_;
  fs::path parts_;
  std::optional<WritingGuard> writing_;
};

BowOptions BowTrainRun::options() {
  BowOptions options = arguments_.options;
  options.about = {{"data", arguments_.data}, {"relprop", version()}};
  options.progress = [this](const BowProgress& progress) { return this->progress(progress); };
  options.warn = [this](const std::string& text) { console_.warning(text); };
  return options;
}

bool BowTrainRun::progress(const BowProgress& progress) {
  if (progress.phase == "write") progress.done == 0 ? static_cast<void>(writing_.emplace()) : writing_.reset();
  const double share =
      progress.total == 0 ? 1 : static_cast<double>(progress.done) / static_cast<double>(progress.total);
  console_.progress(share, fmt::format("{} {}/{}", progress.phase, progress.done, progress.total));
  return writing_ || !interrupted();
}

void BowTrainRun::show(const BowResult& result) {
  console_.result(fmt::format("{}: {} classes, {} words, {} dimensions, {} of {} photos are support vectors",
                              arguments_.out.string(), result.classes.size(), result.words, result.dimensions,
                              result.supports, result.pictures));
  if (result.folds == 0 || arguments_.quiet) return;
  std::vector<std::vector<std::string>> rows = {{"class", "photos", "C", "AP", "chance"}};
  double chance = 0;
  for (const BowClass& one : result.classes) {
    rows.push_back({one.name, fmt::format("{}", one.pictures), fmt::format("{}", one.c),
                    fmt::format("{:.3f}", one.averagePrecision), fmt::format("{:.3f}", one.chance)});
    chance += one.chance / static_cast<double>(result.classes.size());
  }
  rows.push_back({"mean", "", "", fmt::format("{:.3f}", result.meanAveragePrecision), fmt::format("{:.3f}", chance)});
  printTable(console_, rows);
  console_.result(fmt::format("accuracy {:.3f}, by {}-fold cross-validation", result.accuracy, result.folds));
}

int BowTrainRun::execute() {
  prepareOut(arguments_.out, {fileOfData(arguments_.data)});
  const Dataset data = openData(arguments_.data, console_);
  const BowPictures pictures = withoutRareClasses(bowPictures(data), arguments_.leastPhotos, console_);
  if (std::error_code ignored; fs::exists(parts_, ignored))
    console_.note(fmt::format("going on from {}", parts_.string()));
  try {
    show(trainBow(pictures, options(), arguments_.out));
  } catch (const Error& error) {
    writing_.reset();
    if (error.code() != ErrorCode::Cancelled || !interrupted()) throw;
    console_.note(fmt::format("interrupted; what was done so far is in {}, and the same command goes on from there",
                              parts_.string()));
    return kExitInterrupted;
  }
  flushStandardOutput();
  return kExitOk;
}

// ---- words
constexpr int kGap = 2, kWordsAcross = 2, kWordsDown = 16;

// The patches of a word, side by side.
Image stripOf(const BowWord& word, const BowWordOptions& options) {
  const int step = options.side + kGap;
  Image strip{options.patches * step - kGap, options.side, {}};
  strip.pixels.assign(static_cast<std::size_t>(strip.width) * static_cast<std::size_t>(strip.height) * 3, 255);
  for (std::size_t p = 0; p < word.patches.size(); ++p)
    for (int y = 0; y < options.side; ++y)
      std::copy_n(word.patches[p].image.pixels.begin() + std::ptrdiff_t{y} * options.side * 3, options.side * 3,
                  strip.pixels.begin() + (std::ptrdiff_t{y} * strip.width + static_cast<int>(p) * step) * 3);
  return strip;
}

std::string titleOf(std::size_t number, const BowWord& word) {
  return fmt::format("{}: {} features", number, word.features);
}

// Words first to last − 1, in rows.
Image sheetOf(const std::vector<BowWord>& words, std::size_t first, std::size_t last, const BowWordOptions& options) {
  std::vector<std::vector<TitledImage>> rows;
  for (std::size_t w = first; w < last; ++w) {
    if ((w - first) % kWordsAcross == 0) rows.emplace_back();
    rows.back().push_back({titleOf(w, words[w]), stripOf(words[w], options)});
  }
  return composePanel(rows);
}

std::string dataOfBag(const BowWordsArguments& arguments) {
  if (!arguments.data.empty()) return arguments.data;
  const std::map<std::string, std::string> about = bowAbout(arguments.bag);
  if (const auto found = about.find("data"); found != about.end()) return found->second;
  throw Error(ErrorCode::InvalidArgument, arguments.bag.string(), "no data set is named in it", "",
              "give one with --data");
}

std::size_t writeSheets(const BowWordsArguments& arguments, const std::vector<BowWord>& words) {
  constexpr std::size_t perSheet = kWordsAcross * kWordsDown;
  const InputFiles inputs({arguments.bag});
  std::size_t sheets = 0;
  for (std::size_t first = 0; first < words.size(); first += perSheet, ++sheets) {
    const WritingGuard guard;
    const std::size_t last = std::min(words.size(), first + perSheet);
    const fs::path sheet = arguments.out / fmt::format("words-{:05}.png", first);
    requireNoInput(sheet, inputs);
    writeFile(sheet, encodePng(sheetOf(words, first, last, arguments.options)));
  }
  return sheets;
}

}  // namespace

int runBowTrain(const BowTrainArguments& arguments) {
  watchInterrupts();
  return BowTrainRun(arguments).execute();
}

int runBowWords(const BowWordsArguments& arguments) {
  watchInterrupts();
  Console console(arguments.quiet);
  checkWritable(arguments.out);
  const Dataset data = openData(dataOfBag(arguments), console);
  BowWordOptions options = arguments.options;
  options.progress = [&](std::int64_t done, std::int64_t total) {
    console.progress(static_cast<std::size_t>(done), static_cast<std::size_t>(total), "pictures");
    return !interrupted();
  };
  options.warn = [&](const std::string& text) { console.warning(text); };
  const std::vector<BowWord> words = bowWords(arguments.bag, bowPictures(data), options);
  makeFolder(arguments.out);
  const std::size_t sheets = writeSheets(arguments, words);
  console.result(fmt::format("{}: {} words on {} sheets", arguments.out.string(), words.size(), sheets));
  flushStandardOutput();
  return kExitOk;
}

int runBowImport(const BowImportArguments& arguments) {
  watchInterrupts();
  Console console(arguments.quiet);
  prepareOut(arguments.out, {arguments.import.model, arguments.import.vocabulary, arguments.import.histograms});
  BowImport import = arguments.import;
  import.about = {{"imported", import.model.filename().string()}, { "relprop", version() }};
  const WritingGuard guard;
  importBow(import, arguments.out);
  console.result(fmt::format("{}: imported from {}", arguments.out.string(), import.model.string()));
  flushStandardOutput();
  return kExitOk;
}

}  // namespace relprop::cli

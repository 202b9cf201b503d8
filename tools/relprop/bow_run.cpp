#include "bow_run.h"

#include <fmt/format.h>
#include <unistd.h>

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

// Of KIND:PATH, where it is a file.
fs::path fileOfData(const std::string& spec) {
  return spec.substr(spec.find(':') + 1);
}

std::vector<fs::path> photosOf(const Dataset& data) {
  std::vector<fs::path> files;
  for (std::size_t i = 0; i < data.size(); ++i) files.push_back(data.file(i));
  return files;
}

bool isBag(const fs::path& file) {
  try {
    bowAbout(file);
    return true;
  } catch (const Error&) {
    return false;
  }
}

bool liesIn(const fs::path& file, const fs::path& folder) {
  std::error_code failed;
  const fs::path inside = fs::canonical(file, failed), whole = fs::canonical(folder, failed);
  return !whole.empty() && std::mismatch(whole.begin(), whole.end(), inside.begin(), inside.end()).first == whole.end();
}

// Whatever is in the folder of a data set may be a part of it, such as a list or an annotation; an earlier bag is none.
void requireNoData(const fs::path& out, const std::string& spec, const Dataset& data) {
  std::error_code ignored;
  if (!fs::is_regular_file(out, ignored)) return;
  requireNoInput(out, InputFiles(photosOf(data)));
  if (fs::is_directory(fileOfData(spec), ignored) && liesIn(out, fileOfData(spec)) && !isBag(out))
    requireNoInput(out, InputFiles({out}));
}

Dataset openData(const std::string& spec, Console& console) {
  Dataset data = Dataset::open(spec);
  for (const std::string& note : data.notes()) console.note(note);
  return data;
}

// Those above a result that have still to be made, by whomever. What is empty when this ends goes again: a command that
// failed before it had anything to write leaves no folder behind.
class NewFolders {
 public:
  explicit NewFolders(const fs::path& folder) {
    std::error_code ignored;
    for (fs::path at = fs::absolute(folder, ignored); !fs::exists(at, ignored) && at.has_relative_path();
         at = at.parent_path())
      missing_.push_back(at);
  }
  ~NewFolders() {
    for (const fs::path& folder : missing_) ::rmdir(folder.c_str());  // leaves one that holds something
  }
  NewFolders(const NewFolders&) = delete;
  NewFolders& operator=(const NewFolders&) = delete;

 private:
  std::vector<fs::path> missing_;  // the innermost first
};

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
  if (progress.phase == "write")
    progress.done == 0 ? static_cast<void>(writing_.emplace(arguments_.out)) : writing_.reset();
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
  requirePlaceOfFile(arguments_.out);
  checkWritable(parts_);
  requireNoInput(arguments_.out, InputFiles({fileOfData(arguments_.data)}));
  const Dataset data = openData(arguments_.data, console_);
  requireNoData(arguments_.out, arguments_.data, data);
  const NewFolders above(folderOf(arguments_.out));  // trainBow makes them
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

// Before the work: how many sheets there will be is not known, and a photo whose name is that of one is rare.
void requireNoSheetIsInput(const fs::path& folder, const InputFiles& inputs) {
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed))
    if (entry->path().filename().string().starts_with("words-")) requireNoInput(entry->path(), inputs);
}

std::size_t writeSheets(const BowWordsArguments& arguments, const std::vector<BowWord>& words) {
  constexpr std::size_t perSheet = kWordsAcross * kWordsDown;
  std::size_t sheets = 0;
  for (std::size_t first = 0; first < words.size(); first += perSheet, ++sheets) {
    const std::size_t last = std::min(words.size(), first + perSheet);
    const fs::path sheet = arguments.out / fmt::format("words-{:05}.png", first);
    const WritingGuard guard(sheet);
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
  std::vector<fs::path> read = photosOf(data);
  read.push_back(arguments.bag);
  requireNoSheetIsInput(arguments.out, InputFiles(read));
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
  requirePlaceOfFile(arguments.out);
  requireNoInput(arguments.out,
                 InputFiles({arguments.import.model, arguments.import.vocabulary, arguments.import.histograms}));
  const NewFolders above(folderOf(arguments.out));
  makeFolder(folderOf(arguments.out));
  BowImport import = arguments.import;
  import.about = {{"imported", import.model.filename().string()}, { "relprop", version() }};
  const WritingGuard guard(arguments.out);
  importBow(import, arguments.out);
  console.result(fmt::format("{}: imported from {}", arguments.out.string(), import.model.string()));
  flushStandardOutput();
  return kExitOk;
}

}  // namespace relprop::cli

// Training: a sample of descriptors, words, histograms, machines. Each part but the last is kept while it is made.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "bow/file.h"
#include "bow/fit.h"
#include "bow/header.h"
#include "bow/limits.h"
#include "bow/options.h"
#include "bow/part_file.h"
#include "bow/pictures.h"
#include "core/digest.h"

namespace relprop {

namespace {

namespace fs = std::filesystem;
using namespace bow;

constexpr int kFoldsOfC = 5;

// Which of a picture's features are in the sample: `share` of them, drawn for each picture by itself.
std::vector<std::size_t> drawnFeatures(std::size_t count, std::size_t share, std::uint64_t seed,
                                       const std::string& id) {
  std::vector<std::size_t> indices(count);
  std::iota(indices.begin(), indices.end(), std::size_t{0});
  if (count <= share) return indices;
  const std::string digest = digestOf(fmt::format("{} {}", seed, id));
  std::mt19937_64 random(std::stoull(digest, nullptr, 16));
  for (std::size_t i = 0; i < share; ++i) std::swap(indices[i], indices[i + random() % (count - i)]);
  indices.resize(share);
  std::sort(indices.begin(), indices.end());
  return indices;
}

class Training {
 public:
  Training(const BowPictures& pictures, const BowOptions& options, fs::path out)
      : pictures_(pictures), options_(options), out_(std::move(out)), bag_(bagOf(options.settings, options.words)) {
    parts_ = out_;
    parts_ += ".parts";
  }
  BowResult run();

 private:
  void check() const;
  void leaveNoParts() const;
  template <class Check>
  void orLeaveNoParts(const Check& check) const;
  std::string key(const std::string& more) const;
  Pass pass(const std::string& phase) const;
  void report(const char* phase, std::int64_t done, std::int64_t total) const;
  bool again(const std::string& phase, std::int64_t done, std::int64_t total) const;
  std::vector<float> sample() const;
  void takeWords();
  void findWords();
  TrainingSet histograms() const;
  TrainingSet labelled() const;
  static void requireClasses(const TrainingSet& set);
  FitOptions fitOptions(const char* phase) const;
  void describe(const TrainingSet& set);
  BowResult measured(const TrainingSet& set, const Fitted& fitted) const;

  const BowPictures& pictures_;
  const BowOptions& options_;
  fs::path out_, parts_;
  Bag bag_;
};

void Training::check() const {
  checkPictures(pictures_);
  const Place place;
  requireWithin(place, "classes", static_cast<std::int64_t>(pictures_.classNames.size()), 1, kMaxClasses);
  const std::int64_t most = kMaxArrayBytes / static_cast<std::int64_t>(sizeof(float)) / descriptorLength(bag_.features);
  requireWithin(place, "sample", options_.sample, 1, most);
  if (options_.folds != 0)
    requireWithin(place, "folds", options_.folds, 2, static_cast<std::int64_t>(pictures_.ids.size()));
  checkFitOptions(fitOptions("fit"));
  requireClasses(labelled());  // what cannot be told apart needs no features
}

void Training::leaveNoParts() const {
  std::error_code ignored;
  fs::remove_all(parts_, ignored);
}

// Pictures that gave nothing, or too few of them for their classes: parts would say so again when the files are mended,
// and stand in the way of other settings.
template <class Check>
void Training::orLeaveNoParts(const Check& check) const {
  try {
    check();
  } catch (const Error&) {
    leaveNoParts();
    throw;
  }
}

// Everything that decides what a part holds: the same key, the same bytes.
std::string Training::key(const std::string& more) const {
  Bag features;
  features.features = bag_.features;
  features.preprocess = bag_.preprocess;
  std::string text = headerText(features) + more + fmt::format(" {} {}", options_.sample, options_.seed);
  for (const std::string& id : pictures_.ids) text += '\n' + id;
  text += "\n\n" + pictures_.version;
  return digestOf(text);
}

bool Training::again(const std::string& phase, std::int64_t done, std::int64_t total) const {
  return !options_.progress || options_.progress({phase, done, total});
}

void Training::report(const char* phase, std::int64_t done, std::int64_t total) const {
  if (!again(phase, done, total)) throw Error(ErrorCode::Cancelled, phase, "stopped");
}

Pass Training::pass(const std::string& phase) const {
  return {pictures_, bag_.features, bag_.preprocess, options_.threads,
          [this, phase](std::int64_t done, std::int64_t total) { return again(phase, done, total); }};
}

std::vector<float> Training::sample() const {
  const auto count = static_cast<std::int64_t>(pictures_.ids.size());
  const auto share = static_cast<std::size_t>((options_.sample + count - 1) / count);
  const auto look = [&](std::size_t picture, const Looked& looked) {
    std::vector<float> values;
    for (const std::size_t l : drawnFeatures(looked.features.count(), share, options_.seed, pictures_.ids[picture]))
      values.insert(values.end(), looked.features.descriptor(l),
                    looked.features.descriptor(l) + looked.features.length);
    return bytesOf(values);
  };
  std::vector<float> all;
  std::string failure;
  overPicturesKept(pass("sample"), parts_ / "sample", key("sample"), look, [&](std::size_t, const Gave& gave) {
    const std::vector<float> values = valuesOf<float>(gave.bytes);
    all.insert(all.end(), values.begin(), values.end());
    if (!gave.failure.empty()) failure = gave.failure;
  });
  orLeaveNoParts([&] {
    if (all.empty()) rejectSetting({}, "pictures", "none that can be read; the last: " + failure, "at least one");
  });
  return all;
}

// The words of an earlier run, or new ones; the sample is needed no longer then.
void Training::findWords() {
  Vocabulary& vocabulary = bag_.vocabulary;
  vocabulary.length = descriptorLength(bag_.features);
  const auto values = static_cast<std::size_t>(options_.words * vocabulary.length);
  PartFile file(parts_ / "words", key(fmt::format("words {}", options_.words)), [&](PartFile::Record record) {
    const std::vector<double> numbers = valuesOf<double>(record);
    if (numbers.size() != values + 1) return;
    vocabulary.scale = numbers[0];
    vocabulary.centres.assign(numbers.begin() + 1, numbers.end());
  });
  if (vocabulary.centres.empty()) {
    const std::vector<float> descriptors = sample();
    report("words", 0, 1);
    orLeaveNoParts([&] {  // fewer words are another training
      vocabulary = cluster(descriptors, vocabulary.length, {.words = options_.words, .seed = options_.seed});
    });
    std::vector<double> numbers = {vocabulary.scale};
    numbers.insert(numbers.end(), vocabulary.centres.begin(), vocabulary.centres.end());
    file.append(bytesOf(numbers));
  }
  std::error_code ignored;
  fs::remove(parts_ / "sample", ignored);
  report("words", 1, 1);
}

TrainingSet Training::histograms() const {
  Bag settings;  // of what histograms depend on besides the words
  settings.mapping = bag_.mapping, settings.pooling = bag_.pooling;
  const std::string own = key(fmt::format("histograms {} {}", options_.words, headerText(settings)));
  TrainingSet set;
  set.dimensions = dimensions(options_.words, bag_.pooling);
  set.classes = pictures_.classNames;
  const auto look = [&](std::size_t, const Looked& looked) {
    const Mapped mapped = mapWords(looked.features, bag_.vocabulary, bag_.mapping);
    return bytesOf(
        pool({looked.features.supports, mapped, looked.height, looked.width, options_.words}, bag_.pooling).values);
  };
  overPicturesKept(pass("histograms"), parts_ / "histograms", own, look, [&](std::size_t picture, const Gave& gave) {
    if (!gave.failure.empty()) {
      if (options_.warn) options_.warn(fmt::format("left out: {}: {}", pictures_.ids[picture], gave.failure));
      return;
    }
    const std::vector<double> values = valuesOf<double>(gave.bytes);
    set.histograms.insert(set.histograms.end(), values.begin(), values.end());
    const std::vector<int>& classes = pictures_.classes[picture];
    set.labels.emplace_back(classes.begin(), classes.end());
  });
  return set;
}

// Without histograms.
TrainingSet Training::labelled() const {
  TrainingSet set;
  set.classes = pictures_.classNames;
  for (const std::vector<int>& classes : pictures_.classes) set.labels.emplace_back(classes.begin(), classes.end());
  return set;
}

void Training::requireClasses(const TrainingSet& set) {
  std::vector<std::int64_t> counts(set.classes.size());
  for (const std::vector<std::int64_t>& labels : set.labels)
    for (const std::int64_t label : labels) ++counts[static_cast<std::size_t>(label)];
  for (std::size_t k = 0; k < counts.size(); ++k)
    if (counts[k] == 0) rejectSetting({}, fmt::format("class '{}'", set.classes[k]), "no picture", "at least one");
  checkTellable(set);
}

FitOptions Training::fitOptions(const char* phase) const {
  return {.kernels = kernelsOf(options_.kernels, true),
          .align = options_.align,
          .c = options_.c,
          .folds = kFoldsOfC,
          .seed = options_.seed,
          .progress = [this, phase](std::int64_t done, std::int64_t total) { return again(phase, done, total); }};
}

// What people may want to know of the file later.
void Training::describe(const TrainingSet& set) {
  bag_.classes = pictures_.classNames;
  bag_.about = options_.about;
  bag_.about["pictures"] = fmt::format("{}", set.pictures());
  bag_.about["seed"] = fmt::format("{}", options_.seed);
  bag_.about["sample"] = fmt::format("{}", options_.sample);
}

BowResult Training::measured(const TrainingSet& set, const Fitted& fitted) const {
  BowResult result{.classes = {},
                   .pictures = set.pictures(),
                   .words = options_.words,
                   .supports = bag_.machine.supports(),
                   .dimensions = set.dimensions,
                   .folds = options_.folds};
  for (std::size_t k = 0; k < set.classes.size(); ++k)
    result.classes.push_back({set.classes[k], fitted.classes[k].positives, fitted.classes[k].c});
  if (options_.folds == 0) return result;
  const Validation validation = crossValidate(set, fitOptions("validate"), options_.folds);
  for (std::size_t k = 0; k < set.classes.size(); ++k) {
    result.classes[k].averagePrecision = validation.averagePrecision[k];
    result.classes[k].chance = static_cast<double>(result.classes[k].pictures) / static_cast<double>(set.pictures());
  }
  result.meanAveragePrecision = validation.meanAveragePrecision, result.accuracy = validation.accuracy;
  return result;
}

BowResult Training::run() {
  check();
  std::error_code failed;
  fs::create_directories(parts_, failed);
  if (failed) throw Error(ErrorCode::FileWriteFailed, parts_.string(), failed.message(), "", "write another file");
  findWords();
  const TrainingSet set = histograms();
  orLeaveNoParts([&] { requireClasses(set); });
  const Fitted fitted = fit(set, fitOptions("fit"));
  bag_.machine = fitted.machine;
  describe(set);
  const BowResult result = measured(set, fitted);
  report("write", 0, 1);
  writeBag(out_, bag_);
  again("write", 1, 1);  // too late to stop
  leaveNoParts();
  return result;
}

}  // namespace

BowResult trainBow(const BowPictures& pictures, const BowOptions& options, const fs::path& out) {
  return Training(pictures, options, out).run();
}

}  // namespace relprop

// relprop patterns: one pass over a folder of images, which may be interrupted and gone on with.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <new>
#include <nlohmann/json.hpp>
#include <system_error>

#include "commands.h"
#include "console.h"
#include "failure.h"
#include "group.h"
#include "interrupt.h"
#include "network_options.h"
#include "paths.h"
#include "real_number.h"
#include "relprop/error.h"
#include "relprop/patterns.h"

namespace relprop::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kPatternsExamples = R"(Examples:
  relprop patterns resnet50.onnx train/ -o patterns.npz
  relprop patterns resnet50.onnx train/ more/ --batch 16 -o patterns.npz

Ctrl-C leaves the sums so far in patterns.npz.part; the same command goes on from
there. A few hundred images give usable patterns, more give better ones.)";

struct PatternArguments {
  NetworkOptions network;
  std::vector<std::string> paths;
  fs::path out;
  std::string batchnorm;
  double saveEvery = 30;
  bool quiet = false;
};

// Where a saved state stands among the images, and what tells that it belongs to this run.
struct Progress {
  std::size_t next = 0;    // images before this one are done with
  std::size_t failed = 0;  // of those, how many could not be read
};

std::string megabytes(double bytes) {
  return fmt::format("{:.1f} MB", bytes / 1e6);
}

// FNV-1a, to tell lists of files apart: the same paths may be seen from another folder, or hold other pictures by now.
std::string digest(const std::vector<Input>& inputs) {
  std::uint64_t hash = 14695981039346656037u;
  for (const Input& input : inputs)
    for (const char c : fmt::format("{}\n{}\n", input.path.string(), sizeIfAny(input.path)))
      hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return fmt::format("{:016x}", hash);
}

class PatternRun {
 public:
  explicit PatternRun(const PatternArguments& arguments)
      : arguments_(arguments), network_(arguments.network), console_(arguments.quiet), part_(arguments.out) {
    part_ += ".part";
  }
  int execute();

 private:
  void prepare();
  void requireOutIsNoInput() const;
  void checkRoom() const;
  void requireFolder();
  Progress progressIn(const std::string& note) const;
  void requireFits(const Progress& noted) const;
  void resume();
  Group load(const GroupReader& reader, std::size_t first, std::size_t last);
  std::size_t endOfGroup(std::size_t first) const;
  void add(const Group& group);
  void fail(const fs::path& path, const std::string& message);
  bool save();
  void saveNowAndThen();
  void write(const Patterns& patterns);
  int finish();
  int close();

  const PatternArguments& arguments_;
  NetworkOptions network_;
  Console console_;
  fs::path part_;
  bool folderMade_ = false;  // or there before
  std::vector<Input> inputs_;
  std::optional<Model> model_;
  std::optional<Preprocess> preprocess_;
  std::optional<PatternEstimator> estimator_;
  Progress progress_;
  Clock::time_point saved_ = Clock::now();
  std::chrono::duration<double> saveTook_{0};
};

void PatternRun::requireOutIsNoInput() const {
  std::vector<fs::path> read = filesOf(network_, *model_), pictures = pathsOf(inputs_);
  read.insert(read.end(), pictures.begin(), pictures.end());
  const InputFiles inputs(read);
  for (const fs::path& written : {arguments_.out, part_}) requireNoInput(written, inputs);
}

void PatternRun::prepare() {
  requireModelName(network_.model);
  std::vector<std::string> notes;
  inputs_ = collectInputs(arguments_.paths, notes);
  for (const std::string& note : notes) console_.note(note);
  for (const fs::path& written : {arguments_.out, part_}) requirePlaceOfFile(written);
  model_ = loadModel(network_, console_);
  requireOutIsNoInput();
  preprocess_ = chosenPreprocess(*model_, network_);
  if (const int fixed = fixedBatch(*model_); fixed > 0) network_.batch = fixed;
  constexpr int kDefault = 8;
  if (network_.batch == 0) network_.batch = kDefault;
  estimator_.emplace(*model_, PatternOptions{.inputShape = chooseShape(*model_, network_, preprocess_),
                                             .layout = network_.layout,
                                             .batch = network_.batch,
                                             .threads = network_.threads,
                                             .foldBatchNorm = arguments_.batchnorm != "pass",
                                             .reference = network_.reference});
  for (const std::string& warning : estimator_->warnings()) console_.warning(warning);
  checkRoom();
  std::error_code ignored;
  folderMade_ = fs::is_directory(folderOf(arguments_.out), ignored);
}

// Not before there is something to write: where no picture could be read nothing new is left. One that is taken away
// during the run is not made again.
void PatternRun::requireFolder() {
  if (folderMade_) return;
  makeFolder(folderOf(arguments_.out));
  folderMade_ = true;
}

// An old and a new state lie side by side while the new one is written. The disk is that of the folder, or of the one
// that it is to be made in.
void PatternRun::checkRoom() const {
  std::error_code failed;
  const fs::space_info space = fs::space(existingAbove(fs::absolute(folderOf(arguments_.out), failed)), failed);
  const double needed =
      2.0 * static_cast<double>(estimator_->stateBytes()) + static_cast<double>(estimator_->patternBytes());
  std::error_code ignored;
  if (!failed && static_cast<double>(space.available) < needed && !fs::exists(part_, ignored))
    throw Error(ErrorCode::FileWriteFailed, arguments_.out.string(),
                megabytes(static_cast<double>(space.available)) + " free",
                megabytes(needed) + " for the patterns and what is kept to go on after an interruption",
                "make room on the disk, or choose another folder with --out");
}

nlohmann::json identity(const std::vector<Input>& inputs, const std::optional<Preprocess>& preprocess) {
  return {{"images", inputs.size()},
          {"list", digest(inputs)},
          {"preprocess", preprocess ? nlohmann::json::parse(toJson(*preprocess)) : nlohmann::json()}};
}

// Of the note of saved sums, whose file is `where`.
std::size_t countIn(const nlohmann::json& note, const char* key, const std::string& where) {
  const auto found = note.find(key);
  if (found == note.end() || !found->is_number_unsigned())
    throw Error(ErrorCode::MalformedTensor, where, fmt::format("no count '{}' in its note", key), "a whole number");
  return found->get<std::size_t>();
}

// What save() has noted, of these images and no others.
Progress PatternRun::progressIn(const std::string& text) const {
  const nlohmann::json note = nlohmann::json::parse(text, nullptr, false), own = identity(inputs_, preprocess_);
  if (!note.is_object())
    throw Error(ErrorCode::MalformedTensor, part_.string(), "a note that says nothing of images", "relprop's own");
  for (const auto& [key, value] : own.items())
    if (note.value(key, nlohmann::json()) != value)
      throw Error(ErrorCode::InvalidArgument, part_.string(),
                  key == "preprocess" ? "sums over images that were preprocessed in another way"
                                      : "sums over another list of images",
                  "what this command names");
  const Progress noted = {countIn(note, "next", part_.string()), countIn(note, "failed", part_.string())};
  requireFits(noted);
  return noted;
}

// A photo is one image of the sums, an array as many as it has rows.
void PatternRun::requireFits(const Progress& noted) const {
  const auto added = static_cast<std::size_t>(estimator_->images());
  if (noted.next <= inputs_.size() && noted.failed <= noted.next) {
    const auto end = inputs_.begin() + static_cast<std::ptrdiff_t>(noted.next);
    const bool photos = std::none_of(inputs_.begin(), end, [](const Input& input) { return input.tensor; });
    const std::size_t read = noted.next - noted.failed;
    if (photos ? added == read : added >= read) return;
  }
  throw Error(ErrorCode::MalformedTensor, part_.string(),
              fmt::format("sums over {} images where {} of {} are done and {} of those could not be read", added,
                          noted.next, inputs_.size(), noted.failed),
              "numbers that fit together");
}

// Goes on where an interrupted run of the same images stopped.
void PatternRun::resume() {
  if (std::error_code ignored; !fs::exists(part_, ignored)) return;
  try {
    progress_ = progressIn(estimator_->loadState(part_));
  } catch (const Error& e) {
    const bool damaged = e.code() == ErrorCode::MalformedTensor;
    throw Error(e.code(), e.where(), e.got(), e.expected(),
                fmt::format("{}give another --out, or remove {} to start again", damaged ? "the file is damaged: " : "",
                            part_.string()));
  }
  console_.note(
      fmt::format("going on from {}: {} of {} images are done", part_.string(), progress_.next, inputs_.size()));
}

// Photos are computed in batches; a tensor, whose rows are a batch of their own, by itself.
std::size_t PatternRun::endOfGroup(std::size_t first) const {
  std::size_t last = first + 1;
  if (inputs_[first].tensor) return last;
  while (last < inputs_.size() && last - first < static_cast<std::size_t>(network_.batch) && !inputs_[last].tensor)
    ++last;
  return last;
}

void PatternRun::fail(const fs::path& path, const std::string& message) {
  console_.error(failureOf(path, message));
  ++progress_.failed;
}

// The machine's shortage, not the picture's fault: patterns of some pictures would pass for those of all.
bool isShortage(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error.code() == ErrorCode::OutOfMemory;
  } catch (const std::bad_alloc&) {
    return true;
  } catch (...) {
    return false;
  }
}

Group PatternRun::load(const GroupReader& reader, std::size_t first, std::size_t last) {
  Group group;
  for (std::size_t i = first; i < last && !interrupted(); ++i) {
    try {
      reader.add(inputs_[i], group);
    } catch (...) {
      if (isShortage(std::current_exception())) throw;
      fail(inputs_[i].path, failureMessage());
    }
  }
  return group;
}

// The sums are lost when the network overflows; what was saved before stays. They are untouched by an array that is not
// finite, a group of its own: pictures are finite.
void PatternRun::add(const Group& group) {
  if (group.members.empty()) return;
  try {
    estimator_->add(group.input);
  } catch (const Error& e) {
    if (e.code() == ErrorCode::NonFiniteInput) {
      for (const Explained& member : group.members) fail(member.input->path, e.what());
      return;
    }
    if (e.code() != ErrorCode::NumericFailure) throw;
    const std::string first = group.members.front().input->path.string(),
                      last = group.members.back().input->path.string();
    throw Error(e.code(), first == last ? first : first + " to " + last, e.what(), "",
                "leave out what makes the network overflow");
  }
}

// A state that cannot be written does not end the run: the last one is still there.
bool PatternRun::save() {
  const Clock::time_point start = Clock::now();
  nlohmann::json note = identity(inputs_, preprocess_);
  note["next"] = progress_.next, note["failed"] = progress_.failed;
  try {
    requireFolder();
    const WritingGuard guard(part_);
    estimator_->saveState(part_, note.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
  } catch (...) {
    console_.warning("what was done so far cannot be kept: " + failureMessage());
    return false;
  }
  saved_ = Clock::now();
  saveTook_ = saved_ - start;
  return true;
}

// Saving large networks takes a while; at most a twentieth of the time goes into it. Pictures that could not be read
// are no sums.
void PatternRun::saveNowAndThen() {
  if (estimator_->images() == 0) return;
  const std::chrono::duration<double> since = Clock::now() - saved_;
  if (since.count() >= arguments_.saveEvery && since > 20 * saveTook_) save();
}

// When they cannot be written the pass was not in vain.
void PatternRun::write(const Patterns& patterns) {
  requireFolder();
  const WritingGuard guard(arguments_.out);
  try {
    patterns.save(arguments_.out);
  } catch (...) {
    save();
    throw;
  }
  std::error_code ignored;
  fs::remove(part_, ignored);
}

int PatternRun::finish() {
  if (estimator_->images() == 0)
    throw Error(ErrorCode::InvalidArgument, "patterns", "none of the images could be read", "at least one");
  const Patterns patterns = estimator_->finish();
  write(patterns);
  console_.result(
      fmt::format("{}: {} layers from {} images", arguments_.out.string(), patterns.nodes.size(), patterns.images));
  if (const auto without = patterns.silent + patterns.degenerate; without > 0)
    console_.note(fmt::format("{} outputs have no pattern: {} were never positive, {} did not vary where they were",
                              without, patterns.silent, patterns.degenerate));
  if (progress_.failed > 0) console_.note(fmt::format("{} images could not be read", progress_.failed));
  return progress_.failed > 0 ? kExitFailure : kExitOk;
}

int PatternRun::close() {
  if (!interrupted()) return finish();
  if (save())
    console_.note(fmt::format(
        "interrupted after {} of {} images; the sums so far are in {}, and the same command goes on from there",
        progress_.next, inputs_.size(), part_.string()));
  return kExitInterrupted;
}

int PatternRun::execute() {
  prepare();
  resume();
  const GroupReader reader(model_->path(), preprocess_, estimator_->inputShape(), model_->layout(network_.layout),
                           OutputOptions());
  while (progress_.next < inputs_.size() && !interrupted()) {
    console_.progress(progress_.next, inputs_.size(), inputs_[progress_.next].path.filename().string());
    const std::size_t last = endOfGroup(progress_.next), failedBefore = progress_.failed;
    const Group group = load(reader, progress_.next, last);
    if (interrupted()) {  // the next run reads this group whole, so that it is added as without an interruption
      progress_.failed = failedBefore;
      break;
    }
    add(group);
    progress_.next = last;
    saveNowAndThen();
  }
  const int code = close();
  flushStandardOutput();
  return code;
}

void addOwnOptions(CLI::App& app, PatternArguments& arguments) {
  app.add_option("images", arguments.paths, "JPEG, PNG, WebP or .npy files, or folders of them")
      ->required()
      ->type_name("IMAGE");
  app.add_option("-o,--out", arguments.out, "the file for the patterns (default patterns.npz)")->type_name("FILE");
  app.add_option("--batchnorm", arguments.batchnorm,
                 "fold into the convolution (default) or pass through, as in the method the patterns are for")
      ->check(CLI::IsMember({"fold", "pass"}));
  app.add_option("--save-every", arguments.saveEvery, "seconds between savings of what was done so far (default 30)")
      ->check(realNumber([](double seconds) { return seconds >= 0; }, "of 0 or more"))
      ->type_name("S");
  app.add_flag("-q,--quiet", arguments.quiet, "say nothing but errors");
}

}  // namespace

Command addPatterns(CLI::App& root) {
  CLI::App* app = root.add_subcommand("patterns", "estimate patterns for pattern-net and pattern-attribution");
  auto arguments = std::make_shared<PatternArguments>();
  arguments->out = "patterns.npz";
  addModelOptions(*app, arguments->network);
  addOwnOptions(*app, *arguments);
  app->footer(kPatternsExamples);
  return {app, [arguments] {
            watchInterrupts();
            return PatternRun(*arguments).execute();
          }};
}

}  // namespace relprop::cli

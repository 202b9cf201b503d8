#include "explain_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "commands.h"
#include "console.h"
#include "failure.h"
#include "failures.h"
#include "group.h"
#include "interrupt.h"
#include "method_set.h"
#include "paths.h"
#include "patterns_option.h"
#include "pictures.h"
#include "pipeline.h"
#include "relprop/error.h"

namespace relprop::cli {
namespace {

// An input on its way through the methods.
struct Progressed {
  std::size_t methods = 0;  // that explained it
  PanelDraft panel;
};
// Inputs first, first + 1, …; shared with the jobs that write their results.
using Chunk = std::shared_ptr<std::vector<Progressed>>;

// One thread computes, and says what goes wrong in that. `writer_` renders, writes and says what came of it, so that
// the next group is computed meanwhile; the group after that is read ahead. Whoever else has something to say waits for
// the writer first: what a run prints stands in the order of its inputs and methods.
class Run {
 public:
  explicit Run(const ExplainArguments& arguments);
  int execute();

 private:
  void readModel();
  std::vector<std::filesystem::path> filesRead(const Model& model, const std::vector<MethodChoice>& choices) const;
  void requirePlaces() const;
  MethodSet::Network network(const Model& model);
  int batchSize(const Model& model) const;
  Shape openShape(const Model& model) const;

  std::size_t endOfGroup(std::size_t first, std::size_t end) const;
  std::size_t endOfChunk(std::size_t first) const;
  void explainChunk(std::size_t first, std::size_t end);
  void explainAll(Method& method, const Chunk& chunk, std::size_t first, std::size_t end);
  ReadGroup read(std::size_t first, std::size_t end) const;
  Group& groupOf(std::size_t first, std::size_t end);
  void readAhead(std::size_t first, std::size_t chunkEnd);
  void explainGroup(Method& method, Group& group, const Chunk& chunk, std::size_t chunkFirst);
  bool explainRows(Method& method, Group& group);
  void explainOneByOne(Method& method, Group& group);
  std::vector<Explanation> chunks(Method& method, const Tensor& input);
  void deal(std::vector<Explanation> maps, Group& group);
  void requireLayers(const Method& method, const Explanation& map) const;
  bool finish(Method& method, const Explained& member);
  void save(Method& method, const Explained& member, Progressed& state);
  void report(const Method& method, const Explained& member, const std::vector<Files>& files);
  void finishInput(const Input& input, Progressed& state, std::size_t methods);
  std::string savePanel(const Input& input, const PanelDraft& panel);

  void fail(const Input& input, const std::string& message);
  void failWith(Method& method, const Input& input);
  void failResult(const Method& method, const Input& input);
  void showProgress(double share, const std::string& what);
  bool keepGoing(std::int64_t done, std::int64_t total);
  int close();

  const ExplainArguments& arguments_;
  NetworkOptions network_;
  Console console_;
  std::vector<Input> inputs_;
  Question question_;
  std::optional<MethodSet> methods_;
  Layout layout_ = Layout::ChannelsFirst;  // of the network's input
  std::optional<Outputs> outputs_;
  std::optional<GroupReader> reader_;
  Group group_;  // the last one that was taken, of the inputs that follow groupFirst_
  std::size_t groupFirst_ = 0;
  std::size_t step_ = 0, explained_ = 0;  // step_: inputs × methods behind us
  std::string current_;                   // input and method, for the progress bar
  bool unseen_ = false;                   // standard output takes no more; the writer's until it is drained
  Failures failures_;
  static constexpr std::size_t kWaiting = 8;  // results that wait to be written; more would only cost memory
  ReadAhead readAhead_{[this](std::size_t first, std::size_t end) { return read(first, end); }};
  Worker writer_{kWaiting};
};

Run::Run(const ExplainArguments& arguments)
    : arguments_(arguments), network_(arguments.network), console_(arguments.quiet) {}

// ---- reading

int Run::batchSize(const Model& model) const {
  if (int fixed = fixedBatch(model); fixed > 0) return fixed;
  bool tensors = std::any_of(inputs_.begin(), inputs_.end(), [](const Input& input) { return input.tensor; });
  constexpr int kDefault = 4;  // more gains little speed and costs memory and a late reaction to Ctrl-C
  int asked = network_.batchGiven > 0 ? network_.batchGiven : kDefault;
  return tensors ? asked : std::min<int>(asked, static_cast<int>(inputs_.size()));
}

MethodSet::Network Run::network(const Model& model) {
  const auto note = [this](const std::string& text) { console_.note(text); };
  std::optional<Preprocess> preprocess = chosenPreprocess(model, network_, note);
  question_ = parseQuestion(arguments_.target, chosenLabels(model, arguments_.labels, note), model);
  if (const std::string names = namesNote(question_); !names.empty()) console_.note(names);
  network_.batch = batchSize(model);
  Shape tensor = network_.shape.empty() && inputs_.size() == 1 ? tensorShape(inputs_) : Shape();
  Shape shape = chooseShape(model, network_, preprocess, tensor);
  const auto progress = [this](std::int64_t done, std::int64_t total) { return keepGoing(done, total); };
  return {model,
          network_,
          shape,
          preprocess,
          question_,
          arguments_.target.at,
          arguments_.output.layers,
          arguments_.requireConservation,
          progress};
}

void Run::readModel() {
  Model model = loadModel(network_, console_);
  std::vector<std::string> notes;
  std::vector<MethodChoice> choices = chosenMethods(model, network_, notes);
  for (const std::string& note : notes) console_.note(note);
  if (!model.isBagOfWords()) requireUseOfPatterns(network_, choices);
  MethodSet::Network net = network(model);
  OutputOptions output = arguments_.output;
  output.layout = layout_ = model.layout(network_.layout);
  outputs_.emplace(output, choices.size(), question_.targets.size(), InputFiles(filesRead(model, choices)));
  std::optional<Preprocess> preprocess = net.preprocess;
  const auto note = [this](const std::string& text) { writer_.drain(), console_.note(text); };
  const auto warn = [this](const std::string& text) { writer_.drain(), console_.warning(text); };
  methods_.emplace(std::move(choices), std::move(net), note, warn);
  requirePlaces();
  methods_->check();
  reader_.emplace(model.path(), preprocess, methods_->inputShape(), output.layout, output);
}

// What is written over must not be what is read.
std::vector<std::filesystem::path> Run::filesRead(const Model& model, const std::vector<MethodChoice>& choices) const {
  std::vector<std::filesystem::path> files = filesOf(network_, model, choices), pictures = pathsOf(inputs_);
  files.insert(files.end(), pictures.begin(), pictures.end());
  files.emplace_back(arguments_.labels);
  for (const std::string& list : arguments_.target.targets)
    for (const auto& one : splitMethods(list)) files.emplace_back(one);
  return files;
}

void Run::requirePlaces() const {
  for (const Method& method : methods_->all())
    for (const Input& input : inputs_) outputs_->requirePlaces(input, method.filePart, question_);
}

// ---- failures

// An input that fails by itself fails once, however many methods it is given to.
void Run::fail(const Input& input, const std::string& message) {
  if (!failures_.fail(input)) return;
  console_.error(failureOf(input.path, message));
}

bool concernsOneMethod(ErrorCode code) {
  return code == ErrorCode::NotConserved || code == ErrorCode::NumericFailure ||
         code == ErrorCode::NotSupportedByMethod;
}

// For what the computing thread catches; to be called inside a catch block.
void Run::failWith(Method& method, const Input& input) {
  writer_.drain();
  try {
    throw;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::Cancelled && interrupted()) return;
    if (error.code() == ErrorCode::NotSupportedByMethod && method.choice.optional)
      return methods_->leaveOut(method, error.what());
  } catch (...) {
  }
  failResult(method, input);
}

// For what any thread catches; to be called inside a catch block.
void Run::failResult(const Method& method, const Input& input) {
  try {
    throw;
  } catch (const Error& error) {
    if (!concernsOneMethod(error.code())) return fail(input, error.what());
    failures_.flaw(input);
    std::string subject = methods_->all().size() > 1 ? " by " + method.choice.text : "";
    console_.error(fmt::format("{}{}: {}", input.path.string(), subject, error.what()));
  } catch (...) {
    fail(input, failureMessage());
  }
}

// ---- progress

void Run::showProgress(double share, const std::string& what) {
  double steps = static_cast<double>(inputs_.size() * methods_->all().size());
  console_.progress((static_cast<double>(step_) + share) / steps, what);
}

// Called by the library after each batch of a method of many inputs.
bool Run::keepGoing(std::int64_t done, std::int64_t total) {
  showProgress(static_cast<double>(done) / static_cast<double>(std::max<std::int64_t>(1, total)),
               fmt::format("{} {}/{}", current_, done, total));
  return !interrupted();
}

// ---- explaining

// Photos are computed in batches; a tensor, whose rows are a batch of their own, by itself.
std::size_t Run::endOfGroup(std::size_t first, std::size_t end) const {
  std::size_t last = first + 1;
  if (inputs_[first].tensor) return last;
  while (last < end && last - first < static_cast<std::size_t>(network_.batch) && !inputs_[last].tensor) ++last;
  return last;
}

// The inputs that go through all methods before the next ones do: a group where the methods are compiled once, and
// else as many as there is memory for the pictures of their panels.
std::size_t Run::endOfChunk(std::size_t first) const {
  if (methods_->fitTogether()) return endOfGroup(first, inputs_.size());
  if (!outputs_->wantsPanel()) return inputs_.size();
  constexpr std::int64_t kBytes = 256 << 20;
  const Shape& shape = methods_->inputShape();
  if (shape.size() != 3) return inputs_.size();
  const PictureLayout size = PictureLayout::of(shape, layout_);
  const std::int64_t zoom = legibleZoom(arguments_.output.zoom, size.width);
  const auto pictures = static_cast<std::int64_t>(methods_->all().size() * question_.targets.size() + 1);
  const std::int64_t panel = 3 * size.width * size.height * zoom * zoom * pictures;
  const std::int64_t group = network_.batch;
  const std::int64_t groups = std::max<std::int64_t>(1, kBytes / std::max<std::int64_t>(1, panel) / group);
  return std::min(inputs_.size(), first + static_cast<std::size_t>(groups * group));
}

ReadGroup Run::read(std::size_t first, std::size_t end) const {
  ReadGroup result;
  for (std::size_t i = first; i < end && !interrupted(); ++i) try {
      if (!failures_.hasFailed(inputs_[i])) reader_->add(inputs_[i], result.group);
    } catch (...) {
      result.failures.emplace_back(&inputs_[i], failureMessage());
    }
  return result;
}

Group& Run::groupOf(std::size_t first, std::size_t end) {
  if (!group_.members.empty() && groupFirst_ == first) return group_;
  ReadGroup next = readAhead_.take(first, end);
  group_ = std::move(next.group);
  groupFirst_ = first;
  if (!next.failures.empty()) writer_.drain();
  for (const auto& [input, message] : next.failures) fail(*input, message);
  return group_;
}

// The group that follows. Tensors are not read ahead: one may be as large as the memory.
void Run::readAhead(std::size_t first, std::size_t chunkEnd) {
  const std::size_t end = methods_->fitTogether() ? inputs_.size() : chunkEnd;
  if (first < end && !inputs_[first].tensor && !interrupted()) readAhead_.begin(first, endOfGroup(first, end));
}

// All rows, a batch at a time; fewer when the run was interrupted.
std::vector<Explanation> Run::chunks(Method& method, const Tensor& input) {
  std::vector<Explanation> result;
  auto rows = static_cast<std::size_t>(input.shape.front()), batch = static_cast<std::size_t>(network_.batch);
  for (std::size_t first = 0; first < rows && !interrupted(); first += batch) {
    std::vector<Explanation> part = (*method.explainer)->explain(rowsOf(input, first, std::min(batch, rows - first)));
    std::move(part.begin(), part.end(), std::back_inserter(result));
  }
  return result;
}

// Gives each member of the group its maps; the last ones go without when the run was interrupted.
void Run::deal(std::vector<Explanation> maps, Group& group) {
  auto next = maps.begin();
  for (std::size_t i = 0; i < group.members.size() && next != maps.end(); ++i) {
    auto count = static_cast<std::ptrdiff_t>(group.rowCounts[i] * question_.targets.size());
    auto end = next + std::min(count, maps.end() - next);
    group.members[i].maps.assign(std::move_iterator(next), std::move_iterator(end));
    next = end;
  }
}

// False when the group has to be taken apart to find the member at fault.
bool Run::explainRows(Method& method, Group& group) {
  try {
    deal(chunks(method, group.input), group);
  } catch (...) {
    if (group.members.size() > 1 && !interrupted()) return false;
    failWith(method, *group.members.front().input);
  }
  return true;
}

void Run::explainOneByOne(Method& method, Group& group) {
  for (std::size_t i = 0; i < group.members.size() && !interrupted() && !method.leftOut; ++i) {
    Group single;
    single.members.push_back({group.members[i].input, std::nullopt, {}, {}});
    single.rowCounts = {1};
    const TensorView row = rowsOf(group.input, i, 1);
    single.input = Tensor(row.shape, std::vector<float>(row.data, row.data + elementCount(row.shape)));
    explainRows(method, single);
    group.members[i].maps = std::move(single.members.front().maps);
  }
}

void Run::report(const Method& method, const Explained& member, const std::vector<Files>& files) {
  const std::size_t targets = question_.targets.size(), rows = files.size() / targets;
  for (std::size_t map = 0; map < files.size(); ++map) {
    const NamedTarget& target = question_.targets[map % targets];
    const std::string title = rowTitle(*member.input, map / targets, rows);
    for (const std::string& warning : member.maps[map].warnings)
      console_.warning(title + ": " + method.choice.text + ": " + warning);
    if (!arguments_.json) {
      console_.result(resultLine(title, member.maps[map], target, files[map], question_));
      continue;
    }
    Json json = {{"input", member.input->path.string()}, {"row", map / targets}};
    json.update(Json::parse(factsJson(method.facts)));
    json.update(Json::parse(mapJson(member.maps[map], target, question_)));
    json["files"] = files[map];
    console_.lines(dump(json, -1));
  }
  if (arguments_.output.any() || !outputFailed()) return;
  unseen_ = true;
  interrupt();  // no result would be seen of what is left
}

// --layers and --at ask for relevance that some methods do not have, and pictures that some nodes cannot give.
void Run::requireLayers(const Method& method, const Explanation& map) const {
  const bool strip = arguments_.output.layers;
  if (!strip && arguments_.target.at.empty()) return;
  if (map.layers.empty())
    throw Error(ErrorCode::NotSupportedByMethod, method.choice.text, "no relevance of inner layers",
                "a method of one backward walk", "use another method, such as rap or gradient");
  const auto drawable = [](const LayerMap& layer) { return isFeatureMap(layer.relevance.shape); };
  if (strip && std::none_of(map.layers.begin(), map.layers.end(), drawable))
    throw Error(ErrorCode::InvalidArgument, map.layers.front().node,
                toString(map.layers.front().relevance.shape) + ", no feature map", "N×C×h×w for --layers");
}

// False when the result is not worth writing; that is found out before the next one is computed.
bool Run::finish(Method& method, const Explained& member) {
  try {
    requireLayers(method, member.maps.front());
    return true;
  } catch (...) {
    writer_.drain();
    if (!failures_.hasFailed(*member.input)) failWith(method, *member.input);
    return false;
  }
}

void Run::save(Method& method, const Explained& member, Progressed& state) {
  if (failures_.hasFailed(*member.input)) return;
  try {
    std::vector<Files> files = outputs_->save(member, method.filePart, method.facts);
    report(method, member, files);
    if (outputs_->wantsPanel()) outputs_->addToPanel(state.panel, member, method.choice.text, question_);
    ++state.methods;
  } catch (...) {
    failResult(method, *member.input);
  }
}

void Run::explainGroup(Method& method, Group& group, const Chunk& chunk, std::size_t chunkFirst) {
  for (Explained& member : group.members) member.maps.clear();
  if (!explainRows(method, group)) explainOneByOne(method, group);
  for (std::size_t i = 0; i < group.members.size() && !method.leftOut; ++i) {
    Explained& member = group.members[i];
    const bool whole = member.maps.size() == group.rowCounts[i] * question_.targets.size();
    if (!whole || !finish(method, member)) continue;
    const std::size_t at = static_cast<std::size_t>(member.input - inputs_.data()) - chunkFirst;
    Explained result{member.input, member.photo, std::move(member.maps), member.arrays};
    writer_.add([this, &method, chunk, at, one = std::move(result)] { save(method, one, (*chunk)[at]); });
  }
}

void Run::explainAll(Method& method, const Chunk& chunk, std::size_t first, std::size_t end) {
  std::size_t next = first;
  while (next < end && !interrupted() && methods_->open(method)) {
    const std::size_t last = endOfGroup(next, end);
    current_ = inputs_[next].path.filename().string();
    if (methods_->all().size() > 1) current_ += " " + method.choice.text;
    if (inputs_.size() * methods_->all().size() > 1)
      showProgress(0, fmt::format("{}/{} {}", next, inputs_.size(), current_));
    Group& group = groupOf(next, last);
    readAhead(last, end);
    if (!group.members.empty()) explainGroup(method, group, chunk, first);
    step_ += last - next;
    next = last;
  }
  step_ += end - next;
  if (!methods_->fitTogether()) writer_.drain();
  methods_->close(method, end == inputs_.size());
}

std::string Run::savePanel(const Input& input, const PanelDraft& panel) {
  return outputs_->savePanel(panel, input.name, methods_->all().front().filePart);
}

// `methods`: how many there are to explain an input.
void Run::finishInput(const Input& input, Progressed& state, std::size_t methods) {
  if (failures_.hasFailed(input) || (interrupted() && state.methods < methods)) return;
  if (state.panel.photo) try {
      const std::string path = savePanel(input, state.panel);
      if (arguments_.json)
        console_.lines(dump({{"input", input.path.string()}, {"files", {{"panel", path}}}}, -1));
      else
        console_.result(fmt::format("{}: panel {}", rowTitle(input, 0, 1), path));
    } catch (...) {
      return fail(input, failureMessage());
    }
  explained_ += !failures_.isFlawed(input);
}

void Run::explainChunk(std::size_t first, std::size_t end) {
  Chunk chunk = std::make_shared<std::vector<Progressed>>(end - first);
  for (Method& method : methods_->all())
    if (!interrupted()) explainAll(method, chunk, first, end);
  const auto& all = methods_->all();
  const auto used = std::count_if(all.begin(), all.end(), [](const Method& method) { return !method.leftOut; });
  writer_.add([this, chunk, first, end, methods = static_cast<std::size_t>(used)] {
    for (std::size_t i = first; i < end; ++i) finishInput(inputs_[i], (*chunk)[i - first], methods);
  });
}

int Run::close() {
  writer_.drain();
  const std::size_t failed = failures_.count(), left = inputs_.size() - explained_ - failed;
  const bool early = interrupted() && (left > 0 || !unseen_);
  if (inputs_.size() > 1 || early)
    console_.note(fmt::format("{}{} explained, {} failed", early ? "interrupted: " : "", explained_, failed) +
                  (early ? fmt::format(", {} not done", left) : ""));
  flushStandardOutput();
  if (interrupted()) return kExitInterrupted;
  return failed == 0 ? kExitOk : kExitFailure;
}

int Run::execute() {
  requireModelName(network_.model);
  std::vector<std::string> notes;
  inputs_ = collectInputs(arguments_.paths, notes);
  noteNames(inputs_, notes);
  for (const std::string& note : notes) console_.note(note);
  const OutputOptions& output = arguments_.output;
  if (output.any()) checkWritable(output.folder);
  readModel();
  for (std::size_t first = 0; first < inputs_.size() && !interrupted();) {
    std::size_t end = endOfChunk(first);
    explainChunk(first, end);
    first = end;
  }
  return close();
}

}  // namespace

int runExplain(const ExplainArguments& arguments) {
  watchInterrupts();
  return Run(arguments).execute();
}

}  // namespace relprop::cli

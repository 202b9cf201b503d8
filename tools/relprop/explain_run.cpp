#include "explain_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "commands.h"
#include "console.h"
#include "failure.h"
#include "group.h"
#include "interrupt.h"
#include "method_set.h"
#include "pictures.h"
#include "relprop/error.h"

namespace relprop::cli {
namespace {

// An input on its way through the methods.
struct Progressed {
  std::size_t methods = 0;  // that explained it
  PanelDraft panel;
};
using Chunk = std::vector<Progressed>;  // inputs first, first + 1, …

class Run {
 public:
  explicit Run(const ExplainArguments& arguments);
  int execute();

 private:
  void readModel();
  MethodSet::Network network(const Model& model);
  int batchSize(const Model& model) const;
  Shape openShape(const Model& model) const;

  std::size_t endOfGroup(std::size_t first, std::size_t end) const;
  std::size_t endOfChunk(std::size_t first) const;
  void explainChunk(std::size_t first, std::size_t end);
  void explainAll(Method& method, Chunk& chunk, std::size_t first, std::size_t end);
  Group& groupOf(std::size_t first, std::size_t end);
  void explainGroup(Method& method, Group& group, Chunk& chunk, std::size_t chunkFirst);
  bool explainRows(Method& method, Group& group);
  void explainOneByOne(Method& method, Group& group);
  std::vector<Explanation> chunks(Method& method, const Tensor& input);
  void deal(std::vector<Explanation> maps, Group& group);
  void requireLayers(const Method& method, const Explanation& map) const;
  bool finish(Method& method, Explained& member, Progressed& state);
  void report(const Method& method, const Explained& member, const std::vector<Files>& files);
  void finishInput(const Input& input, Progressed& state);
  std::string savePanel(const Input& input, const PanelDraft& panel) const;

  bool hasFailed(const Input& input) const { return failed_.count(&input) > 0; }
  void fail(const Input& input, const std::string& message);
  void failWith(Method& method, const Input& input);
  void showProgress(double share, const std::string& what);
  bool keepGoing(std::int64_t done, std::int64_t total);
  int close();

  const ExplainArguments& arguments_;
  NetworkOptions network_;
  Console console_;
  std::vector<Input> inputs_;
  Question question_;
  std::optional<MethodSet> methods_;
  std::optional<Outputs> outputs_;
  std::optional<GroupReader> reader_;
  Group group_;  // the last one that was read, of the inputs that follow groupFirst_
  std::size_t groupFirst_ = 0;
  std::size_t step_ = 0, explained_ = 0;    // step_: inputs × methods behind us
  std::string current_;                     // input and method, for the progress bar
  std::set<const Input*> failed_, flawed_;  // flawed: a method failed on it, which need not stop the others
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
  std::optional<Preprocess> preprocess = findPreprocess(model, network_);
  question_ = parseQuestion(arguments_.target, findLabels(model, arguments_.labels), model.outputClasses());
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
  Model model = Model::load(network_.model);
  std::vector<std::string> notes;
  std::vector<MethodChoice> choices = chosenMethods(network_, notes);
  for (const std::string& note : notes) console_.note(note);
  MethodSet::Network net = network(model);
  outputs_.emplace(arguments_.output, choices.size(), question_.targets.size());
  std::optional<Preprocess> preprocess = net.preprocess;
  methods_.emplace(
      std::move(choices), std::move(net), [this](const std::string& text) { console_.note(text); },
      [this](const std::string& text) { console_.warning(text); });
  methods_->check();
  reader_.emplace(model.path(), preprocess, methods_->inputShape(), arguments_.output);
}

// ---- failures

// An input that fails by itself fails once, however many methods it is given to.
void Run::fail(const Input& input, const std::string& message) {
  if (!failed_.insert(&input).second) return;
  std::string path = input.path.string();
  console_.error(message.find(path) == std::string::npos ? path + ": " + message : message);
}

bool concernsOneMethod(ErrorCode code) {
  return code == ErrorCode::NotConserved || code == ErrorCode::NumericFailure ||
         code == ErrorCode::NotSupportedByMethod;
}

// To be called inside a catch block.
void Run::failWith(Method& method, const Input& input) {
  try {
    throw;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::Cancelled && interrupted()) return;
    if (error.code() == ErrorCode::NotSupportedByMethod && method.choice.optional)
      return methods_->leaveOut(method, error.what());
    if (!concernsOneMethod(error.code())) return fail(input, error.what());
    flawed_.insert(&input);
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
  const std::int64_t zoom = legibleZoom(arguments_.output.zoom, shape.back());
  const auto pictures = static_cast<std::int64_t>(methods_->all().size() * question_.targets.size() + 1);
  const std::int64_t panel = 3 * shape.back() * shape[shape.size() - 2] * zoom * zoom * pictures;
  const std::int64_t group = network_.batch;
  const std::int64_t groups = std::max<std::int64_t>(1, kBytes / std::max<std::int64_t>(1, panel) / group);
  return std::min(inputs_.size(), first + static_cast<std::size_t>(groups * group));
}

Group& Run::groupOf(std::size_t first, std::size_t end) {
  if (!group_.members.empty() && groupFirst_ == first) return group_;
  group_ = Group();
  groupFirst_ = first;
  for (std::size_t i = first; i < end && !interrupted(); ++i) try {
      if (!hasFailed(inputs_[i])) reader_->add(inputs_[i], group_);
    } catch (...) {
      fail(inputs_[i], failureMessage());
    }
  return group_;
}

// All rows, a batch at a time; fewer when the run was interrupted.
std::vector<Explanation> Run::chunks(Method& method, const Tensor& input) {
  std::vector<Explanation> result;
  const std::vector<Target> targets = targetsOf(question_);
  auto rows = static_cast<std::size_t>(input.shape.front()), batch = static_cast<std::size_t>(network_.batch);
  for (std::size_t first = 0; first < rows && !interrupted(); first += batch) {
    std::vector<Explanation> part =
        method.explainer->explain(rowsOf(input, first, std::min(batch, rows - first)), targets);
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
    single.members.push_back({group.members[i].input, std::nullopt, {}});
    single.rowCounts = {1};
    single.input = rowsOf(group.input, i, 1);
    explainRows(method, single);
    group.members[i].maps = std::move(single.members.front().maps);
  }
}

void Run::report(const Method& method, const Explained& member, const std::vector<Files>& files) {
  const std::size_t targets = question_.targets.size(), rows = files.size() / targets;
  for (std::size_t map = 0; map < files.size(); ++map) {
    const NamedTarget& target = question_.targets[map % targets];
    if (!arguments_.json) {
      console_.result(
          resultLine(rowTitle(*member.input, map / targets, rows), member.maps[map], target, files[map], question_));
      continue;
    }
    Json json = {{"input", member.input->path.string()}, {"row", map / targets}};
    json.update(factsJson(method.facts));
    json.update(mapJson(member.maps[map], target, question_));
    json["files"] = files[map];
    console_.data(dump(json, -1));
  }
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

bool Run::finish(Method& method, Explained& member, Progressed& state) {
  try {
    requireLayers(method, member.maps.front());
    std::vector<Files> files = outputs_->save(member, method.filePart, method.facts);
    report(method, member, files);
    if (outputs_->wantsPanel()) outputs_->addToPanel(state.panel, member, method.choice.text, question_);
    return true;
  } catch (...) {
    failWith(method, *member.input);
    return false;
  }
}

void Run::explainGroup(Method& method, Group& group, Chunk& chunk, std::size_t chunkFirst) {
  for (Explained& member : group.members) member.maps.clear();
  if (!explainRows(method, group)) explainOneByOne(method, group);
  for (std::size_t i = 0; i < group.members.size() && !method.leftOut; ++i) {
    Explained& member = group.members[i];
    Progressed& state = chunk[static_cast<std::size_t>(member.input - inputs_.data()) - chunkFirst];
    const bool whole = member.maps.size() == group.rowCounts[i] * question_.targets.size();
    if (whole && !hasFailed(*member.input)) state.methods += finish(method, member, state);
  }
}

void Run::explainAll(Method& method, Chunk& chunk, std::size_t first, std::size_t end) {
  std::size_t next = first;
  while (next < end && !interrupted() && methods_->open(method)) {
    const std::size_t last = endOfGroup(next, end);
    current_ = inputs_[next].path.filename().string();
    if (methods_->all().size() > 1) current_ += " " + method.choice.text;
    if (inputs_.size() * methods_->all().size() > 1)
      showProgress(0, fmt::format("{}/{} {}", next, inputs_.size(), current_));
    Group& group = groupOf(next, last);
    if (!group.members.empty()) explainGroup(method, group, chunk, first);
    step_ += last - next;
    next = last;
  }
  step_ += end - next;
  methods_->close(method);
}

std::string Run::savePanel(const Input& input, const PanelDraft& panel) const {
  return outputs_->savePanel(panel, input.name, methods_->all().front().filePart);
}

void Run::finishInput(const Input& input, Progressed& state) {
  const auto& all = methods_->all();
  const auto used = std::count_if(all.begin(), all.end(), [](const Method& method) { return !method.leftOut; });
  if (hasFailed(input) || (interrupted() && state.methods < static_cast<std::size_t>(used))) return;
  if (state.panel.photo) try {
      const std::string path = savePanel(input, state.panel);
      if (arguments_.json)
        console_.data(dump({{"input", input.path.string()}, {"files", {{"panel", path}}}}, -1));
      else
        console_.result(fmt::format("{}: panel {}", rowTitle(input, 0, 1), path));
    } catch (...) {
      return fail(input, failureMessage());
    }
  explained_ += flawed_.count(&input) == 0;
}

void Run::explainChunk(std::size_t first, std::size_t end) {
  Chunk chunk(end - first);
  for (Method& method : methods_->all())
    if (!interrupted()) explainAll(method, chunk, first, end);
  for (std::size_t i = first; i < end; ++i) finishInput(inputs_[i], chunk[i - first]);
}

int Run::close() {
  failed_.insert(flawed_.begin(), flawed_.end());
  if (inputs_.size() > 1 || interrupted())
    console_.note(
        fmt::format("{}{} explained, {} failed", interrupted() ? "interrupted: " : "", explained_, failed_.size()) +
        (interrupted() ? fmt::format(", {} not done", inputs_.size() - explained_ - failed_.size()) : ""));
  flushStandardOutput();
  if (interrupted()) return kExitInterrupted;
  return failed_.empty() ? kExitOk : kExitFailure;
}

int Run::execute() {
  std::vector<std::string> notes;
  inputs_ = collectInputs(arguments_.paths, notes);
  for (const std::string& note : notes) console_.note(note);
  const OutputOptions& output = arguments_.output;
  if (output.png || output.npy || output.json) checkWritable(output.folder);
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

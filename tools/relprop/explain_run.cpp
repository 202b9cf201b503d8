#include "explain_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "commands.h"
#include "console.h"
#include "failure.h"
#include "group.h"
#include "interrupt.h"
#include "relprop/error.h"

namespace relprop::cli {
namespace {

// One method, compiled.
struct Method {
  std::string text;  // as the user wrote it
  Explainer explainer;
  RunFacts facts;
};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Target parseTarget(const std::string& text, const std::vector<std::string>& labels) {
  if (text == "argmax") return Target{};
  int index = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (failed == std::errc() && end == text.data() + text.size()) return {Target::Kind::Index, index};
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (lower(labels[i]) == lower(text)) return {Target::Kind::Index, static_cast<int>(i)};
  if (labels.empty())
    throw Error(ErrorCode::UnknownTarget, "--target", "'" + text + "', but there are no class names",
                "argmax or a class index", "give the names with --labels");
  std::string nearest = nearestName(text, labels);
  throw Error(ErrorCode::UnknownTarget, "--target", "no class is called '" + text + "'",
              "argmax, a class index or name", nearest.empty() ? "" : "did you mean '" + nearest + "'?");
}

class Run {
 public:
  explicit Run(const ExplainArguments& arguments);
  int execute();

 private:
  int batchSize() const;
  Shape tensorShape() const;
  void compile();
  std::size_t endOfGroup(std::size_t first) const;
  Group load(const GroupReader& reader, std::size_t first, std::size_t last);
  void explainGroup(Group& group);
  void explainWith(Method& method, Group& group, std::vector<std::vector<TitledImage>>& columns);
  bool explainRows(Method& method, Group& group);
  void explainOneByOne(Method& method, Group& group);
  std::vector<Explanation> chunks(Method& method, const Tensor& input);
  void finish(Method& method, Explained& member, std::vector<TitledImage>& columns);
  void report(const Method& method, const Explained& member, const std::vector<Files>& files);
  void panel(const Explained& member, const std::vector<TitledImage>& columns);
  bool hasFailed(const Input& input) const;
  void fail(const Input& input, const std::string& message);
  int close();

  const ExplainArguments& arguments_;
  NetworkOptions network_;
  Console console_;
  std::vector<Input> inputs_;
  std::vector<std::string> methodTexts_;
  Outputs outputs_;
  std::optional<Model> model_;
  std::optional<Preprocess> preprocess_;
  std::vector<std::string> labels_;
  Target target_;
  std::vector<Method> methods_;
  std::size_t explained_ = 0;
  std::vector<const Input*> failed_;
};

Run::Run(const ExplainArguments& arguments)
    : arguments_(arguments),
      network_(arguments.network),
      console_(arguments.quiet),
      methodTexts_(methodStrings(arguments.network)),
      outputs_(arguments.output, arguments.output.view == View::Panel && methodTexts_.size() > 1) {}

int Run::batchSize() const {
  if (int fixed = fixedBatch(*model_); fixed > 0) return fixed;
  bool tensors = std::any_of(inputs_.begin(), inputs_.end(), [](const Input& input) { return input.tensor; });
  constexpr int kDefault = 4;  // more gains little speed and costs memory and a late reaction to Ctrl-C
  int asked = network_.batch > 0 ? network_.batch : kDefault;
  return tensors ? asked : std::min<int>(asked, static_cast<int>(inputs_.size()));
}

// C×H×W of the first .npy input, for models that leave their size open.
Shape Run::tensorShape() const {
  for (const Input& input : inputs_) {
    if (!input.tensor || input.failure) continue;
    Shape shape = readNpy(input.path).shape;
    if (shape.size() > 1) return Shape(shape.begin() + 1, shape.end());
  }
  return {};
}

void Run::compile() {
  Shape peeked = network_.shape.empty() && inputs_.size() == 1 ? tensorShape() : Shape();
  Shape shape = chooseShape(*model_, network_, preprocess_, peeked);
  network_.batch = batchSize();
  for (const std::string& text : methodTexts_) {
    Explainer explainer(*model_, explainOptions(*model_, network_, text, shape, preprocess_));
    RunFacts facts = {model_->path(), model_->hash(), explainer.methodString(), network_.rules, labels_, preprocess_};
    for (const std::string& warning : explainer.warnings()) console_.warning(text + ": " + warning);
    methods_.push_back({text, std::move(explainer), std::move(facts)});
  }
}

bool Run::hasFailed(const Input& input) const {
  return std::find(failed_.begin(), failed_.end(), &input) != failed_.end();
}

// An input fails once, however many methods it is given to.
void Run::fail(const Input& input, const std::string& message) {
  if (hasFailed(input)) return;
  std::string path = input.path.string();
  console_.error(message.find(path) == std::string::npos ? path + ": " + message : message);
  failed_.push_back(&input);
}

// Photos are computed in batches; a tensor, whose rows are a batch of their own, by itself.
std::size_t Run::endOfGroup(std::size_t first) const {
  std::size_t last = first + 1;
  if (inputs_[first].tensor) return last;
  while (last < inputs_.size() && last - first < static_cast<std::size_t>(network_.batch) && !inputs_[last].tensor)
    ++last;
  return last;
}

Group Run::load(const GroupReader& reader, std::size_t first, std::size_t last) {
  Group group;
  for (std::size_t i = first; i < last && !interrupted(); ++i) {
    try {
      reader.add(inputs_[i], group);
    } catch (...) {
      fail(inputs_[i], failureMessage());
    }
  }
  return group;
}

// All rows, a batch at a time; fewer when the run was interrupted.
std::vector<Explanation> Run::chunks(Method& method, const Tensor& input) {
  std::vector<Explanation> result;
  auto rows = static_cast<std::size_t>(input.shape.front()), batch = static_cast<std::size_t>(network_.batch);
  for (std::size_t first = 0; first < rows && !interrupted(); first += batch) {
    std::vector<Explanation> part =
        method.explainer.explain(rowsOf(input, first, std::min(batch, rows - first)), {target_});
    std::move(part.begin(), part.end(), std::back_inserter(result));
  }
  return result;
}

// False when the group has to be taken apart to find the member at fault.
bool Run::explainRows(Method& method, Group& group) {
  std::vector<Explanation> rows;
  try {
    rows = chunks(method, group.input);
  } catch (...) {
    if (group.members.size() > 1) return false;
    fail(*group.members.front().input, failureMessage());
    return true;
  }
  auto next = rows.begin();
  for (std::size_t i = 0; i < group.members.size() && next != rows.end(); ++i) {
    auto end = next + std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(group.rowCounts[i]), rows.end() - next);
    group.members[i].rows.assign(std::move_iterator(next), std::move_iterator(end));
    next = end;
  }
  return true;
}

void Run::explainOneByOne(Method& method, Group& group) {
  for (std::size_t i = 0; i < group.members.size() && !interrupted(); ++i) {
    Group single;
    single.members.push_back({group.members[i].input, std::nullopt, {}});
    single.rowCounts = {1};
    single.input = rowsOf(group.input, i, 1);
    explainRows(method, single);
    group.members[i].rows = std::move(single.members.front().rows);
  }
}

void Run::report(const Method& method, const Explained& member, const std::vector<Files>& files) {
  for (std::size_t row = 0; row < files.size(); ++row) {
    if (!arguments_.json) {
      console_.result(resultLine(rowTitle(*member.input, row, files.size()), member.rows[row], files[row], labels_));
      continue;
    }
    Json json = {{"input", member.input->path.string()}, {"row", row}};
    json.update(factsJson(method.facts));
    json.update(rowJson(member.rows[row], method.facts));
    json["files"] = files[row];
    console_.data(dump(json, -1));
  }
}

void Run::finish(Method& method, Explained& member, std::vector<TitledImage>& columns) {
  try {
    std::vector<Files> files = outputs_.save(member, fileNamePart(method.text), method.facts);
    report(method, member, files);
    if (outputs_.wantsPanel()) columns.push_back(outputs_.panelColumn(member, method.text));
  } catch (...) {
    fail(*member.input, failureMessage());
  }
}

void Run::explainWith(Method& method, Group& group, std::vector<std::vector<TitledImage>>& columns) {
  for (Explained& member : group.members) member.rows.clear();
  if (!explainRows(method, group)) explainOneByOne(method, group);
  for (std::size_t i = 0; i < group.members.size(); ++i) {
    bool whole = group.members[i].rows.size() == group.rowCounts[i];
    if (whole && !hasFailed(*group.members[i].input)) finish(method, group.members[i], columns[i]);
  }
}

void Run::panel(const Explained& member, const std::vector<TitledImage>& columns) {
  try {
    std::string path = outputs_.savePanel(member, methods_.front().facts, columns);
    if (arguments_.json)
      console_.data(dump({{"input", member.input->path.string()}, {"files", {{"panel", path}}}}, -1));
    else
      console_.result(fmt::format("{}: panel {}", rowTitle(*member.input, 0, 1), path));
  } catch (...) {
    fail(*member.input, failureMessage());
  }
}

void Run::explainGroup(Group& group) {
  if (group.members.empty()) return;
  std::vector<std::vector<TitledImage>> columns(group.members.size());
  std::vector<std::size_t> done(group.members.size());
  for (Method& method : methods_) {
    if (interrupted()) return;
    explainWith(method, group, columns);
    for (std::size_t i = 0; i < done.size(); ++i) done[i] += group.members[i].rows.size() == group.rowCounts[i];
  }
  for (std::size_t i = 0; i < group.members.size(); ++i) {
    const Explained& member = group.members[i];
    if (done[i] < methods_.size() || hasFailed(*member.input)) continue;
    if (outputs_.wantsPanel()) panel(member, columns[i]);
    explained_ += !hasFailed(*member.input);
  }
}

int Run::close() {
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
  model_ = Model::load(network_.model);
  preprocess_ = findPreprocess(*model_, network_);
  labels_ = findLabels(*model_, arguments_.labels);
  target_ = parseTarget(arguments_.target, labels_);
  compile();
  GroupReader reader(model_->path(), preprocess_, methods_.front().explainer.inputShape(), output);
  for (std::size_t first = 0; first < inputs_.size() && !interrupted();) {
    console_.progress(first, inputs_.size(), inputs_[first].path.filename().string());
    std::size_t last = endOfGroup(first);
    Group group = load(reader, first, last);
    explainGroup(group);
    first = last;
  }
  return close();
}

}  // namespace

int runExplain(const ExplainArguments& arguments) {
  watchInterrupts();
  return Run(arguments).execute();
}

}  // namespace relprop::cli

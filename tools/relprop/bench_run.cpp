#include "bench_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench_report.h"
#include "commands.h"
#include "failure.h"
#include "group.h"
#include "interrupt.h"
#include "paths.h"
#include "relprop/error.h"

namespace relprop::cli {
namespace {

class Bench {
 public:
  explicit Bench(const BenchArguments& arguments)
      : arguments_(arguments), network_(arguments.network), console_(arguments.quiet) {}

  void run() {
    if (!arguments_.trace.empty()) requirePlaceOfText(arguments_.trace, "--trace");
    model_ = loadModel(network_, console_);
    preprocess_ = chosenPreprocess(*model_, network_);
    shape_ = chooseShape(*model_, network_, preprocess_);
    if (!arguments_.threads.empty()) network_.threads = arguments_.threads.front();
    chooseMethodsAndBatches();
    collect();
    requireTraceIsNoInput();
    arguments_.fidelity.empty() ? measure() : compare();
  }

 private:
  void collect() {
    std::vector<std::string> paths = arguments_.fidelity, notes;
    if (!arguments_.input.empty()) paths.assign(1, arguments_.input);
    inputs_ = collectInputs(paths, notes);
    for (const std::string& note : notes) console_.note(note);
  }

  // Before an hour of work rather than behind it.
  void requireTraceIsNoInput() const {
    if (arguments_.trace.empty()) return;
    std::vector<MethodChoice> choices;
    for (const std::string& method : methods_) choices.push_back({method});
    std::vector<std::filesystem::path> read = filesOf(network_, *model_, choices), pictures = pathsOf(inputs_);
    read.insert(read.end(), pictures.begin(), pictures.end());
    requireNoInput(arguments_.trace, InputFiles(read), "--trace");
  }

  void chooseMethodsAndBatches() {
    NetworkOptions named = network_;
    if (named.methods.empty()) named.methods = BenchOptions().methods;
    std::vector<std::string> notes;
    for (const MethodChoice& choice : chosenMethods(*model_, named, notes))
      if (usable(choice)) methods_.push_back(choice.text);
    for (const std::string& note : notes) console_.note(note);
    if (methods_.empty())
      throw Error(ErrorCode::NotSupportedByMethod, model_->path(), "no method can be applied", "at least one");
    batches_ = arguments_.batches.empty() ? std::vector<int>{1} : arguments_.batches;
    const int fixed = fixedBatch(*model_);
    if (fixed == 0) return;
    if (!arguments_.batches.empty() && batches_ != std::vector<int>{fixed})
      console_.note(fmt::format("the model fixes its batch: {}", fixed));
    batches_ = {fixed};
  }

  // Of "all" those that the network does not allow are left out.
  bool usable(const MethodChoice& choice) {
    if (!choice.optional) return true;
    try {
      countWork(*model_, options(choice.text));
      return true;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::NotSupportedByMethod) throw;
      console_.note(choice.text + " is left out: " + error.what());
      return false;
    }
  }

  // Without a preprocessing there is a range all the same, as many methods want one.
  ExplainOptions options(const std::string& method) const {
    ExplainOptions o = explainOptions(*model_, network_, method, shape_, preprocess_);
    const auto channels = static_cast<std::size_t>(model_->channels(shape_, network_.layout));
    if (!o.pixelRange) o.pixelRange = PixelRange{std::vector<float>(channels, -1), std::vector<float>(channels, 1)};
    return o;
  }

  // What the network takes behind the batch, in its own layout.
  Shape imageShape() const {
    Shape image = model_->inputShape();
    if (image.size() < 2) throw Error(ErrorCode::ShapeMismatch, model_->path(), toString(image), "N×C×H×W");
    image.erase(image.begin());
    const bool channelsLast = model_->layout(network_.layout) == Layout::ChannelsLast;
    const std::size_t behind = channelsLast && shape_.size() + 1 == image.size() ? 1 : 0;  // --shape HxW of N×H×W×C
    for (std::size_t k = 0; k < std::min(shape_.size(), image.size()); ++k)
      image[image.size() - 1 - behind - k] = shape_[shape_.size() - 1 - k];
    return image;
  }

  bool goOn(const std::string& what) {
    if (!arguments_.json) console_.progress(++step_, steps_, what);
    return !interrupted();
  }

  // ---- time
  BenchOptions benchOptions() {
    BenchOptions o;
    o.model = modelOptions(network_);
    o.methods = methods_, o.batches = batches_, o.rounds = arguments_.rounds;
    if (!arguments_.threads.empty()) o.threads = arguments_.threads;
    o.floorPrecision = arguments_.floorPrecision;
    o.explain = explainOptions(*model_, network_, methods_.front(), shape_, preprocess_);
    o.explain.progress = [](std::int64_t, std::int64_t) { return !interrupted(); };
    if (!inputs_.empty()) o.input = rows();
    constexpr std::size_t kLoads = 3;
    steps_ = kLoads +
             o.methods.size() * o.batches.size() * o.threads.size() * (1 + static_cast<std::size_t>(arguments_.rounds));
    o.progress = [this](const std::string& what) { return goOn(what); };
    return o;
  }

  void measure() {
    const BenchOptions how = benchOptions();
    model_.reset();  // it is loaded anew there, and two of them would spoil what is told about memory
    const BenchReport report = measureModel(network_.model, how);
    for (const std::string& warning : report.warnings) console_.warning(warning);
    if (arguments_.json)
      console_.lines(dump(benchJson(report, arguments_.profile), -1));
    else
      printBench(console_, report, arguments_.profile);
    if (arguments_.trace.empty()) return;
    const WritingGuard guard(arguments_.trace);
    writeFile(arguments_.trace, traceText(report));
  }

  // ---- agreement
  void compare() {
    const std::vector<Group> groups = groupsOfOne();
    steps_ = methods_.size() * groups.size();
    std::vector<Fidelity> all;
    for (const std::string& method : methods_) all.push_back(compare(method, groups));
    if (arguments_.json)
      console_.lines(dump(fidelityJson(all), -1));
    else
      printFidelity(console_, all);
  }

  Fidelity compare(const std::string& method, const std::vector<Group>& groups) {
    ExplainOptions single = options(method), half = single;
    single.precision = Precision::Float32, half.precision = Precision::Bfloat16;
    MapComparison comparison(*model_, single, half);
    for (const Group& group : groups) {
      if (!goOn(method)) throw Error(ErrorCode::Cancelled, "bench", "stopped");
      comparison.compare(group.input);
    }
    return {method, comparison.methodString(), comparison.summary()};
  }

  // A picture or tensor in each group. One that cannot be read ends the run: figures are over all.
  std::vector<Group> groupsOfOne() const {
    const GroupReader into = reader();
    std::vector<Group> groups;
    for (const Input& input : inputs_) into.add(input, groups.emplace_back());
    return groups;
  }

  // ---- pictures
  GroupReader reader() const {
    return {model_->path(), preprocess_, imageShape(), model_->layout(network_.layout), OutputOptions()};
  }

  // What the largest batch takes, photos or an array; a smaller one takes the first rows of it.
  Tensor rows() {
    const auto most = static_cast<std::size_t>(*std::max_element(batches_.begin(), batches_.end()));
    const auto array = std::find_if(inputs_.begin(), inputs_.end(), [](const Input& input) { return input.tensor; });
    const std::size_t photos = static_cast<std::size_t>(array - inputs_.begin());
    const std::size_t files = std::clamp<std::size_t>(photos, 1, most);
    const GroupReader into = reader();
    Group group;
    for (std::size_t i = 0; i < files; ++i) into.add(inputs_[i], group);
    noteRest(files, inputs_.size(), "files");
    if (photos == 0) noteRest(most, group.rowCounts.front(), "rows");
    return std::move(group.input);
  }

  void noteRest(std::size_t used, std::size_t there, const char* things) {
    if (used < there)
      console_.note(
          fmt::format("--input: runs see {} of {} {}: a batch of N takes the first N pictures, or the first "
                      "N rows of an array",
                      used, there, things));
  }

  const BenchArguments& arguments_;
  NetworkOptions network_;
  Console console_;
  std::optional<Model> model_;
  std::optional<Preprocess> preprocess_;
  Shape shape_;
  std::vector<std::string> methods_;
  std::vector<int> batches_;
  std::vector<Input> inputs_;
  std::size_t step_ = 0, steps_ = 0;
};

}  // namespace

int runBench(const BenchArguments& arguments) {
  watchInterrupts();
  Bench(arguments).run();
  flushStandardOutput();
  return interrupted() ? kExitInterrupted : kExitOk;
}

}  // namespace relprop::cli

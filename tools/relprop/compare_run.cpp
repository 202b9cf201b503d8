#include "compare_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "commands.h"
#include "console.h"
#include "failure.h"
#include "failures.h"
#include "group.h"
#include "interrupt.h"
#include "method_set.h"
#include "pictures.h"
#include "relprop/bench.h"
#include "relprop/error.h"
#include "result_files.h"
#include "table.h"

namespace relprop::cli {
namespace {

// No picture is at fault, and none could be compared.
struct OtherClasses : Error {
  OtherClasses(const std::string& second, std::int64_t others, const std::string& first, std::int64_t classes)
      : Error(ErrorCode::ShapeMismatch, second, fmt::format("{} classes", others),
              fmt::format("{} as {} has", classes, first), "compare two forms of one network") {}
};

// What both networks made of one picture.
struct Pair {
  const Input& input;
  std::size_t row, rows;  // of a tensor
  const std::optional<Image>& photo;
  const Explanation &first, &second;
  Agreement agreement;
};

class Comparison {
 public:
  explicit Comparison(const CompareArguments& arguments)
      : arguments_(arguments), network_(arguments.network), console_(arguments.quiet) {}

  int execute() {
    std::vector<std::string> notes;
    inputs_ = collectInputs(arguments_.paths, notes);
    noteNames(inputs_, notes);
    checkWritable(arguments_.folder);
    const Model first = loadModel(network_, console_);
    choices_ = chosenMethods(first, network_, notes);
    for (const std::string& note : notes) console_.note(note);
    open(first);
    for (std::size_t m = 0; m < choices_.size() && !interrupted(); ++m) compareAll(m);
    summarise();
    flushStandardOutput();
    if (interrupted()) return kExitInterrupted;
    return failures_.count() == 0 ? kExitOk : kExitFailure;
  }

 private:
  // ---- networks
  void open(const Model& first) {
    const Model second = Model::load(arguments_.other, modelOptions(network_));
    const auto note = [this](const std::string& text) { console_.note(text); };
    preprocess_ = chosenPreprocess(first, network_, note);
    labels_ = chosenLabels(first, arguments_.labels, note);
    layout_ = first.layout(network_.layout);
    checkPreprocess(second);
    network_.batch = batchSize();
    sets_[0] = methodsOf(first);
    sets_[1] = methodsOf(second);
    reserveFiles(first, second);
    for (auto& set : sets_) set->check();
    checkAlike(first, second);
    reader_ =
        std::make_unique<GroupReader>(first.path(), preprocess_, sets_[0]->inputShape(), layout_, OutputOptions());
  }

  // Pictures go through the networks one by one, so only the rows of an array fill a batch.
  int batchSize() const {
    const bool arrays = std::any_of(inputs_.begin(), inputs_.end(), [](const Input& input) { return input.tensor; });
    return arrays ? std::max(1, network_.batchGiven) : 1;
  }

  // The first network's preprocessing is taken for both.
  void checkPreprocess(const Model& second) {
    if (!network_.preprocess.empty()) return;
    const std::optional<Preprocess> own = chosenPreprocess(second, network_);
    if (own && (!preprocess_ || toJson(*own) != toJson(*preprocess_)))
      console_.warning(second.path() + ": its own preprocessing is left aside for that of the first network");
  }

  std::unique_ptr<MethodSet> methodsOf(const Model& model) {
    const Shape tensor = network_.shape.empty() && inputs_.size() == 1 ? tensorShape(inputs_) : Shape();
    const Shape shape = chooseShape(model, network_, preprocess_, tensor);
    const auto note = [this](const std::string& text) { console_.note(text); };
    const auto warn = [this, path = model.path()](const std::string& text) { console_.warning(path + ": " + text); };
    MethodSet::Network network{model, network_, shape, preprocess_, parseQuestion({}, labels_, model)};
    network.progress = [](std::int64_t, std::int64_t) { return !interrupted(); };
    return std::make_unique<MethodSet>(choices_, std::move(network), note, warn);
  }

  void checkAlike(const Model& first, const Model& second) {
    const Shape &a = sets_[0]->inputShape(), &b = sets_[1]->inputShape();
    if (a != b)
      throw Error(ErrorCode::ShapeMismatch, second.path(), "an input of " + toString(b),
                  toString(a) + " as " + first.path() + " has",
                  "compare two forms of one network, or give both a size with --shape");
    const std::int64_t classes = first.outputClasses(), others = second.outputClasses();
    sameClasses_ = classes >= 0 && others >= 0;
    if (sameClasses_ && classes != others) throw OtherClasses(second.path(), others, first.path(), classes);
  }

  // Those of the rows of a tensor are looked at when they are written.
  void reserveFiles(const Model& first, const Model& second) {
    NetworkOptions other;
    other.model = arguments_.other;
    std::vector<std::filesystem::path> read = pathsOf(inputs_);
    for (const auto& files : {filesOf(network_, first, choices_), filesOf(other, second)})
      read.insert(read.end(), files.begin(), files.end());
    read.emplace_back(arguments_.labels);
    files_.emplace(arguments_.folder, InputFiles(read));
    for (std::size_t m = 0; m < choices_.size(); ++m)
      for (const Input& input : inputs_)
        if (!input.tensor) files_->requirePlace(fileName(m, input) + ".png");
  }

  // ---- pictures
  void compareAll(std::size_t m) {
    agreements_.emplace_back();
    Method &first = sets_[0]->all()[m], &second = sets_[1]->all()[m];
    if (!sets_[0]->open(first) || !sets_[1]->open(second)) return;
    for (const Input& input : inputs_) {
      if (interrupted()) break;
      console_.progress(step_++, inputs_.size() * choices_.size(), input.path.filename().string());
      if (!failures_.hasFailed(input)) compareInput(m, input);
    }
    for (std::size_t k : {0u, 1u}) sets_[k]->close(sets_[k]->all()[m], true);
  }

  // What neither the files nor the shapes of their images tell, the first picture does.
  void requireSameClasses(const Explanation& map, const Tensor& input, Explainer& second) {
    if (sameClasses_) return;
    const std::size_t classes = map.logits.size(), others = second.explain(rowsOf(input, 0, 1)).front().logits.size();
    if (classes != others)
      throw OtherClasses(arguments_.other, static_cast<std::int64_t>(others), network_.model,
                         static_cast<std::int64_t>(classes));
    sameClasses_ = true;
  }

  void compareInput(std::size_t m, const Input& input) {
    Explainer &first = **sets_[0]->all()[m].explainer, &second = **sets_[1]->all()[m].explainer;
    try {
      Group group;
      reader_->add(input, group);
      const std::vector<Explanation> maps = first.explain(group.input);
      requireSameClasses(maps.front(), group.input, second);
      std::vector<Target> same;
      for (const Explanation& map : maps) same.push_back(Target::of(map.target));
      const std::vector<Explanation> others = second.explain(group.input, same);
      for (std::size_t row = 0; row < maps.size(); ++row)
        report(m, {input, row, maps.size(), group.members[0].photo, maps[row], others[row],
                   agreementOf(maps[row], others[row])});
    } catch (const OtherClasses&) {
      throw;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::Cancelled || !interrupted()) fail(input, error.what());
    } catch (...) {
      fail(input, failureMessage());
    }
  }

  void fail(const Input& input, const std::string& message) {
    failures_.fail(input);
    console_.error(failureOf(input.path, message));
  }

  // ---- results
  std::string title(const std::string& which, const Explanation& map) const {
    return which + ": " + predictionText(predicted(map), labels_);
  }

  Image picture(const Pair& pair) const {
    HeatmapOptions heat;
    heat.layout = layout_;
    heat.zoom = legibleZoom(arguments_.zoom, widthOf(pair.first, layout_));
    std::vector<TitledImage> row;
    if (pair.photo) {
      const int width = pair.photo->width * heat.zoom, height = pair.photo->height * heat.zoom;
      row.push_back({"photo", resizeImage(*pair.photo, width, height)});
    }
    row.push_back({title("first", pair.first), renderHeatmap(pair.first.relevance, {}, heat)});
    row.push_back({title("second", pair.second), renderHeatmap(pair.second.relevance, {}, heat)});
    return composePanel({row});
  }

  std::string fileName(std::size_t m, const Input& input, const std::string& row = "") const {
    return fmt::format("{}{}.{}.compare", input.name, row, sets_[0]->all()[m].filePart);
  }

  std::string save(std::size_t m, const Pair& pair) {
    const std::string row = pair.rows > 1 ? fmt::format(".{}", pair.row) : "";
    return files_->write(fileName(m, pair.input, row), "png", encodePng(picture(pair)));
  }

  void report(std::size_t m, const Pair& pair) {
    const std::string file = save(m, pair);
    agreements_.back().push_back(pair.agreement);
    if (arguments_.json) return console_.lines(dump(json(m, pair, file), -1));
    const Prediction &a = predicted(pair.first), &b = predicted(pair.second);
    std::string change = predictionText(a, labels_);
    if (a.index != b.index)
      change += fmt::format(" → {} (changed)", predictionText(b, labels_));
    else if (std::isfinite(b.probability))
      change += fmt::format(" → {:.2f}", b.probability);
    console_.result(fmt::format("{}: {} · {} Spearman {:.3f} · {}", rowTitle(pair.input, pair.row, pair.rows), change,
                                choices_[m].text, pair.agreement.spearman, file));
  }

  Json predictionOf(const Explanation& map) const {
    const Prediction& best = predicted(map);
    const auto at = static_cast<std::size_t>(best.index);
    return {{"index", best.index},
            {"label", at < labels_.size() ? Json(labels_[at]) : Json()},
            {"probability", best.probability},
            {"logit", best.logit}};
  }

  Json json(std::size_t m, const Pair& pair, const std::string& file) const {
    const Method &first = sets_[0]->all()[m], &second = sets_[1]->all()[m];
    const auto both = [](double a, double b) { return Json::array({a, b}); };
    const Prediction &a = pair.first.targetPrediction, &b = pair.second.targetPrediction;
    Json result = {{"input", pair.input.path.string()}, {"row", pair.row}, {"method", first.facts.method}};
    result["models"] = Json::array();
    for (const Method* method : {&first, &second})
      result["models"].push_back({{"path", method->facts.modelPath}, {"hash", method->facts.modelHash}});
    result["predictions"] = Json::array({predictionOf(pair.first), predictionOf(pair.second)});
    result["topChanged"] = !pair.agreement.sameTop;
    result["target"] = {{"index", pair.first.target},
                        {"probability", both(a.probability, b.probability)},
                        {"logit", both(a.logit, b.logit)}};
    result["spearman"] = pair.agreement.spearman;
    result["logits"] = pair.agreement.logits;
    result["conservation"] =
        pair.agreement.conserves ? both(pair.agreement.conservation[0], pair.agreement.conservation[1]) : Json();
    result["files"] = {{"png", file}};
    return result;
  }

  void summarise() {
    Json list = Json::array();
    std::vector<std::vector<std::string>> rows = {
        {"method", "pictures", "top-1 changed", "Spearman median", "lowest", "logits differ by"}};
    for (std::size_t m = 0; m < agreements_.size(); ++m) {
      if (agreements_[m].empty()) continue;
      const AgreementSummary s = relprop::summarise(agreements_[m]);
      rows.push_back({choices_[m].text, std::to_string(s.pictures), std::to_string(s.topChanged),
                      fmt::format("{:.3f}", s.spearman), fmt::format("{:.3f}", s.lowestSpearman),
                      fmt::format("{:.1f} %", 100 * s.logits)});
      list.push_back({{"method", choices_[m].text},
                      {"pictures", s.pictures},
                      {"topChanged", s.topChanged},
                      {"spearman", s.spearman},
                      {"lowestSpearman", s.lowestSpearman},
                      {"logits", s.logits}});
    }
    if (rows.size() == 1) return;
    if (arguments_.json) return console_.lines(dump({{"summary", list}}, -1));
    if (!arguments_.quiet) printTable(console_, rows);
  }

  const CompareArguments& arguments_;
  NetworkOptions network_;
  Console console_;
  std::vector<Input> inputs_;
  std::vector<MethodChoice> choices_;
  std::optional<Preprocess> preprocess_;
  Layout layout_ = Layout::ChannelsFirst;  // of the networks' inputs
  bool sameClasses_ = false;               // is known
  std::vector<std::string> labels_;
  std::unique_ptr<MethodSet> sets_[2];
  std::unique_ptr<GroupReader> reader_;
  std::optional<ResultFiles> files_;
  Failures failures_;
  std::vector<std::vector<Agreement>> agreements_;  // by method
  std::size_t step_ = 0;
};

}  // namespace

int runCompare(const CompareArguments& arguments) {
  watchInterrupts();
  return Comparison(arguments).execute();
}

}  // namespace relprop::cli

#include "fuzz/question_damage.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "fuzz/dice.h"
#include "fuzz/drawn_network.h"
#include "fuzz/harness.h"
#include "fuzz/model_damage.h"
#include "relprop/explain.h"
#include "relprop/metrics.h"
#include "rules/rule.h"

namespace relprop::fuzz {

namespace {

using Words = std::vector<std::string>;

const Words kSettings = {"0",    "1",     "-1",   "2",    "3",  "4",          "7",          "9",
                         "16",   "0.5",   "0.25", "1e-9", "10", "1e30",       "1e-30",      "1e308",
                         "3e38", "1e-45", "nan",  "inf",  "64", "2147483647", "2147483648", "9223372036854775807",
                         "on",   "off",   "",     "abs",  "all"};
const Words kClasses = {"argmax", "0", "1", "2", "top:2", "top:3", "not:0", "0,1,2", "argmax,0"};
const Words kOddClasses = {"9",     "top:1000", "not:9", "-1",    "not:-1", "2147483647", "2147483648", "all",
                           "top:0", "cat",      "0,0",   "1,0,1", "not:1",  "top:1001",   "none",       ""};

class Asking : Dice {
 public:
  Asking(const onnx::ModelProto& model, std::mt19937& random) : Dice(random) {
    for (const onnx::NodeProto& node : model.graph().node()) {
      nodes_.push_back(node.name());
      nodes_.insert(nodes_.end(), node.output().begin(), node.output().end());
      operators_.push_back(node.op_type());
    }
    for (Words* words : {&nodes_, &operators_}) {
      words->push_back("*");
      std::erase_if(*words, [](const std::string& word) { return word.find('\n') != word.npos; });
    }
  }

  std::string question() {
    std::string text = "method " + named(allMethods(), commonParameters()) + "\n";
    if (below(4) == 0) text += "metric " + named(allMetrics(), {}) + "\n" + (below(2) ? "" : "predicted\n");
    for (std::size_t times = below(4) * below(2); times > 0; --times)
      text += "rule " + (below(2) ? oneOf(nodes_) : oneOf(operators_)) + "=" + rule() + "\n";
    if (below(2)) text += "target " + target() + "\n";
    if (below(8) == 0) text += "target " + target() + "\n";
    if (below(4) == 0) text += "contrast " + (below(2) ? "" : oneOf(kSettings)) + "\n";
    if (below(4) == 0) text += "from " + oneOf(nodes_) + (below(2) ? "" : ":" + oneOf(kSettings)) + "\n";
    if (below(4) == 0) text += "at " + oneOf(nodes_) + "\n";
    for (const char* key : {"batch", "images", "reference", "first", "range", "memory", "ledger", "brightness"})
      if (below(8) == 0) text += std::string(key) + " " + std::to_string(below(6)) + "\n";
    return text;
  }

 private:
  // Mostly what can be meant.
  const std::string& target() { return below(6) ? oneOf(kClasses) : oneOf(kOddClasses); }
  static const std::vector<MethodInfo>& allMethods() {
    static const std::vector<MethodInfo> all = methods();
    return all;
  }
  static const std::vector<MetricInfo>& allMetrics() {
    static const std::vector<MetricInfo> all = metricInfos();
    return all;
  }
  using Parameters = std::vector<std::pair<std::string, std::string>>;  // key, default and choices
  // One of them with parameters, mostly its own: "rise:cells=3,p=0.5".
  template <class Info>
  std::string named(const std::vector<Info>& all, const Parameters& common) {
    const Info& info = oneOf(all);
    Parameters some;
    for (std::size_t count = below(4); count > 0; --count) {
      const Parameters& list = common.empty() || below(4) != 0 ? info.parameters : common;
      if (!list.empty()) some.push_back(oneOf(list));
    }
    std::map<std::string, std::string> chosen;
    for (const auto& [key, choices] : some) chosen[key] = below(4) == 0 ? oneOf(kSettings) : oneOf(wordsOf(choices));
    if (chosen.contains("shift")) chosen.insert({"shifts", "4"});
    if (!common.empty() && (chosen.contains("samples") || chosen.contains("rng")))
      chosen.insert({"noise", "0.1"});  // refused by few
    std::string text = info.name;
    char separator = ':';
    for (const auto& [key, value] : chosen) text += std::exchange(separator, ',') + key + "=" + value;
    return text;
  }
  // "ratio (proportional, ratio or gamma:G)" → ratio, proportional, …
  static Words wordsOf(const std::string& choices) {
    Words words(1);
    for (const char c : choices)
      if (c == ' ' || c == ',' || c == '(' || c == ')')
        words.emplace_back();
      else
        words.back() += c == 'G' || c == 'K' ? '2' : c;
    for (const char* filler : {"", "or", "a", "the", "of", "number"}) std::erase(words, filler);
    if (words.empty()) words.emplace_back();
    return words;
  }
  std::string rule() {
    const RuleInfo& info = oneOf(ruleList());
    const bool plain = !*info.positional || below(2);
    return info.name + (plain ? "" : ":" + oneOf(kSettings));
  }

  Words nodes_, operators_;
};

// Weights of both signs, so that sums cancel and units rest; now and then zeros or numbers close to the bounds of
// floats.
void varyWeights(onnx::GraphProto& graph, std::mt19937& random) {
  constexpr std::array kScales = {1.0f, 1.0f, 1.0f, 1.0f, 0.1f, 10.0f, 0.0f, 1e-30f, 1e15f, 1e30f};
  for (onnx::TensorProto& tensor : *graph.mutable_initializer()) {
    const float scale = kScales[random() % kScales.size()];
    const bool positive = random() % 4 == 0;
    for (float& value : *tensor.mutable_float_data()) {
      const float share = static_cast<float>(random() % 2001) / 1000 - 1;
      value = scale * (positive ? std::fabs(share) : share);
    }
  }
}

}  // namespace

std::optional<std::vector<std::uint8_t>> damagedQuestion(Bytes bytes, std::mt19937& random) {
  const std::vector<Part> parts = partsOf(bytes);
  const auto network = std::find_if(parts.begin(), parts.end(), [](const Part& p) { return p.name == "model.onnx"; });
  onnx::ModelProto model;
  if (network == parts.end() || !model.ParseFromArray(network->bytes.data(), static_cast<int>(network->bytes.size())))
    return {};
  if (random() % 8 == 0) {
    const std::vector<std::uint8_t> drawn = drawnNetwork(random);
    model.ParseFromArray(drawn.data(), static_cast<int>(drawn.size()));
  }
  const std::string question = Asking(model, random).question();
  if (random() % 2) varyWeights(*model.mutable_graph(), random);
  std::vector<std::uint8_t> result;
  appendPart(result, "question", {reinterpret_cast<const std::uint8_t*>(question.data()), question.size()});
  std::vector<std::uint8_t> varied(model.ByteSizeLong());
  model.SerializeWithCachedSizesToArray(varied.data());
  const auto damaged = random() % 4 == 0 ? damagedModel(varied, random) : std::nullopt;
  appendPart(result, "model.onnx", damaged ? *damaged : varied);
  return result;
}

}  // namespace relprop::fuzz

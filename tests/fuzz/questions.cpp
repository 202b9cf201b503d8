// What is asked of a network: methods with parameters, rows of rules, targets, inner nodes, batches, metrics. The parts
// are the network, model.onnx, and the question, lines of "KEY VALUE".
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>

#include "fuzz/explain_small.h"
#include "fuzz/harness.h"
#include "fuzz/measure_small.h"
#include "fuzz/question_damage.h"
#include "relprop/question.h"

namespace relprop::fuzz {
namespace {

struct Question {
  TargetText target;
  ExplainOptions options;
  Pictures pictures;
  EvaluateOptions measures{.methods = {}, .metrics = {}};
};

float brightnessOf(const std::string& number) {
  constexpr std::array kScales = {0.0f, 1e-30f, 1e-3f, 100.0f, 1e15f, 1e30f};
  return kScales[static_cast<unsigned>(std::atoi(number.c_str())) % kScales.size()];
}

using Set = void (*)(Question&, const std::string&);
const std::map<std::string, Set> kKeys = {
    {"method",
     [](Question& q, const std::string& value) { q.options.method = value, q.measures.methods.push_back(value); }},
    {"metric", [](Question& q, const std::string& value) { q.measures.metrics.push_back(value); }},
    {"predicted", [](Question& q, const std::string&) { q.measures.target = "predicted"; }},
    {"rule", [](Question& q, const std::string& value) { q.options.rules.push_back(value); }},
    {"target", [](Question& q, const std::string& value) { q.target.targets.push_back(value); }},
    {"contrast", [](Question& q, const std::string& value) { q.target.contrast = value; }},
    {"from", [](Question& q, const std::string& value) { q.target.from = value; }},
    {"at", [](Question& q, const std::string& value) { q.target.at.push_back(value); }},
    {"batch", [](Question& q, const std::string& value) { q.options.batch = std::atoi(value.c_str()); }},
    {"images", [](Question& q, const std::string& value) { q.pictures.count = std::atoi(value.c_str()); }},
    {"brightness", [](Question& q, const std::string& value) { q.pictures.scale = brightnessOf(value); }},
    {"reference", [](Question& q, const std::string&) { q.options.reference = true; }},
    {"first", [](Question& q, const std::string&) { q.options.channelsFirst = true; }},
    {"range",
     [](Question& q, const std::string&) {
       q.options.pixelRange = PixelRange{{-1}, {1}};
     }},
    {"memory",
     [](Question& q, const std::string& value) { q.options.memory = std::int64_t{40'000} * std::atoi(value.c_str()); }},
    {"ledger", [](Question& q, const std::string&) { q.options.ledger = false; }}};

Question questionOf(const std::string& text) {
  Question question;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t space = std::min(line.find(' '), line.size());
    const auto key = kKeys.find(line.substr(0, space));
    if (key != kKeys.end()) key->second(question, line.substr(std::min(space + 1, line.size())));
  }
  return question;
}

// With finite weights and pictures maps are finite, or an error says that they are not.
void expectFinite(const std::vector<Explanation>& explanations) {
  for (const Explanation& explanation : explanations)
    for (const float value : explanation.relevance.data)
      if (!std::isfinite(value)) std::fprintf(stderr, "a map with %g\n", static_cast<double>(value)), std::abort();
}

const Harness questionsHarness(
    "questions",
    [](Bytes bytes) {
      Bytes network;
      Question question;
      for (const Part& part : partsOf(bytes))
        if (part.name == "model.onnx")
          network = part.bytes;
        else if (part.name == "question")
          question = questionOf(textOf(part.bytes));
      expectResultOrError([&] {
        const Model model = Model::fromBytes(std::as_bytes(network), {.name = "fuzz", .folder = {}, .options = {}});
        if (!question.measures.metrics.empty()) {
          question.measures.rules = question.options.rules;
          return measureSmall(model, question.measures);
        }
        const TargetChoice choice = chooseTargets(question.target, {}, model);
        question.options.from = choice.from;
        question.options.at = question.target.at;
        question.options.targets = targetsOf(choice);
        expectFinite(explainSmall(model, question.options, question.pictures));
      });
    },
    damagedQuestion);

}  // namespace
}  // namespace relprop::fuzz

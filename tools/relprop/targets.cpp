#include "targets.h"

#include <fmt/format.h>

#include <algorithm>

#include "method_choice.h"
#include "no_empty_values.h"

namespace relprop::cli {
namespace {

// Names of files have to differ: "a/x.npy" and "b/x.npy", "sea-snake" and "sea snake".
void makeNamesDiffer(std::vector<NamedTarget>& targets) {
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto taken = [&](const std::string& name) {
      return std::any_of(targets.begin(), targets.begin() + static_cast<std::ptrdiff_t>(i),
                         [&](const auto& earlier) { return fileNamePart(earlier.name) == fileNamePart(name); });
    };
    const std::string base = targets[i].name;
    for (int counter = 2; taken(targets[i].name); ++counter) targets[i].name = fmt::format("{}-{}", base, counter);
  }
}

}  // namespace

void addQuestionOptions(CLI::App& app, TargetOptions& options) {
  app.add_option(
         "--target", options.targets,
         "argmax (default), the K highest classes, classes by index or by the beginning of their names, not:CLASS for "
         "what speaks against one (of a network with one output the other answer), or output relevance from a file; "
         "several with commas")
      ->type_name("argmax|top:K|CLASS|not:CLASS|FILE.npy")
      ->allow_extra_args(false);
  app.add_option_function<std::string>(
         "--contrast",
         [&options](const std::string& text) {
           if (text.empty()) throw CLI::ValidationError("--contrast", kNoValue);
           options.contrast = text == "others" ? "" : text;
         },
         "what speaks for the target rather than for CLASS, or without a value for all others")
      ->expected(0, 1)
      ->default_str("others")
      ->type_name("[CLASS]");
  app.add_option(
         "--from", options.from,
         "explain the output of this node, called by its name or its output's, instead of the scores: one channel or, "
         "without one, the whole")
      ->type_name("NODE[:CHANNEL]");
}

void addLayerOptions(CLI::App& app, TargetOptions& options) {
  app.add_option("--at", options.at, "relevance at the output of this inner node too (a glob; repeatable)")
      ->type_name("NODE")
      ->allow_extra_args(false);
}

void checkTargetOptions(const TargetOptions& options) {
  if (const std::string why = contradiction(options); !why.empty()) throw CLI::ValidationError(why);
}

Question parseQuestion(const TargetOptions& options, const std::vector<std::string>& labels, const Model& model) {
  if (const std::string why = contradiction(options, model); !why.empty()) throw CLI::ValidationError(why);
  Question question = chooseTargets(options, labels, model);
  makeNamesDiffer(question.targets);
  return question;
}

}  // namespace relprop::cli

// The program relprop. Exit codes: see commands.h.
#include <fmt/core.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "budget_option.h"
#include "commands.h"
#include "console.h"
#include "failure.h"
#include "interrupt.h"
#include "no_empty_values.h"
#include "relprop/explain.h"
#include "threads.h"

namespace relprop::cli {
namespace {

constexpr const char* kMainExamples = R"(Examples:
  relprop explain resnet50.onnx dog.jpg --method rap --labels imagenet
  relprop inspect resnet50.onnx --method lrp-zplus
  relprop bench resnet50.onnx --methods gradient,lrp-zplus,rap --batch 1,8
  relprop compare resnet50.onnx resnet50.int8.onnx dog.jpg
  relprop methods lrp-gamma
  relprop evaluate resnet50.onnx --data imagenet:DIR --methods rap,gradient --store runs.db
  relprop report runs.db -o report/
  relprop bow train voc:VOC2012 -o voc.bow --folds 5
  relprop completion bash > ~/.local/share/bash-completion/completions/relprop

relprop COMMAND --help tells more of each.
Exit codes: 0 all right, 1 a failure, 2 wrong usage, 130 interrupted, 141 output nobody reads.)";

std::string versionText() {
  std::string text = "relprop " + version();
  std::map<std::string, std::string> libraries = versions();
  libraries.erase("relprop");  // has the first line
  libraries["CLI11"] = CLI11_VERSION;
  libraries["fmt"] = fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100);
  libraries["nlohmann-json"] =
      fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH);
  for (const auto& [name, number] : libraries) text += fmt::format("\n{} {}", name, number);
  return text;
}

int usageError(const std::string& message) {
  Console console(false);
  console.error(message);
  console.note("run relprop --help for what there is");
  return kExitUsage;
}

std::vector<std::string> partsOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* part : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(part->get_name());
  return names;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& names) {
  std::string nearest = nearestName(word, names);
  return nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest);
}

// The word behind a command of several parts has to be one of them.
std::string wrongPart(const CLI::App& app, const std::string& word) {
  const std::vector<std::string> parts = partsOf(app);
  if (parts.empty() || word.starts_with('-') || std::find(parts.begin(), parts.end(), word) != parts.end()) return "";
  return fmt::format("there is no command '{} {}', but {}{}", app.get_name(), word, fmt::join(parts, ", "),
                     suggestion(word, parts));
}

// The first word has to be a command. CLI11 would only say that some word was not expected.
std::string wrongCommand(const std::vector<Command>& commands, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return "";
  std::vector<std::string> names;
  for (const Command& command : commands) {
    names.push_back(command.app->get_name());
    if (names.back() == argv[1]) return argc < 3 ? "" : wrongPart(*command.app, argv[2]);
  }
  return fmt::format("there is no command '{}'{}", argv[1], suggestion(argv[1], names));
}

// The nearest option, or part of a command, where one was mistyped.
std::string suggestions(const CLI::App& root) {
  std::string text;
  for (const CLI::App* app : root.get_subcommands()) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app->get_options())
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& word : app->remaining())
      if (word != "--")  // what CLI11 keeps of it is no word that was mistyped
        text += suggestion(word.substr(0, word.find('=')), word.starts_with("--") ? names : partsOf(*app));
    text += suggestions(*app);
  }
  return text;
}

// CLI11 takes the word behind "--title=" for its value.
std::string emptyValue(int argc, char** argv) {
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--") break;
    if (word.starts_with("--") && word.find('=') + 1 == word.size())
      return fmt::format("{}: {}", word.substr(0, word.size() - 1), kNoValue);
  }
  return "";
}

std::string parseMessage(const CLI::App& root, const CLI::ParseError& error) {
  return error.what() + suggestions(root);
}

int run(CLI::App& root, const std::vector<Command>& commands, int argc, char** argv) {
  for (const std::string& wrong : {wrongCommand(commands, argc, argv), emptyValue(argc, argv)})
    if (!wrong.empty()) return usageError(wrong);
  try {
    root.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    std::ostringstream text;
    const int code = root.exit(asked, text);
    putOutput(text.str());
    flushStandardOutput();
    return code;
  } catch (const CLI::ParseError& error) {
    return usageError(parseMessage(root, error));
  }
  for (const Command& command : commands) try {
      if (command.app->parsed()) return command.run();
    } catch (const CLI::ValidationError& error) {  // only the network shows that options contradict one another
      return usageError(error.what());
    }
  return usageError("a command is missing");
}

// Of what a command has thrown; to be called inside a catch block.
int exitCodeOfFailure() {
  try {
    throw;
  } catch (const ReaderGone&) {
    return kExitReaderGone;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::Cancelled && interrupted()) return kExitInterrupted;
    if (error.code() == ErrorCode::FileWriteFailed && isUnreadOutput(error.where())) return kExitReaderGone;
  } catch (...) {
  }
  Console(false).error(failureMessage());
  return kExitFailure;
}

int guardedMain(int argc, char** argv) {
  try {
    CLI::App root("Explains what the decision of an image classifier rests on.", "relprop");
    root.set_version_flag("--version", versionText, "versions of the program and of what it is built on");
    root.footer(kMainExamples);
    std::vector<Command> commands = {
        addExplain(root), addInspect(root),    addBench(root),    addTune(root),
        addCompare(root), addMethods(root),    addPatterns(root), addEvaluate(root, argc, argv),
        addMetrics(root), addReport(root),     addExport(root),   addMerge(root),
        addBow(root),     addCompletion(root),
    };
    for (const Command& command : commands) {
      const std::string name = command.app->get_name();
      if (name != "methods" && name != "metrics" && name != "completion") addBudgetOption(*command.app);
    }
    refuseEmptyValues(root);
    return run(root, commands, argc, argv);
  } catch (...) {
    return exitCodeOfFailure();
  }
}

}  // namespace
}  // namespace relprop::cli

int main(int argc, char** argv) {
  relprop::cli::keepStandardStreams();
  relprop::cli::settleLimits();
  relprop::cli::waitAsleep(argc, argv);
  return relprop::cli::guardedMain(argc, argv);
}

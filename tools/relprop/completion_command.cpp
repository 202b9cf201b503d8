// Completion scripts, made from the options themselves so that they cannot fall behind.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "commands.h"
#include "console.h"
#include "relprop/dataset.h"
#include "relprop/explain.h"
#include "relprop/metrics.h"

namespace relprop::cli {
namespace {

constexpr const char* kCompletionExamples = R"(Examples:
  relprop completion bash > ~/.local/share/bash-completion/completions/relprop
  relprop completion zsh > ~/.zfunc/_relprop      # a folder of $fpath
  relprop completion fish > ~/.config/fish/completions/relprop.fish)";

using Words = std::vector<std::string>;

// Values that can be completed, by option, or by command and option where one command means others; options that are
// not here take files.
std::map<std::string, Words> optionValues() {
  std::map<std::string, Words> values = {
      {"--residual", {"proportional", "ratio", "symmetric"}},
      {"--identity-skip", {"on", "off"}},
      {"--batchnorm", {"fold", "pass"}},
      {"--view", {"heat", "overlay", "split", "panel"}},
      {"--save", {"png", "npy", "json", "none"}},
      {"--maxpool", {"winner", "average", "average:2", "proportional"}},
      {"--order", {"leaks", "network"}},
      {"--labels", {"imagenet"}},
      {"--kernel", {"linear", "intersection", "hellinger", "chi2-additive", "chi2", "rbf"}},
      {"--mapping", {"rank", "hard", "gaussian"}},
      {"--pool", {"1", "2", "max"}},
      {"--norm", {"l1", "l2", "none"}},
      {"--colour", {"grey", "rgb", "opponent"}},
      {"--target", {"argmax", "top:5"}},
      {"evaluate --target", {"true", "predicted"}},
      {"export --target", {"true", "predicted", "true+correct"}},
      {"export --data", {}},
      {"--layout", {"nchw", "nhwc"}},
      {"--format", {"csv", "json", "virelay"}},
      {"--contrast", {"others"}},
      {"--precision", {"f32", "bf16"}},
      {"--floor-precision", {"f32", "bf16"}},
      {"--metric-precision", {"f32", "bf16"}},
      {"--preprocess", preprocessNames()}};
  for (const MethodInfo& method : methods()) values["--method"].push_back(method.name);
  for (const MetricInfo& metric : metricInfos()) values["--metrics"].push_back(metric.name);
  for (const DatasetKind& kind : datasetKinds()) values["--data"].push_back(kind.name + ":");
  values["-m"] = values["--methods"] = values["--method"];
  values["--methods"].push_back("all");
  return values;
}

const Words& choicesOf(const std::string& command, const std::string& option) {
  static const std::map<std::string, Words> values = optionValues();
  static const Words none;
  for (const std::string& key : {command + " " + option, option})
    if (const auto found = values.find(key); found != values.end()) return found->second;
  return none;
}

std::string flat(const Words& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

std::vector<const CLI::App*> subcommands(const CLI::App& root) {
  return root.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<const CLI::Option*> ownOptions(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return option->nonpositional(); });
}

// With those of the parts that a command has, each name once.
std::vector<const CLI::Option*> namedOptions(const CLI::App& app) {
  std::vector<const CLI::Option*> options = ownOptions(app);
  for (const CLI::App* part : subcommands(app))
    for (const CLI::Option* option : namedOptions(*part))
      if (std::none_of(options.begin(), options.end(),
                       [&](const CLI::Option* other) { return other->get_name() == option->get_name(); }))
        options.push_back(option);
  return options;
}

Words optionWords(const std::vector<const CLI::Option*>& options) {
  Words words;
  for (const CLI::Option* option : options) {
    for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
    for (const std::string& name : option->get_snames()) words.push_back("-" + name);
  }
  return words;
}

// Words that may stand where a subcommand takes no file.
Words argumentWords(const CLI::App& app) {
  if (app.get_name() == "methods") return choicesOf("", "--method");
  if (app.get_name() == "metrics") return choicesOf("", "--metrics");
  if (app.get_name() == "completion") return {"bash", "zsh", "fish"};
  Words parts;
  for (const CLI::App* part : subcommands(app)) parts.push_back(part->get_name());
  return parts;
}

// A command of several parts, such as bow train: its first argument is one of them, and files follow.
bool takesFilesBehindPart(const CLI::App& app) {
  return !subcommands(app).empty();
}

// Cases of "COMMAND OPTION": those of one command stand before those of all.
std::string bashValues() {
  std::string special, general;
  for (const auto& [option, choices] : optionValues()) {
    const bool all = option.starts_with('-');
    (all ? general : special) += fmt::format("    {}\"{}\") _relprop_offer \"{}\" files; return ;;\n", all ? "*" : "",
                                             (all ? " " : "") + option, flat(choices));
  }
  return special + general;
}

// What of a command may stand at the cursor: its options, and the words of its arguments where those are no files.
std::string bashCase(const CLI::App& app) {
  const std::string words = fmt::format("words=\"{}\"", flat(argumentWords(app)));
  return fmt::format("    {}) options=\"{}\"; {} ;;\n", app.get_name(), flat(optionWords(namedOptions(app))),
                     takesFilesBehindPart(app) ? "[ \"$COMP_CWORD\" -gt 2 ] || " + words : words);
}

// Words alone are never completed as files: a slash would be put behind the one that a folder is called like, and a
// backslash before the colon of another.
constexpr const char* kBashOffer = R"(_relprop_offer() {
  local -a files
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word")
  [ -n "${2-}" ] || return 0
  [ "${#COMPREPLY[@]}" -gt 0 ] || compopt -o filenames 2>/dev/null
  mapfile -t files < <(compgen -f -- "$word")
  COMPREPLY+=("${files[@]}")
}
)";

std::string bashScript(const CLI::App& root) {
  Words names;
  std::string cases;
  for (const CLI::App* app : subcommands(root)) {
    names.push_back(app->get_name());
    cases += bashCase(*app);
  }
  return kBashOffer + fmt::format(R"(_relprop() {{
  local word="${{2-${{COMP_WORDS[COMP_CWORD]}}}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" options="" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    _relprop_offer "{} {}"
    return
  fi
  case "${{COMP_WORDS[1]}} $previous" in
{}  esac
  case "${{COMP_WORDS[1]}}" in
{}  esac
  case "$word" in
    -*) _relprop_offer "$options" ;;
    *) if [ -n "$words" ]; then _relprop_offer "$words"; else _relprop_offer "" files; fi ;;
  esac
}}
complete -F _relprop relprop
)",
                                  flat(names), flat(optionWords(ownOptions(root))), bashValues(), cases);
}

std::string shellQuoted(const std::string& text, const std::string& escapedQuote) {
  std::string quoted = "'";
  for (char c : text) quoted += c == '\'' ? escapedQuote : std::string(1, c);
  return quoted + "'";
}

std::string zshQuoted(const std::string& text) {
  return shellQuoted(text, "'\\''");
}

// Brackets and colons mean something to _arguments and _describe.
std::string zshText(const std::string& text) {
  std::string escaped;
  for (char c : text) escaped += std::string(c == '[' || c == ']' || c == ':' ? "\\" : "") + c;
  return escaped;
}

std::string zshOption(const std::string& command, const std::string& name, const CLI::Option& option) {
  std::string spec = "*" + name + "[" + zshText(option.get_description()) + "]";
  const Words& choices = choicesOf(command, name);
  if (option.get_items_expected_max() > 0)
    spec += choices.empty() ? ":value:_files" : ":value:{ compadd -- " + flat(choices) + "; _files }";
  return " \\\n        " + zshQuoted(spec);
}

std::string zshArguments(const CLI::App& app) {
  std::string line = "_arguments";
  for (const CLI::Option* option : namedOptions(app)) {
    for (const std::string& name : option->get_lnames()) line += zshOption(app.get_name(), "--" + name, *option);
    for (const std::string& name : option->get_snames()) line += zshOption(app.get_name(), "-" + name, *option);
  }
  const Words words = argumentWords(app);
  if (words.empty()) return line + " '*:file:_files'";
  const std::string offered = ":word:(" + flat(words) + ")'";
  return line + (takesFilesBehindPart(app) ? " '1" + offered + " '*:file:_files'" : " '*" + offered);
}

std::string zshScript(const CLI::App& root) {
  std::string names, cases;
  for (const CLI::App* app : subcommands(root)) {
    names += " " + zshQuoted(app->get_name() + ":" + zshText(app->get_description()));
    cases += fmt::format("    {}) {} ;;\n", app->get_name(), zshArguments(*app));
  }
  return fmt::format(R"(#compdef relprop
_relprop() {{
  local -a commands=({})
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
{}  esac
}}
if [ "$funcstack[1]" = _relprop ]; then _relprop "$@"; else compdef _relprop relprop; fi
)",
                     names, cases);
}

std::string fishQuoted(const std::string& text) {
  return shellQuoted(text, "\\'");
}

std::string fishOption(const std::string& condition, const std::string& command, const CLI::Option& option) {
  std::string line = "complete -c relprop" + condition;
  for (const std::string& name : option.get_snames()) line += " -s " + name;
  std::string choices;
  for (const std::string& name : option.get_lnames()) {
    line += " -l " + name;
    choices = flat(choicesOf(command, "--" + name));
  }
  if (option.get_items_expected_max() > 0) line += choices.empty() ? " -r" : " -r -a " + fishQuoted(choices);
  return line + " -d " + fishQuoted(option.get_description()) + "\n";
}

std::string fishScript(const CLI::App& root) {
  std::string script;
  for (const CLI::Option* option : ownOptions(root)) script += fishOption(" -n __fish_use_subcommand", "", *option);
  for (const CLI::App* app : subcommands(root)) {
    script += fmt::format("complete -c relprop -n __fish_use_subcommand -f -a {} -d {}\n", app->get_name(),
                          fishQuoted(app->get_description()));
    std::string condition = fmt::format(" -n '__fish_seen_subcommand_from {}'", app->get_name());
    for (const CLI::Option* option : namedOptions(*app)) script += fishOption(condition, app->get_name(), *option);
    if (const std::string words = flat(argumentWords(*app)); !words.empty())
      script += fmt::format("complete -c relprop -n '__fish_seen_subcommand_from {}{}' -f -a {}\n", app->get_name(),
                            takesFilesBehindPart(*app) ? "; and not __fish_seen_subcommand_from " + words : "",
                            fishQuoted(words));
  }
  return script;
}

int runCompletion(const CLI::App& root, const std::string& shell) {
  std::string script = shell == "bash" ? bashScript(root) : shell == "zsh" ? zshScript(root) : fishScript(root);
  Console(false).lines(script.substr(0, script.size() - 1));
  flushStandardOutput();
  return kExitOk;
}

}  // namespace

Command addCompletion(CLI::App& root) {
  CLI::App* app = root.add_subcommand("completion", "print a completion script for the shell");
  auto shell = std::make_shared<std::string>();
  app->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL");
  app->footer(kCompletionExamples);
  return {app, [&root, shell] { return runCompletion(root, *shell); }};
}

}  // namespace relprop::cli

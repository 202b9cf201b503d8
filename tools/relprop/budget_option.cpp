#include "budget_option.h"

#include <cctype>
#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "relprop/budgets.h"

namespace relprop::cli {
namespace {

constexpr std::string_view kPrefixes = "kmgtpe";

// Of "", "B", "M", "MB", "Mi", "MiB", in letters of either kind: twos in the unit.
std::optional<int> exponentOf(std::string unit) {
  for (char& c : unit) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (unit.empty() || unit == "b") return 0;
  const std::size_t prefix = kPrefixes.find(unit[0]);
  const std::string rest = unit.substr(1);
  if (prefix == std::string_view::npos || (rest != "" && rest != "b" && rest != "i" && rest != "ib")) return {};
  return 10 * (static_cast<int>(prefix) + 1);
}

// "64M" is 67108864. CLI11 would read 0x10, +5 and " 5" as well, and let what is too large turn over.
std::int64_t sizeIn(const std::string& text, const std::string& size) {
  std::int64_t number = 0;
  const char *begin = size.data(), *end = begin + size.size();
  const bool decimal = begin != end && *begin >= '1' && *begin <= '9';
  const auto [unit, failed] = std::from_chars(begin, end, number);
  const std::optional<int> exponent = exponentOf({unit, end});
  if (!decimal || !exponent) throw CLI::ValidationError("--budget", "'" + text + "' has no number, such as 64M");
  if (failed != std::errc() || number > std::numeric_limits<std::int64_t>::max() >> *exponent)
    throw CLI::ValidationError(
        "--budget", "'" + text + "' is too large; at most " + std::to_string(std::numeric_limits<std::int64_t>::max()));
  return number << *exponent;
}

Budgets parsedBudgets(const std::vector<std::string>& texts) {
  Budgets result;
  const std::map<std::string, std::int64_t*> fields = {{"pixels", &result.picturePixels},
                                                       {"model", &result.modelBytes},
                                                       {"archive", &result.archiveBytes},
                                                       {"stream", &result.streamBytes}};
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    const auto field = fields.find(text.substr(0, equals));
    if (equals == std::string::npos || field == fields.end())
      throw CLI::ValidationError("--budget", "'" + text + "' is no budget; pixels, model, archive or stream, =SIZE");
    *field->second = sizeIn(text, text.substr(equals + 1));
  }
  return result;
}

}  // namespace

void addBudgetOption(CLI::App& app) {
  for (CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) addBudgetOption(*below);
  if (!app.get_subcommands([](const CLI::App*) { return true; }).empty()) return;
  app.add_option_function<std::vector<std::string>>(
         "--budget", [](const std::vector<std::string>& texts) { setBudgets(parsedBudgets(texts)); },
         "how much a file may cause, if it is to be trusted: pixels, model, archive or stream (repeatable)")
      ->allow_extra_args(false)
      ->type_name("WHAT=SIZE")
      ->group("Limits");
}

}  // namespace relprop::cli

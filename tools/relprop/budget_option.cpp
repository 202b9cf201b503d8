#include "budget_option.h"

#include <map>
#include <string>
#include <vector>

#include "relprop/budgets.h"
#include "size_text.h"

namespace relprop::cli {
namespace {

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
    *field->second = sizeIn("--budget", text, text.substr(equals + 1));
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

// Of the library as a whole: versions, errors, lists.
#include <nlohmann/json.hpp>

#include "c/guard.h"
#include "c/handles.h"
#include "c/options.h"
#include "relprop/budgets.h"
#include "relprop/describe.h"
#include "relprop/metrics.h"

namespace relprop::c {
namespace {

using Json = nlohmann::ordered_json;

template <class Info>
std::string listJson(const std::vector<Info>& list, std::string (*jsonOf)(const Info&)) {
  Json json = Json::array();
  for (const Info& info : list) json.push_back(Json::parse(jsonOf(info)));
  return json.dump();
}

std::int32_t give(char** out, std::string (*text)()) {
  return guarded([&] {
    requirePointer(out, "json");
    *out = handedOut(text());
  });
}

std::string budgetsJson() {
  const Budgets now = budgets();
  return Json{{"pixels", now.picturePixels},
              {"model", now.modelBytes},
              {"archive", now.archiveBytes},
              {"stream", now.streamBytes}}
      .dump();
}

}  // namespace
}  // namespace relprop::c

using namespace relprop::c;

const char* relprop_version(void) {
  static const std::string text = relprop::version();
  return text.c_str();
}

const char* relprop_error_name(int32_t code) {
  return relprop::errorCodeName(static_cast<relprop::ErrorCode>(code));
}

int32_t relprop_last_error(relprop_error* error) {
  return guarded([&] {
    requirePointer(error, "error");
    requireSize(error->size, sizeof *error, "error");
    copyLastError(*error);
  });
}

int32_t relprop_text_free(char* text) {
  return guarded([&] { Handles::all().freeText(text); });
}

int32_t relprop_versions(char** json) {
  return give(json, relprop::versionsJson);
}

int32_t relprop_methods(char** json) {
  return give(json, [] { return listJson(relprop::methods(), relprop::methodJson); });
}

int32_t relprop_metrics(char** json) {
  return give(json, [] { return listJson(relprop::metricInfos(), relprop::metricJson); });
}

int32_t relprop_options(char** json) {
  return give(json, optionsJson);
}

int32_t relprop_set_budgets(const char* options) {
  return guarded([&] { relprop::setBudgets(readOptions(options, Function::Budgets).budgets); });
}

int32_t relprop_budgets(char** json) {
  return give(json, budgetsJson);
}

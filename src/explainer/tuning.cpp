#include "explainer/tuning.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/digest.h"
#include "core/json_depth.h"
#include "explainer/prepare.h"
#include "image/preprocess_json.h"
#include "kernels/backend.h"
#include "kernels/simd/simd.h"
#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop {
namespace {

using Json = nlohmann::json;

constexpr const char* kTuningHint = "make one here: relprop tune MODEL -o FILE";

[[noreturn]] void malformed(const std::string& where, const std::string& got, const std::string& expected) {
  throw Error(ErrorCode::InvalidArgument, where, got, expected, kTuningHint);
}

void requireWays(const Tuning& tuning, const std::string& where) {
  for (const auto& [layer, way] : tuning.layers)
    if (!algorithmNamed(way)) malformed(where, fmt::format("{}: '{}'", layer, way), "direct, F(2×2) or F(4×4)");
}

// Before it is narrowed, as a number of any size may stand there.
int wholeOf(const Json& json, const char* key, int low, int high, const std::string& where) {
  const Json& value = json.at(key);
  if (value.is_number_integer() && value >= low && value <= high) return value.get<int>();
  malformed(where, fmt::format("\"{}\": {}", key, value.is_number() ? value.dump() : value.type_name()),
            fmt::format("a whole number from {} to {}", low, high));
}

Tuning parsed(const Json& json, const std::string& where) {
  Tuning t;
  json.at("processor").get_to(t.processor);
  t.threads = wholeOf(json, "threads", 1, std::numeric_limits<int>::max(), where);
  json.at("libraries").get_to(t.libraries);
  json.at("layers").get_to(t.layers);
  t.batch = wholeOf(json, "batch", 0, kMostRows, where);
  return t;
}

// What it was made for, or is used on.
std::string placeOf(const std::string& processor, int threads, const std::map<std::string, std::string>& libraries) {
  std::vector<std::string> versions;
  for (const auto& [library, number] : libraries) versions.push_back(library + " " + number);
  return fmt::format("{}, {} thread{}, {}", processor, threads, threads == 1 ? "" : "s", fmt::join(versions, ", "));
}

}  // namespace

std::string nameOf(const Tuning& tuning) {
  return digestOf(toJson(tuning));
}

std::string toJson(const Tuning& t) {
  Json json = {{"processor", t.processor}, {"threads", t.threads}};
  json["libraries"] = t.libraries;
  json["batch"] = t.batch;
  json["layers"] = t.layers;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Tuning readTuning(const std::filesystem::path& path) {
  const std::vector<std::uint8_t> bytes = readFile(path.string());
  requireShallowJson(bytes, ErrorCode::InvalidArgument, path.string());
  requireKeysOnce({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, ErrorCode::InvalidArgument,
                  path.string(), kTuningHint);
  Tuning tuning;
  try {
    tuning = parsed(Json::parse(bytes.begin(), bytes.end()), path.string());
  } catch (const Json::parse_error& e) {
    malformed(path.string(), fmt::format("broken JSON at byte {}", e.byte), "what relprop tune wrote");
  } catch (const Json::exception&) {
    malformed(path.string(), "JSON of another form", "what relprop tune wrote");
  }
  requireWays(tuning, path.string());
  return tuning;
}

std::string processorName() {
  std::ifstream file("/proc/cpuinfo");
  std::string name = "unknown processor";
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (!line.starts_with("model name") || colon == std::string::npos) continue;
    name = line.substr(colon + 2);
    break;
  }
  return fmt::format("{}, {}", name, simd::bestOps().name);
}

std::shared_ptr<const AlgorithmTable> tableOf(const Tuning& tuning, int threads) {
  const std::string made = placeOf(tuning.processor, tuning.threads, tuning.libraries),
                    here = placeOf(processorName(), threads, backendLibraries());
  if (made != here) malformed("tuning", "made for " + made, here);
  requireWays(tuning, "tuning");
  auto table = std::make_shared<AlgorithmTable>();
  for (const auto& [layer, way] : tuning.layers) table->emplace(layer, *algorithmNamed(way));
  return table;
}

}  // namespace relprop

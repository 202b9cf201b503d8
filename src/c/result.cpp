#include "c/result.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "c/arrays.h"
#include "c/guard.h"
#include "eval/metric.h"

namespace relprop::c {
namespace {

using Json = nlohmann::ordered_json;

Shape withoutFirst(const Shape& shape) {
  return {shape.begin() + 1, shape.end()};
}

bool isPicture(const Tensor& relevance) {
  return relevance.shape.size() == 4;
}

// Σ over channels, as metrics see it.
Tensor planeOfPicture(const Tensor& relevance, Layout layout) {
  const bool last = layout == Layout::ChannelsLast;
  const eval::Plane plane =
      eval::planeOf(last ? relaid(relevance, Layout::ChannelsLast, Layout::ChannelsFirst) : relevance);
  return {{plane.height, plane.width}, plane.values};
}

NamedArray named(const std::string& name, int type, const Shape& shape, const void* data) {
  return {name, arrayOf(type, shape, data, name)};
}

void addArrays(Result& result, std::size_t map, Layout layout) {
  const Explanation& e = result.explanations[map];
  std::vector<NamedArray>& arrays = result.maps[map];
  arrays.push_back(named("relevance", RELPROP_FLOAT32, withoutFirst(e.relevance.shape), e.relevance.data.data()));
  arrays.push_back(named("scores", RELPROP_FLOAT32, {static_cast<std::int64_t>(e.logits.size())}, e.logits.data()));
  for (const LayerMap& layer : e.layers)
    arrays.push_back(
        named("at:" + layer.node, RELPROP_FLOAT32, withoutFirst(layer.relevance.shape), layer.relevance.data.data()));
  if (isPicture(e.relevance)) result.add(map, "map", planeOfPicture(e.relevance, layout));
}

std::shared_ptr<Result> resultCalled(relprop_result* handle) {
  return Handles::all().find<Result>(handle, "result");
}

std::vector<NamedArray>& arraysOf(Result& result, std::int64_t index) {
  const auto count = static_cast<std::int64_t>(result.maps.size());
  if (index < 0 || index >= count)
    throw Error(ErrorCode::InvalidArgument, "index", std::to_string(index), fmt::format("0 to {}", count - 1));
  return result.maps[static_cast<std::size_t>(index)];
}

relprop_array arrayCalled(const std::vector<NamedArray>& arrays, const std::string& name) {
  std::vector<std::string> known;
  for (const NamedArray& one : arrays) {
    if (one.name == name) return one.array;
    known.push_back(one.name);
  }
  throw Error(ErrorCode::InvalidArgument, "name", "'" + name + "'", fmt::format("{}", fmt::join(known, ", ")));
}

}  // namespace

void Result::add(std::size_t map, const std::string& name, Tensor tensor) {
  const Tensor& kept = tensors.emplace_back(std::move(tensor));
  maps.at(map).push_back(named(name, RELPROP_FLOAT32, kept.shape, kept.data.data()));
}

void Result::add(std::size_t map, const std::string& name, Image image) {
  const Image& kept = images.emplace_back(std::move(image));
  maps.at(map).push_back(named(name, RELPROP_UINT8, {kept.height, kept.width, 3}, kept.pixels.data()));
}

void Result::add(std::size_t map, const std::string& name, std::vector<std::uint8_t> bytes) {
  const std::vector<std::uint8_t>& kept = files.emplace_back(std::move(bytes));
  maps.at(map).push_back(named(name, RELPROP_UINT8, {static_cast<std::int64_t>(kept.size())}, kept.data()));
}

std::shared_ptr<Result> resultOf(std::vector<Explanation> explanations, Layout layout) {
  auto result = std::make_shared<Result>();
  result->explanations = std::move(explanations);
  result->maps.resize(result->explanations.size());
  for (std::size_t map = 0; map < result->maps.size(); ++map) addArrays(*result, map, layout);
  return result;
}

}  // namespace relprop::c

using namespace relprop::c;

int32_t relprop_result_count(relprop_result* result, int64_t* count) {
  return guarded([&] {
    requirePointer(count, "count");
    *count = static_cast<std::int64_t>(resultCalled(result)->maps.size());
  });
}

int32_t relprop_result_array(relprop_result* result, int64_t index, const char* name, relprop_array* array) {
  return guarded([&] {
    requirePointer(name, "name");
    requirePointer(array, "array");
    requireSize(array->size, sizeof *array, "array");
    *array = arrayCalled(arraysOf(*resultCalled(result), index), name);
  });
}

int32_t relprop_result_json(relprop_result* result, int64_t index, char** json) {
  return guarded([&] {
    requirePointer(json, "json");
    const std::shared_ptr<Result> found = resultCalled(result);
    const std::vector<NamedArray>& arrays = arraysOf(*found, index);
    Json all = found->json ? Json::parse(found->json(static_cast<std::size_t>(index))) : Json::object();
    all["arrays"] = Json::array();
    for (const NamedArray& one : arrays) all["arrays"].push_back(one.name);
    *json = handedOut(all.dump(-1, ' ', false, Json::error_handler_t::replace));
  });
}

int32_t relprop_result_free(relprop_result* result) {
  return guarded([&] { Handles::all().free<Result>(result, "result"); });
}

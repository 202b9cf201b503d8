#include "onnx/early_decode.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/parallel.h"
#include "onnx/failure.h"
#include "system/memory_bound.h"

namespace relprop::onnx_import {

namespace {

constexpr std::size_t kLarge = 64 << 10;  // bytes; a thread is not worth starting for less

}  // namespace

EarlyDecode::EarlyDecode(const std::vector<const RawTensor*>& tensors) {
  for (const RawTensor* tensor : tensors)
    if (!tensor->external.used && tensor->raw.size() >= kLarge && index_.emplace(tensor, results_.size()).second)
      results_.push_back({tensor, std::nullopt, nullptr});
  // All of them: those that are decoded at the same time are asked for before any is there.
  requireMemory(std::accumulate(results_.begin(), results_.end(), std::int64_t{0},
                                [](std::int64_t sum, const Result& result) {
                                  return sum + static_cast<std::int64_t>(result.tensor->raw.size());
                                }),
                "weights");
  // The largest first: what begins last keeps the others waiting for as long as it takes.
  std::vector<std::size_t> order(results_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
    return results_[a].tensor->raw.size() > results_[b].tensor->raw.size();
  });
  inParallel(order.size(), [&](std::size_t i) { decode(results_[order[i]]); });
}

void EarlyDecode::decode(Result& result) {
  try {
    ExternalData none{{}};
    result.constant = decodeTensor(*result.tensor, none, initialiserTitle(result.tensor->name), Finite::Required);
  } catch (...) {
    result.failure = std::current_exception();
  }
}

Constant EarlyDecode::take(const RawTensor& tensor, ExternalData& external, const std::string& where, Finite finite) {
  const auto known = index_.find(&tensor);
  if (known == index_.end() || finite != Finite::Required) return decodeTensor(tensor, external, where, finite);
  Result& result = results_[known->second];
  index_.erase(known);
  if (result.failure) std::rethrow_exception(result.failure);
  return std::move(*result.constant);
}

std::string initialiserTitle(const std::string& name) {
  return "initialiser " + quote(name);
}

}  // namespace relprop::onnx_import

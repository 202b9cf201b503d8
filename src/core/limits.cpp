#include "core/limits.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <string>

#include "relprop/budgets.h"
#include "relprop/error.h"

namespace relprop {
namespace {

// One a number, so that any thread may ask while another one sets them.
struct BudgetsInForce {
  std::atomic<std::int64_t> picturePixels = limits::kImagePixelsOfAnyFile, modelBytes = limits::kModelPartsBytes,
                            archiveBytes = limits::kArchiveBytes, streamBytes = limits::kStreamBytes;
};

BudgetsInForce& inForce() {
  static BudgetsInForce budgets;
  return budgets;
}

std::int64_t chosen(std::int64_t asked, std::int64_t usual, const char* name) {
  if (asked < 0)
    throw Error(ErrorCode::InvalidArgument, std::string("budget of ") + name, std::to_string(asked), "0 or more");
  return asked == 0 ? usual : asked;
}

}  // namespace

void setBudgets(const Budgets& asked) {
  const Budgets all = {chosen(asked.picturePixels, limits::kImagePixelsOfAnyFile, "pixels"),
                       chosen(asked.modelBytes, limits::kModelPartsBytes, "model"),
                       chosen(asked.archiveBytes, limits::kArchiveBytes, "archive"),
                       chosen(asked.streamBytes, limits::kStreamBytes, "stream")};
  inForce().picturePixels = all.picturePixels, inForce().modelBytes = all.modelBytes;
  inForce().archiveBytes = all.archiveBytes, inForce().streamBytes = all.streamBytes;
}

Budgets budgets() {
  return {inForce().picturePixels, inForce().modelBytes, inForce().archiveBytes, inForce().streamBytes};
}

namespace limits {

// Sums stop at the largest number: a budget may be that.
std::int64_t withBytes(std::int64_t budget, std::int64_t perByte, std::uint64_t bytes) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const auto size = static_cast<std::int64_t>(std::min(bytes, static_cast<std::uint64_t>(most / perByte)));
  const std::int64_t more = size * perByte;
  return budget > most - more ? most : budget + more;
}

}  // namespace limits
}  // namespace relprop

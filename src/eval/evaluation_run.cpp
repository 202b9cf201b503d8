#include "relprop/evaluate.h"

namespace relprop {

Portions::Portions(const Evaluation& evaluation, Store& store, std::vector<std::size_t> units)
    : evaluation_(evaluation), store_(store), units_(std::move(units)) {
  evaluation_.requireOneSeed(store_);
  evaluation_.requireSamePictures(store_);
  total_ = evaluation_.missing(store_, units_).size();
}

// What is missing is asked again each time: another process may have written it by now.
bool Portions::take(std::size_t unit, bool claiming, std::vector<MissingScores>& portion) {
  std::vector<MissingScores> missing = evaluation_.missing(store_, {unit});
  if (missing.empty()) return true;
  if (claiming && !evaluation_.claim(store_, unit)) return false;
  portion.push_back(std::move(missing.front()));
  return true;
}

// Looks at a number of units, so that other processes may write in between where most of them are there already.
void Portions::fill(std::size_t most, std::vector<MissingScores>& portion) {
  constexpr std::size_t kLooks = 256;
  for (std::size_t i = 0; i < kLooks && portion.size() < most && next_ < units_.size(); ++i) {
    const std::size_t unit = units_[next_++];
    if (!take(unit, true, portion)) left_.push_back(unit);
  }
  if (!portion.empty() || next_ < units_.size()) return;
  for (std::size_t i = 0; i < kLooks && portion.size() < most && nextLeft_ < left_.size(); ++i)
    take(left_[nextLeft_++], false, portion);
}

std::vector<MissingScores> Portions::next(std::size_t most) {
  std::vector<MissingScores> portion;
  while (portion.empty() && (next_ < units_.size() || nextLeft_ < left_.size()))
    store_.together([&] { fill(most > 0 ? most : evaluation_.portion(), portion); });
  return portion;
}

EvaluateProgress evaluate(Evaluation& evaluation, Store& store, const std::vector<std::size_t>& units,
                          const WhenWritten& written) {
  store.beginRun(evaluation.provenance());
  store.put(evaluation.modelFacts());
  Portions portions(evaluation, store, units);
  EvaluateProgress state{0, portions.total(), 0};
  if (written) written(state, {});
  for (std::vector<MissingScores> missing = portions.next(); !missing.empty(); missing = portions.next()) {
    const ResultBatch batch = evaluation.measure(missing);
    store.write(batch);
    for (const PictureFacts& picture : batch.pictures) state.skipped += !picture.skipped.empty();
    state.done += missing.size();
    if (written) written(state, batch);
  }
  return state;
}

}  // namespace relprop

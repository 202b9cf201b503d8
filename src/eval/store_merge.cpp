#include <map>
#include <string>
#include <utility>

#include "eval/store_alike.h"
#include "eval/store_impl.h"
#include "eval/store_rows.h"
#include "eval/store_writer.h"
#include "relprop/error.h"

namespace relprop {
namespace {

using eval::Database;
using eval::Statement;

// Rows of one store on their way into another, each under the run that it belongs to there.
class Merge {
 public:
  Merge(const Database& from, const Database& to) : from_(from), to_(to), writer_(to), details_(from) {
    for (const auto& [id, run] : eval::readRuns(from)) runs_[id] = eval::writeRun(to, run);
  }

  MergeDifferences differences() const {
    MergeDifferences all = writer_.differences();
    all.models = differingModels_;
    return all;
  }

  void models() {
    std::map<std::string, ModelFacts> there;
    for (ModelFacts& model : eval::readModels(to_)) there[model.key] = std::move(model);
    for (const ModelFacts& model : eval::readModels(from_)) {
      const auto [same, isNew] = there.try_emplace(model.key, model);
      if (isNew) eval::writeModel(to_, model);
      differingModels_ += !eval::areAlike(same->second, model);
    }
  }

  void pictures() {
    for (Statement rows(from_, eval::selectPictures(true) + "order by p.id"); rows.step();)
      write(rows.integer(eval::kPictureRun), eval::pictureAt(from_, rows));
  }

  void maps() {
    for (Statement rows(from_, eval::selectMaps(true) + "order by a.picture"); rows.step();)
      write(rows.integer(eval::kMapRun), eval::mapAt(from_, rows));
  }

  void results() {
    for (Statement rows(from_, eval::selectResults() + "order by r.id"); rows.step();) {
      Result result = eval::resultAt(from_, rows);
      details_.addScores(rows.integer(eval::kResultNumber), result);
      details_.addCurves(rows.integer(eval::kResultNumber), result);
      write(rows.integer(eval::kResultRun), result);
    }
  }

 private:
  template <class Row>
  void write(std::int64_t run, const Row& row) {
    const auto found = runs_.find(run);
    if (found == runs_.end()) eval::failDamaged(from_, "a row of a run that is missing");
    writer_.belongsTo(found->second);
    try {
      writer_.write(row);
    } catch (const Error& error) {  // a row that refers to none, or does not fit together
      if (error.code() != ErrorCode::InvalidArgument) throw;
      eval::failDamaged(from_, error.got());
    }
  }

  const Database &from_, &to_;
  eval::Writer writer_;
  eval::Details details_;
  std::map<std::int64_t, std::int64_t> runs_;
  std::size_t differingModels_ = 0;
};

}  // namespace

MergeDifferences Store::merge(const Store& other) {
  if (other.impl_ == impl_) return {};
  const eval::Reading reading(other.impl_->database);
  other.impl_->checkReferences({"pictures", "kept_pictures", "maps", "kept_maps", "results", "scores", "curves"});
  eval::Writing writing(impl_->database);
  Merge merge(other.impl_->database, impl_->database);
  merge.models();
  merge.pictures();
  merge.maps();
  merge.results();
  writing.commit();
  return merge.differences();
}

}  // namespace relprop

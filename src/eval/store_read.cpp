#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "eval/store_impl.h"
#include "eval/store_rows.h"
#include "relprop/error.h"

namespace relprop {
namespace {

using eval::Database;
using eval::Reading;
using eval::Statement;

const Provenance& runOf(const Database& database, const std::map<std::int64_t, Provenance>& runs, std::int64_t id) {
  const auto found = runs.find(id);
  if (found == runs.end()) eval::failDamaged(database, "a row of a run that is missing");
  return found->second;
}

}  // namespace

std::map<std::string, std::vector<std::string>> Store::done(const std::string& model, const std::string& dataset,
                                                            const std::string& picture, const std::string& target,
                                                            bool withSkipped) const {
  std::map<std::string, std::vector<std::string>> done;
  Statement rows(
      impl_->database,
      fmt::format("select (select name from methods where id = r.method), "
                  "(select name from protocols where id = r.protocol) "
                  "from results r indexed by sqlite_autoindex_results_1 where r.picture = ({}) {}order by 1, 2",
                  eval::kPictureNumber, withSkipped ? "" : "and r.skipped = '' "));
  for (rows.bind(model, dataset, picture, target); rows.step();) done[rows.text(0)].push_back(rows.text(1));
  return done;
}

bool Store::isSkipped(const std::string& model, const std::string& dataset, const std::string& picture,
                      const std::string& target) const {
  Statement rows(impl_->database, eval::selectPicture(false, eval::kPictureNumber));
  if (!rows.bind(model, dataset, picture, target).step()) return false;
  const PictureFacts facts = eval::pictureAt(impl_->database, rows);
  return !facts.skipped.empty() && !facts.unreadable();
}

std::vector<ModelFacts> Store::models() const {
  return eval::readModels(impl_->database);
}

std::vector<PictureFacts> Store::pictures(bool withPng) const {
  impl_->checkReferences({"pictures", "kept_pictures"});
  std::vector<PictureFacts> pictures;
  Statement rows(impl_->database, eval::selectPictures(withPng) + "order by m.key, p.dataset, p.picture, p.target");
  while (rows.step()) pictures.push_back(eval::pictureAt(impl_->database, rows));
  return pictures;
}

PictureFacts Store::picture(const PictureFacts& which) const {
  Statement rows(impl_->database, eval::selectPicture(true, eval::kPictureNumber));
  if (!rows.bind(which.model, which.dataset, which.picture, which.target).step())
    throw Error(ErrorCode::InvalidArgument, name(), "no picture \"" + which.picture + "\" of " + which.dataset,
                "one that pictures() lists");
  return eval::pictureAt(impl_->database, rows);
}

void Store::eachMap(const std::function<void(const MapFacts&)>& visit, bool withMap) const {
  impl_->checkReferences({"pictures", "maps", "kept_maps"});
  Statement rows(impl_->database,
                 eval::selectMaps(withMap) + "order by m.key, p.dataset, p.picture, p.target, me.name");
  while (rows.step()) visit(eval::mapAt(impl_->database, rows));
}

std::vector<MapFacts> Store::maps(bool withMap) const {
  std::vector<MapFacts> maps;
  eachMap([&](const MapFacts& map) { maps.push_back(map); }, withMap);
  return maps;
}

std::optional<Tensor> Store::map(const MapFacts& which) const {
  Statement rows(impl_->database, eval::selectMap(eval::kPictureNumber, "select id from methods where name = ?"));
  if (!rows.bind(which.model, which.dataset, which.picture, which.target, which.method).step()) return {};
  return eval::mapAt(impl_->database, rows).map;
}

void Store::each(const std::function<void(const Result&, const Provenance&)>& visit, bool withCurves) const {
  const Database& database = impl_->database;
  const Reading reading(database);
  impl_->checkReferences({"pictures", "results", "scores"});
  if (withCurves) impl_->checkReferences({"curves"});
  const auto runs = eval::readRuns(database);
  eval::Details details(database);
  Statement rows(database, eval::selectResults() + "order by m.key, p.dataset, p.picture, p.target, me.name, pr.name");
  while (rows.step()) {
    Result result = eval::resultAt(database, rows);
    details.addScores(rows.integer(eval::kResultNumber), result);
    if (withCurves) details.addCurves(rows.integer(eval::kResultNumber), result);
    visit(result, runOf(database, runs, rows.integer(eval::kResultRun)));
  }
}

std::vector<Result> Store::results(bool withCurves) const {
  std::vector<Result> results;
  each([&](const Result& result, const Provenance&) { results.push_back(result); }, withCurves);
  return results;
}

std::size_t Store::resultCount() const {
  Statement rows(impl_->database, "select count(*) from results");
  rows.step();
  return static_cast<std::size_t>(rows.integer(0));
}

std::map<std::pair<std::string, std::string>, std::set<std::uint64_t>> Store::seeds() const {
  const Database& database = impl_->database;
  const Reading reading(database);
  impl_->checkReferences({"pictures", "results"});
  const auto runs = eval::readRuns(database);
  std::map<std::pair<std::string, std::string>, std::set<std::uint64_t>> seeds;
  Statement rows(database,
                 "select distinct m.key, p.dataset, r.run from results r join pictures p on p.id = r.picture "
                 "join models m on m.id = p.model");
  while (rows.step()) seeds[{rows.text(0), rows.text(1)}].insert(runOf(database, runs, rows.integer(2)).seed);
  return seeds;
}

std::vector<Provenance> Store::runs() const {
  std::vector<Provenance> runs;
  for (const auto& [id, run] : eval::readRuns(impl_->database)) runs.push_back(run);
  // Not in the order in which they began: that is another one in a merged store.
  const auto facts = [](const Provenance& run) {
    return std::tie(run.version, run.host, run.command, run.precision, run.libraries, run.seed, run.threads);
  };
  std::sort(runs.begin(), runs.end(), [&](const auto& a, const auto& b) { return facts(a) < facts(b); });
  return runs;
}

}  // namespace relprop

#include "eval/store_writer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "eval/blob.h"
#include "eval/store_alike.h"
#include "image/preprocess_check.h"
#include "relprop/error.h"

namespace relprop::eval {
namespace {

[[noreturn]] void refuse(const Database& database, const std::string& got, const std::string& expected) {
  throw Error(ErrorCode::InvalidArgument, database.name(), got, expected);
}

void requireSeconds(const Database& database, double seconds) {
  if (!mayBeSeconds(seconds)) refuse(database, fmt::format("work that took {} s", seconds), "seconds, 0 or more");
}

std::optional<Blob> unlessEmpty(const Blob& blob) {
  if (blob.empty()) return {};
  return blob;
}

// Names of files need not be UTF-8, JSON has to be.
std::string toJson(const std::map<std::string, std::string>& libraries) {
  return nlohmann::json(libraries).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void requireClasses(const Database& database, const PictureFacts& picture) {
  for (const int number : {picture.trueClass, picture.predictedClass, picture.targetClass})
    if (!mayBeClass(number))
      refuse(database, fmt::format("class {}", number), "0 or more, or -1 where it is not known");
}

}  // namespace

void writeModel(const Database& database, const ModelFacts& model) {
  Statement(database, "insert or ignore into models (key, path, hash, preprocess, input_shape) values (?, ?, ?, ?, ?)")
      .run(model.key, model.path, model.hash, model.preprocess, model.inputShape);
}

std::int64_t writeRun(const Database& database, const Provenance& run) {
  const std::string libraries = toJson(run.libraries), seed = std::to_string(run.seed);
  Statement(database,
            "insert or ignore into runs (version, host, command, precision, libraries, seed, threads) "
            "values (?, ?, ?, ?, ?, ?, ?)")
      .run(run.version, run.host, run.command, run.precision, libraries, seed, run.threads);
  return firstInteger(database,
                      "select id from runs indexed by sqlite_autoindex_runs_1 where (version, host, command, "
                      "precision, libraries, seed, threads) = "
                      "(?, ?, ?, ?, ?, ?, ?)",
                      run.version, run.host, run.command, run.precision, libraries, seed, run.threads)
      .value();
}

Names::Names(const Database& database, const std::string& table)
    : insert_(database, fmt::format("insert or ignore into {} (name) values (?)", table)),
      select_(database, fmt::format("select id from {} where name = ?", table)) {}

std::int64_t Names::idOf(const std::string& name) {
  const auto [place, isNew] = known_.try_emplace(name);
  if (isNew) {
    insert_.run(name);
    place->second = firstInteger(select_, name).value();
  }
  return place->second;
}

Axes::Axes(const Database& database)
    : insert_(database, "insert or ignore into axes (abscissa, x) values (?, ?)"),
      select_(database, "select id from axes where abscissa = ? and x = ?") {}

std::int64_t Axes::idOf(const Curve& curve) {
  const auto [place, isNew] = known_.try_emplace({curve.abscissa, toBlob(curve.x)});
  if (isNew) {
    const auto& [abscissa, x] = place->first;
    insert_.run(abscissa, x);
    place->second = firstInteger(select_, abscissa, x).value();
  }
  return place->second;
}

Writer::Writer(const Database& database)
    : database_(database),
      methods_(database, "methods"),
      protocols_(database, "protocols"),
      axes_(database),
      model_(database, "select id from models where key = ?"),
      picture_(database, kPictureNumber),
      insertPicture_(database,
                     "insert into pictures (model, dataset, picture, target, file, true_class, "
                     "predicted_class, target_class, true_label, predicted_label, target_label, target_probability, "
                     "skipped, run) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                     "on conflict (model, dataset, picture, target) do update set (file, true_class, predicted_class, "
                     "target_class, true_label, predicted_label, target_label, target_probability, skipped, run) = "
                     "(excluded.file, excluded.true_class, excluded.predicted_class, excluded.target_class, "
                     "excluded.true_label, excluded.predicted_label, excluded.target_label, "
                     "excluded.target_probability, excluded.skipped, excluded.run) "
                     "where (pictures.skipped <> '' and excluded.skipped = '') or "
                     "(pictures.skipped like 'unreadable%' and excluded.skipped not like 'unreadable%')"),
      keepPicture_(database, "insert or ignore into kept_pictures (picture, view, truth) values (?, ?, ?)"),
      insertMap_(database, "insert or ignore into maps (picture, method, explain_seconds, run) values (?, ?, ?, ?)"),
      keepMap_(database,
               "insert or ignore into kept_maps (picture, method, height, width, relevance) values (?, ?, ?, ?, ?)"),
      insertResult_(database,
                    "insert into results (picture, method, protocol, skipped, measure_seconds, run) "
                    "values (?, ?, ?, ?, ?, ?) on conflict (picture, method, protocol) do update set "
                    "(skipped, measure_seconds, run) = (excluded.skipped, excluded.measure_seconds, excluded.run) "
                    "where results.skipped <> '' and excluded.skipped = '' returning id"),
      insertScore_(database, "insert into scores (result, position, name, value) values (?, ?, ?, ?)"),
      insertCurve_(database, "insert into curves (result, position, name, axis, y) values (?, ?, ?, ?, ?)"),
      dropScores_(database, "delete from scores where result = ?"),
      dropCurves_(database, "delete from curves indexed by sqlite_autoindex_curves_1 where result = ?"),
      endClaim_(database, "delete from claims where model = ? and dataset = ? and picture = ? and target = ?"),
      pictureThere_(database, selectPicture(true, "?")),
      mapThere_(database, selectMap("?", "?")),
      resultThere_(database, selectResult()),
      details_(database) {}

std::int64_t Writer::modelId(const std::string& key) {
  const auto id = firstInteger(model_, key);
  if (!id) refuse(database_, fmt::format("a row of model \"{}\"", key), "one whose facts were put before");
  return *id;
}

std::int64_t Writer::pictureId(const PictureKey& key) {
  if (lastPictureId_ != 0 && key == lastPicture_) return lastPictureId_;
  const auto id = firstInteger(picture_, key[0], key[1], key[2], key[3]);
  if (!id)
    refuse(database_, fmt::format("a row of picture \"{}\", target \"{}\", of {}", key[2], key[3], key[1]),
           "the facts of that picture with it, or before");
  endClaim(key);
  lastPicture_ = key;
  return lastPictureId_ = *id;
}

void Writer::endClaim(const PictureKey& key) {
  endClaim_.run(key[0], key[1], key[2], key[3]);
}

void Writer::write(const PictureFacts& picture) {
  const PictureFacts& p = picture;
  requireClasses(database_, p);
  const int written = insertPicture_.run(modelId(p.model), p.dataset, p.picture, p.target, p.file, p.trueClass,
                                         p.predictedClass, p.targetClass, p.trueLabel, p.predictedLabel, p.targetLabel,
                                         p.targetProbability, p.skipped, run_);
  const std::int64_t id = pictureId({p.model, p.dataset, p.picture, p.target});
  differences_.pictures += written == 0 && differs(id, p);
  if (!p.view.empty() || !p.truth.empty()) keepPicture_.run(id, unlessEmpty(p.view), unlessEmpty(p.truth));
}

void Writer::write(const MapFacts& map) {
  requireSeconds(database_, map.explainSeconds);
  const std::int64_t picture = pictureId({map.model, map.dataset, map.picture, map.target});
  const std::int64_t method = methods_.idOf(map.method);
  insertMap_.run(picture, method, map.explainSeconds, run_);
  if (map.map) keep(map, picture, method);
}

void Writer::keep(const MapFacts& map, std::int64_t picture, std::int64_t method) {
  const Shape& shape = map.map->shape;
  if (shape.size() != 2 || elementCount(shape) != static_cast<std::int64_t>(map.map->data.size()))
    refuse(database_, fmt::format("a heatmap {} of {} values", toString(shape), map.map->data.size()), "H×W values");
  if (!mayBeHeatmap(shape))
    refuse(database_, fmt::format("a heatmap {}", toString(shape)),
           fmt::format("1 to {} on a side", kMaxPreprocessSide));
  if (!areFinite(map.map->data)) refuse(database_, "a heatmap with a value that is not finite", "finite relevance");
  const int written = keepMap_.run(picture, method, shape[0], shape[1], toBlob(map.map->data));
  differences_.maps += written == 0 && differs(picture, method, *map.map);
}

void Writer::check(const Result& result) const {
  requireSeconds(database_, result.measureSeconds);
  if (!result.skipped.empty() && !result.scores.empty())
    refuse(database_, fmt::format("a skipped result of \"{}\" with scores", result.key.picture), "one or the other");
  if (!haveOwnNames(result.scores))
    refuse(database_, fmt::format("two scores of \"{}\" of one name", result.key.picture), "a name for each");
}

void Writer::write(const Result& result) {
  check(result);
  const ResultKey& key = result.key;
  const std::int64_t picture = pictureId({key.model, key.dataset, key.picture, key.target});
  const std::int64_t method = methods_.idOf(key.method), protocol = protocols_.idOf(key.protocol);
  const auto id = firstInteger(insertResult_, picture, method, protocol, result.skipped, result.measureSeconds, run_);
  if (!id) {  // measured before
    differences_.results += differs(picture, method, protocol, result);
    return;
  }
  dropScores_.run(*id);  // of a row that says it was skipped there may be some
  dropCurves_.run(*id);
  writeScores(*id, result.scores);
  writeCurves(*id, result.curves);
}

bool Writer::differs(std::int64_t id, const PictureFacts& picture) {
  if (!picture.skipped.empty() || !pictureThere_.bind(id).step()) return false;
  const PictureFacts there = pictureAt(database_, pictureThere_);
  pictureThere_.reset();
  return there.skipped.empty() && !areAlike(there, picture);
}

bool Writer::differs(std::int64_t picture, std::int64_t method, const Tensor& map) {
  if (!mapThere_.bind(picture, method).step()) return false;
  const MapFacts there = mapAt(database_, mapThere_);
  mapThere_.reset();
  return there.map && !areAlike(*there.map, map);
}

bool Writer::differs(std::int64_t picture, std::int64_t method, std::int64_t protocol, const Result& result) {
  if (!result.skipped.empty() || !resultThere_.bind(picture, method, protocol).step()) return false;
  Result there = resultAt(database_, resultThere_);
  const std::int64_t number = resultThere_.integer(kResultNumber);
  resultThere_.reset();
  details_.addScores(number, there);
  details_.addCurves(number, there);
  return there.skipped.empty() && !areAlike(there, result);
}

void Writer::writeScores(std::int64_t result, const std::vector<NamedScore>& scores) {
  for (std::size_t i = 0; i < scores.size(); ++i)
    insertScore_.run(result, static_cast<std::int64_t>(i), scores[i].name, scores[i].value);
}

void Writer::writeCurves(std::int64_t result, const std::vector<Curve>& curves) {
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const Curve& curve = curves[i];
    if (curve.x.size() != curve.y.size())
      refuse(database_, fmt::format("curve \"{}\" with {} x and {} y", curve.name, curve.x.size(), curve.y.size()),
             "as many of either");
    insertCurve_.run(result, static_cast<std::int64_t>(i), curve.name, axes_.idOf(curve), toBlob(curve.y));
  }
}

}  // namespace relprop::eval

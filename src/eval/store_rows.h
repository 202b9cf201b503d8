// Columns of a query into rows.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "eval/sqlite.h"
#include "relprop/store.h"

namespace relprop::eval {

// What a store holds, whoever wrote it. Of seconds NaN too, where nobody measured them.
bool areFinite(const std::vector<float>& values);
bool mayBeSeconds(double seconds);
bool mayBeClass(std::int64_t number);         // -1: not known
bool mayBeHeatmap(const Shape& heightWidth);  // no input of a network is larger
// Two of one name would be one in what is exported.
bool haveOwnNames(const std::vector<NamedScore>& scores);

// Statements that read a table are named select…s. Those of a single row, select…, are run by the thousand, and end
// with what their numbers are. These refer to other tables by subqueries that name a number or all of a unique key: in
// joins SQLite would follow the statistics of ANALYZE, and false or old ones made it walk over a table for each row.

// The number of the picture of a model's key, data set, picture and target.
constexpr const char* kPictureNumber =
    "select id from pictures where model = (select id from models where key = ?) and dataset = ? and picture = ? and "
    "target = ? ";

// All facts of pictures and then their run, from `pictures p` joined with `models m`; the PNG files are NULL unless
// wanted.
std::string selectPictures(bool withPng);
std::string selectPicture(bool withPng, const std::string& number);
PictureFacts pictureAt(const Database& database, const Statement& row);
constexpr int kPictureRun = 15;

// The cost of maps and then their run, likewise from `maps a`, `methods me` and `kept_maps k`.
std::string selectMaps(bool withMap);
std::string selectMap(const std::string& picture, const std::string& method);  // with its heatmap
MapFacts mapAt(const Database& database, const Statement& row);
constexpr int kMapRun = 9;

// Number, run and facts of results, without scores and curves, from `results r` and the tables it refers to. From the
// tables: what views a file has is up to whoever made it.
std::string selectResults();
std::string selectResult();  // of a picture, method and protocol
Result resultAt(const Database& database, const Statement& row);
constexpr int kResultNumber = 0, kResultRun = 1;

// Fills in what lies in tables of its own, where a skipped result has no scores.
class Details {
 public:
  explicit Details(const Database& database);
  void addScores(std::int64_t number, Result& result);
  void addCurves(std::int64_t number, Result& result);

 private:
  void failResult(const Result& result, const std::string& got) const;

  const Database& database_;
  Statement scores_, curves_;
};

std::vector<ModelFacts> readModels(const Database& database);
std::map<std::int64_t, Provenance> readRuns(const Database& database);

}  // namespace relprop::eval

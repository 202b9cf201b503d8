// What a report says of one model, data set and kind of target.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "eval/report/curves.h"
#include "eval/report/names.h"
#include "eval/report/published.h"
#include "eval/tables.h"

namespace relprop::eval {

// A picture of the gallery, explained for one target.
struct ShownPicture {
  std::size_t number = 0;  // of all in the report, from 1; its files are named after it
  PictureFacts facts;
  std::vector<std::optional<double>> seconds;                    // by method of the table
  std::vector<bool> explained;                                   // by method: the store has a row of it, kept or not
  std::map<std::string, std::map<std::string, Result>> results;  // by method, protocol; their scores by name
  // Files that lie in the report.
  bool view = false, truth = false;
  std::vector<bool> maps;  // by method
};

struct Section {
  Group group;
  GroupCurves curves;
  std::vector<ShortName> methods, protocols;  // as in the table; protocols as in protocolTexts
  std::vector<std::string> protocolTexts;     // complete, in order
  std::vector<ShownPicture> pictures;
  bool fewer = false;  // pictures than were asked for: the table has too many cells
  Published beside;
  std::string heading;  // "resnet50 on voc:VOC2012, target true"
  const ShortName& protocol(const std::string& complete) const;
  // The place of a method in the table. None of one that another process has begun since the table was made.
  std::optional<std::size_t> method(const std::string& complete) const;
  std::string noun() const;          // of what is counted: "picture", or "target" where one may have several
  std::string measuredText() const;  // "3 measured pictures", "7 targets of 3 measured pictures"
};

// Of all pictures in a report together: so many numbers of a method and a column that their pages may show.
constexpr std::size_t kGalleryCells = 1'000'000;

std::vector<Section> sectionsOf(const Store& store, const ReportOptions& options);

// The pages of a report: one a picture and the index.
std::size_t pageCount(const std::vector<Section>& sections);
// Throws Cancelled when the caller wants to stop.
void goOn(const ReportOptions& options, std::size_t done, std::size_t pages);

// The names of a picture's files, relative to the report's folder.
std::string pageFile(std::size_t number);
std::string viewFile(std::size_t number);
std::string truthFile(std::size_t number);
std::string mapFile(std::size_t number, std::size_t method);

// "summary" of a score as this program's metrics have it, or "".
std::string summaryOf(const std::string& protocol, const std::string& score);
// What the store has of a picture: the places of methods, and the columns of protocols that measured one of them.
std::vector<std::size_t> methodsOf(const Section& section, const ShownPicture& picture);
std::vector<const ScoreColumn*> columnsOf(const Section& section, const ShownPicture& picture);
// A score of a picture, NaN where there is none.
double scoreOf(const ShownPicture& picture, const std::string& method, const ScoreColumn& column);

}  // namespace relprop::eval

// Pictures with their heatmaps: files, the gallery and the page of one picture.
#pragma once

#include <string>

#include "eval/report/folder.h"
#include "eval/report/section.h"

namespace relprop::eval {

// Writes what the store kept of one of the section's pictures, and notes it in it.
void writeKept(const Store& store, const Section& section, ShownPicture& picture, FolderWriter& folder);
std::string gallery(const Section& section);
// `i`: which of the section's pictures.
std::string picturePage(const Section& section, std::size_t i, const std::string& title);
std::string picturesNote(const Section& section);  // what was not kept, or ""

}  // namespace relprop::eval

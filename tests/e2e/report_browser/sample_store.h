// A store such as an evaluation leaves behind, with made-up results.
#pragma once

#include "relprop/store.h"

namespace browser {

constexpr int kSamplePictures = 24;
// The name of one of the pictures, file and class: HTML that would run if a page took it for such.
constexpr const char* kHostile = "<img src=x onerror=\"window.broken=1\">";
constexpr const char* kHostileScript = "</script><script>window.broken=1</script>";

relprop::Store sampleStore(bool keep = true);

}  // namespace browser

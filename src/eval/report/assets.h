// The files of assets/, embedded when relprop is built.
#pragma once

namespace relprop::eval {

extern const char* const kReportCss;
extern const char* const kReportJs;

}  // namespace relprop::eval

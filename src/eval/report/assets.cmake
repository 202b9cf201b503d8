# Makes string constants of report.css and report.js; configures again when one of them changes.
set(folder ${CMAKE_CURRENT_LIST_DIR})
file(READ ${folder}/assets/report.css RELPROP_REPORT_CSS)
file(READ ${folder}/assets/report.js RELPROP_REPORT_JS)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${folder}/assets/report.css ${folder}/assets/report.js)
configure_file(${folder}/assets.cpp.in ${CMAKE_CURRENT_BINARY_DIR}/report_assets.cpp @ONLY)
target_sources(relprop_eval PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/report_assets.cpp)

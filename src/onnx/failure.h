// Short forms of the errors that the importer throws.
#pragma once

#include <string>

namespace relprop::onnx_import {

[[noreturn]] void malformed(const std::string& where, const std::string& got, const std::string& expected = {},
                            const std::string& hint = {});
[[noreturn]] void unsupported(const std::string& where, const std::string& got, const std::string& expected = {},
                              const std::string& hint = {});

// A name out of a file, for a message: in quotes, unprintable bytes escaped, cut when very long.
std::string quote(const std::string& name);

}  // namespace relprop::onnx_import

// Sizes of options, "64M": one rule for all of them.
#pragma once

#include <cstdint>
#include <string>

namespace relprop::cli {

// Bytes, above 0: decimal digits and a unit or none. CLI11 would read 0x10, +5 and " 5" as well, and let what is too
// large turn over. `text` is what the option was given, of which `size` is a part or the whole. Throws
// CLI::ValidationError.
std::int64_t sizeIn(const std::string& option, const std::string& text, const std::string& size);

}  // namespace relprop::cli

// Archives of the shared folder, unpacked once into a folder of the build.
#pragma once

#include "support/shared.h"

namespace relprop::test {

// `archive` below the shared folder, "conformance/light.tar.xz"; the folder that holds its contents.
std::filesystem::path unpacked(const std::string& archive);

}  // namespace relprop::test

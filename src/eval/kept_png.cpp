#include "eval/kept_png.h"

#include <string_view>

#include "relprop/error.h"

namespace relprop::eval {

Image decodeKept(const std::string& store, const std::string& what, const Blob& file) {
  constexpr std::string_view png{"\x89PNG\r\n\x1A\n"};
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (!text.starts_with(png)) failDamaged(store, what + " is no PNG file");
  try {
    return decodeImage(file, store + ", " + what);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::MalformedImage) failDamaged(store, what + ": " + error.got());
    throw;
  }
}

}  // namespace relprop::eval

// Pictures that a store keeps: relprop writes PNG files, and nobody could convert one that lies in a store.
#pragma once

#include <string>

#include "eval/sqlite.h"
#include "relprop/image.h"

namespace relprop::eval {

// Throws StoreUnusable for what is no whole PNG file; `what` tells people which one, "the kept picture of cat.jpg".
Image decodeKept(const std::string& store, const std::string& what, const Blob& file);

}  // namespace relprop::eval

// Descriptions of preprocessing that other programs write: Hugging Face's preprocessor_config.json and timm's
// config.json.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "relprop/image.h"

namespace relprop {

// Nothing where the object is of neither kind. What is assumed where the file leaves room goes to Preprocess::notes.
// Throws MalformedPreprocess.
std::optional<Preprocess> dialectPreprocess(const nlohmann::ordered_json& root, const std::string& where);

}  // namespace relprop

// Hugging Face's preprocessor_config.json.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "relprop/image.h"

namespace relprop {

// What the file leaves out is as its processor has it by itself, which is noted; that of a processor that is not known
// here is refused. Throws MalformedPreprocess.
Preprocess huggingFacePreprocess(const nlohmann::ordered_json& root, const std::string& where);

}  // namespace relprop

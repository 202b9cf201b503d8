// What is chosen where the user leaves it open, the same from the command line and from other languages.
#pragma once

#include <optional>
#include <string>

#include "relprop/explain.h"
#include "relprop/export.h"

namespace relprop {

// The batch that the model insists on, or 0. Throws UnsupportedModel for one of more than 4096.
RELPROP_API int fixedBatch(const Model& model);

// For ExplainOptions::inputShape: `asked`, else, where the model leaves its size open, `tensor` (C×H×W of an array that
// is there) or what the preprocessing makes of every picture. Throws ShapeMismatch where that leaves it open too.
RELPROP_API Shape chosenInputShape(const Model& model, const Shape& asked, const std::optional<Preprocess>& preprocess,
                                   const Shape& tensor = {});

// Of the model when it has one, else a method's that computes many inputs an image, for which more rows cost memory and
// gain little, else `images`.
RELPROP_API int chosenBatch(const Model& model, const std::string& method, int asked, int images);

// "rap" with noise and 0.1 → "rap:noise=0.1"; further keys follow a comma.
RELPROP_API std::string withParameter(const std::string& method, const std::string& key, const std::string& value);

}  // namespace relprop

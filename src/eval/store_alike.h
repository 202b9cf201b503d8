// Whether two stores say the same under one key. What another processor's last digits make of a number, and another
// library's of a pixel, is no other one; what only one of them has, and what is there for people alone, is not
// compared.
#pragma once

#include "relprop/store.h"

namespace relprop::eval {

bool areAlike(const ModelFacts& a, const ModelFacts& b);
bool areAlike(const PictureFacts& a, const PictureFacts& b);
bool areAlike(const Tensor& a, const Tensor& b);
bool areAlike(const Result& a, const Result& b);

}  // namespace relprop::eval

// A model behind a handle.
#pragma once

#include <memory>

#include "c/handles.h"
#include "relprop/explain.h"
#include "relprop/relprop.h"

namespace relprop::c {

struct ModelObject : Object {
  explicit ModelObject(Model loaded) : model(std::move(loaded)) {}
  const Model model;
};

// Throws InvalidArgument.
Model modelCalled(relprop_model* handle);

}  // namespace relprop::c

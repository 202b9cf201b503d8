// The network as a classifier: forward passes over many inputs, a batch at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "explain/compiled.h"
#include "explain/session.h"
#include "relprop/explain.h"

namespace relprop {

class Classifier {
 public:
  Classifier(const Model& model, const Shape& inputShape, int batch, int threads);

  const Shape& imageShape() const { return compiled_->imageShape(); }  // C×H×W
  int classes() const { return static_cast<int>(compiled_->scoreShape().classes); }
  const std::vector<std::string>& layers() const { return layers_; }  // with weights, from the output down
  std::int64_t bytes() const;

  // Writes `count` inputs through `fill` and hands their logits to `read`, in order. `again` is asked before every
  // batch and stops with Cancelled when it returns false.
  void forward(std::int64_t count, const std::function<void(std::int64_t, float*)>& fill,
               const std::function<void(std::int64_t, const float*)>& read, const std::function<bool()>& again = {});

 private:
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<CompiledMethod> compiled_;
  std::unique_ptr<Session> session_;
  std::vector<std::string> layers_;
  std::function<bool()> again_;
  int threads_;
};

}  // namespace relprop

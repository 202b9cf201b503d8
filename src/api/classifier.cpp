#include "api/classifier.h"

#include "api/model_impl.h"
#include "api/prepare.h"
#include "eval/redraw.h"
#include "passes/passes.h"
#include "relprop/error.h"

namespace relprop {

Classifier::Classifier(const Model& model, const Shape& inputShape, int batch, int threads) : threads_(threads) {
  checkBatchAndThreads(batch, threads);
  translated("compile", [&] {
    Specialised special =
        specialise(model.impl->imported.graph,
                   {.inputShape = fullInputShape(model, inputShape, batch), .foldBatchNorm = true, .disabled = {}});
    layers_ = eval::layersFromTheTop(special.graph);
    backend_ = makeOneDnnBackend();
    backend_->setThreads(threads);
    compiled_ = std::make_unique<CompiledMethod>(cutAtScores(std::move(special.graph)), parseMethod("gradient"),
                                                 *backend_, CompileOptions{.forwardOnly = true});
  });
  session_ = std::make_unique<Session>(*compiled_, BaselineFacts{},
                                       Session::Hooks{[this](Phase phase) {
                                                        backend_->setThreads(threads_);
                                                        compiled_->plan().run(phase);
                                                      },
                                                      [this](std::int64_t, std::int64_t) {
                                                        if (again_ && !again_())
                                                          throw Error(ErrorCode::Cancelled, "forward", "stopped");
                                                      },
                                                      {}});
}

std::int64_t Classifier::bytes() const {
  return compiled_->plan().arenaBytes() + compiled_->plan().weightBytes();
}

void Classifier::forward(std::int64_t count, const std::function<void(std::int64_t, float*)>& fill,
                         const std::function<void(std::int64_t, const float*)>& read,
                         const std::function<bool()>& again) {
  again_ = again;
  translated("forward", [&] {
    session_->forward(count, fill, [&](std::int64_t k, const Session::Row& row) { read(k, row.scores()); });
  });
}

}  // namespace relprop

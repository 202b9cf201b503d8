#include "explain/procedure.h"

#include <algorithm>

namespace relprop {
namespace {

class SingleWalk : public Procedure {
 public:
  bool runsManyInputs() const override { return false; }
  bool walksOnce() const override { return true; }
  bool probes() const override { return false; }

  void serve(Session& session, Request& request) const override {
    session.walk(
        request.images(), [&](std::int64_t k, const float* scores) { return request.ask(k, scores); },
        [&](std::int64_t k, float* to) { std::copy_n(request.image(k), session.imageFloats(), to); },
        [&](std::int64_t k, const Session::Row& row) { request.walked(k, row); });
  }

  std::vector<Attribution> explain(Session& session, const Subject& subject) const override {
    std::vector<Attribution> maps;
    const auto fill = [&](std::int64_t, float* to) { std::copy_n(subject.input, session.imageFloats(), to); };
    session.walk(1, subject.questions, fill, [&](std::int64_t, const Session::Row& row) {
      for (std::int64_t t = 0; t < session.targets(); ++t) {
        const float* r = row.relevance(t);
        maps.push_back({session.imageShape(), {r, r + session.imageFloats()}, {}});
      }
    });
    return maps;
  }
};

}  // namespace

void Procedure::serve(Session& session, Request& request) const {
  for (std::int64_t k = 0; k < request.images(); ++k) {
    const float* image = request.image(k);
    const std::vector<float> scores = session.probe({image, image + session.imageFloats()});
    request.drawn(k, explain(session, {image, scores.data(), request.ask(k, scores.data())}));
  }
}

std::vector<Attribution> DrawnWalk::drawAll(const Session& session, const Session::Row& row,
                                            const std::vector<Question>& questions) const {
  std::vector<Attribution> maps;
  for (std::size_t t = 0; t < questions.size(); ++t)
    maps.push_back(draw(session, row, static_cast<std::int64_t>(t), questions[t]));
  return maps;
}

void DrawnWalk::serve(Session& session, Request& request) const {
  std::vector<std::vector<Question>> asked;
  session.walk(
      request.images(), [&](std::int64_t k, const float* scores) { return asked.emplace_back(request.ask(k, scores)); },
      [&](std::int64_t k, float* to) { std::copy_n(request.image(k), session.imageFloats(), to); },
      [&](std::int64_t k, const Session::Row& row) {
        request.drawn(k, drawAll(session, row, asked.at(static_cast<std::size_t>(k))));
      });
}

std::vector<Attribution> DrawnWalk::explain(Session& session, const Subject& subject) const {
  std::vector<Attribution> maps;
  const auto fill = [&](std::int64_t, float* to) { std::copy_n(subject.input, session.imageFloats(), to); };
  session.walk(1, subject.questions, fill,
               [&](std::int64_t, const Session::Row& row) { maps = drawAll(session, row, subject.questions); });
  return maps;
}

std::shared_ptr<const Procedure> singleWalk() {
  static const auto walk = std::make_shared<const SingleWalk>();
  return walk;
}

}  // namespace relprop

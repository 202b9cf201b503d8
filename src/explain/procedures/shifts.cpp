// Moved copies of the picture, for any method: M̄(u) = mean over d of M(x shifted by d)(u + d), of the shifts d that
// keep pixel u in the picture. n² shifts lie evenly around 0, `step` pixels apart in both directions; with s the
// network's stride, step = s/n, made odd: multiples of an odd number meet the grids of strides 2, 4, 8, … in all their
// phases. A network with strides is not the same for a picture that moves by less than its stride (Azulay & Weiss, JMLR
// 2019): what its grid adds to a map goes in the mean.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "explain/finish.h"
#include "explain/procedures/cam.h"
#include "explain/procedures/procedures.h"
#include "relprop/error.h"

namespace relprop {
namespace {

struct Shift {
  std::int64_t y, x;
};

std::vector<Shift> shiftsBy(std::int64_t step, std::int64_t n) {
  std::vector<Shift> all;
  const auto at = [&](std::int64_t k) { return k * step - (n - 1) * step / 2; };
  for (std::int64_t y = 0; y < n; ++y)
    for (std::int64_t x = 0; x < n; ++x) all.push_back({at(y), at(x)});
  return all;
}

// The picture moved down and to the right; its border is repeated.
void moved(const float* from, const Shape& image, const Shift& d, float* to) {
  const std::int64_t h = image[1], w = image[2];
  for (std::int64_t c = 0; c < image[0]; ++c)
    for (std::int64_t y = 0; y < h; ++y) {
      const float* line = from + (c * h + std::clamp<std::int64_t>(y - d.y, 0, h - 1)) * w;
      for (std::int64_t x = 0; x < w; ++x) *to++ = line[std::clamp<std::int64_t>(x - d.x, 0, w - 1)];
    }
}

// The mean of maps that are moved back, of the pixels that each has seen.
class Mean {
 public:
  template <class Map>
  void add(const Shape& shape, const Map& map, const Shift& d) {
    shape_ = shape;
    sum_.resize(map.size()), count_.resize(map.size());
    const std::int64_t h = shape[1], w = shape[2];
    for (std::int64_t c = 0; c < shape[0]; ++c)
      for (std::int64_t y = std::max<std::int64_t>(0, -d.y); y < std::min(h, h - d.y); ++y)
        for (std::int64_t x = std::max<std::int64_t>(0, -d.x); x < std::min(w, w - d.x); ++x) {
          const auto to = static_cast<std::size_t>((c * h + y) * w + x);
          sum_[to] += static_cast<double>(map[static_cast<std::size_t>((c * h + y + d.y) * w + x + d.x)]);
          ++count_[to];
        }
  }
  Attribution attribution() const {
    Attribution a{shape_, sum_, {}};
    for (std::size_t i = 0; i < sum_.size(); ++i) a.map[i] /= std::max(count_[i], 1);
    return a;
  }

 private:
  Shape shape_;
  std::vector<double> sum_;
  std::vector<int> count_;
};

// inner: null for a method of one walk, all copies of which are rows of a batch; `finish` is then done with each map.
class Shifted : public Procedure {
 public:
  Shifted(std::shared_ptr<const Procedure> inner, std::int64_t n, std::int64_t step, std::vector<Finish> finish)
      : inner_(std::move(inner)), n_(n), step_(step), finish_(std::move(finish)) {}

  std::vector<Attribution> explain(Session& session, const Subject& subject) const override {
    const std::vector<Shift> shifts = shiftsBy(step(session), n_);
    std::vector<Mean> means(subject.questions.size());
    if (inner_)
      runEach(session, subject, shifts, means);
    else
      walkAll(session, subject, shifts, means);
    std::vector<Attribution> out;
    for (const Mean& mean : means) out.push_back(mean.attribution());
    return out;
  }

 private:
  // All shifts together stay within the picture's side, so that every pixel stays in some copy.
  std::int64_t step(const Session& session) const {
    const Shape plane = planeOf(session);
    const std::int64_t most = std::max<std::int64_t>(1, std::min(plane[1], plane[2]) / n_);
    if (step_ > most)
      throw Error(ErrorCode::NotSupportedByMethod, "shift", fmt::format("{} pixels, {} times", step_, n_),
                  fmt::format("at most {} pixels in {}×{}", most, plane[1], plane[2]));
    if (step_ > 0) return step_;
    const std::int64_t part = std::min(session.stride() / n_, most);
    return std::max<std::int64_t>(1, part % 2 == 0 ? part - 1 : part);
  }

  void walkAll(Session& session, const Subject& subject, const std::vector<Shift>& shifts,
               std::vector<Mean>& means) const {
    const auto fill = [&](std::int64_t k, float* to) {
      moved(subject.input, session.imageShape(), shifts[static_cast<std::size_t>(k)], to);
    };
    session.walk(static_cast<std::int64_t>(shifts.size()), subject.questions, fill,
                 [&](std::int64_t k, const Session::Row& row) {
                   for (std::size_t t = 0; t < means.size(); ++t) {
                     const float* r = row.relevance(static_cast<std::int64_t>(t));
                     std::vector<float> map(r, r + session.imageFloats());
                     Shape shape = session.imageShape();
                     finishMap(finish_, shape, map);
                     means[t].add(shape, map, shifts[static_cast<std::size_t>(k)]);
                   }
                 });
  }

  void runEach(Session& session, const Subject& subject, const std::vector<Shift>& shifts,
               std::vector<Mean>& means) const {
    std::vector<float> copy(static_cast<std::size_t>(session.imageFloats()));
    for (const Shift& d : shifts) {
      moved(subject.input, session.imageShape(), d, copy.data());
      const std::vector<float> scores = session.probe(copy);
      const std::vector<Attribution> maps = inner_->explain(session, {copy.data(), scores.data(), subject.questions});
      for (std::size_t t = 0; t < means.size(); ++t) means[t].add(maps[t].shape, maps[t].map, d);
    }
  }

  std::shared_ptr<const Procedure> inner_;
  std::int64_t n_, step_;
  std::vector<Finish> finish_;
};

// √shifts.
std::int64_t besideOneAnother(int shifts) {
  const auto n = static_cast<int>(std::lround(std::sqrt(shifts)));
  if (n * n == shifts) return n;
  throw Error(ErrorCode::InvalidMethodParameter, "method, shifts", std::to_string(shifts),
              "a square number: 4, 9, 16, …", "as many shifts down as to the right");
}

}  // namespace

void applyShifts(Method& m, Parameters& p) {
  const bool given = !p.optional("shifts", "4, 9, 16, …: the mean over moved copies of the picture").empty();
  const bool step = !p.optional("shift", "pixels between the shifts; the network's stride if not given").empty();
  if (step && !given)
    throw Error(ErrorCode::InvalidMethodParameter, "method, shift",
                "given without shifts=", "a method that averages over moved copies", "add shifts=4");
  if (!given) return;
  const std::int64_t n = besideOneAnother(p.whole("shifts", 4, 1, 1024));
  const int pixels = step ? p.whole("shift", 1, 1, 65536) : 0;
  const bool once = m.procedure->walksOnce();
  m.procedure = std::make_shared<Shifted>(once ? nullptr : m.procedure, n, pixels,
                                          once ? std::exchange(m.finish, {}) : std::vector<Finish>());
  m.conserves = false;
}

}  // namespace relprop

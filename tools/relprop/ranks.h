// Several processes on one or more machines that share an evaluation, started by mpirun. One of them owns the store:
// it hands out portions, takes results in and measures as well; the others only measure.
#pragma once

#include <functional>
#include <memory>

#include "relprop/evaluate.h"

namespace relprop::cli {

// What the other ranks cost the owner: receiving, writing, handing out.
struct Served {
  std::size_t units = 0;
  double seconds = 0;
};

class Ranks {
 public:
  // Null when the program was not started by mpirun. Throws InvalidArgument when it was, but was built without MPI.
  static std::unique_ptr<Ranks> join();
  virtual ~Ranks() = default;

  virtual bool owner() const = 0;
  virtual int count() const = 0;
  virtual int onThisMachine() const = 0;
  // The owner's part: until nothing is left, or `again` says no. Throws what measuring and writing throw.
  virtual Served own(Evaluation& evaluation, Store& store, Portions& portions, const std::function<bool()>& again,
                     const std::function<void(const ResultBatch&)>& written) = 0;
  virtual void work(Evaluation& evaluation, const std::function<bool()>& again) = 0;
  // Ends all ranks; for failures that the others would wait for.
  virtual void abort(int exitCode) = 0;
};

}  // namespace relprop::cli

#include "ranks.h"

#include <cstdlib>

#include "relprop/error.h"

#ifdef RELPROP_WITH_MPI
#include <mpi.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#endif

namespace relprop::cli {

#ifdef RELPROP_WITH_MPI
namespace {

using Bytes = std::vector<std::uint8_t>;

enum Tag { kResult = 1, kPortion = 2 };
constexpr int kOwner = 0;

// Waiting must not take a core from those that compute, as MPI's own blocking calls would.
void rest() {
  std::this_thread::sleep_for(std::chrono::microseconds(500));
}

Bytes pack(const std::vector<MissingScores>& portion) {
  std::vector<std::uint64_t> words = {portion.size()};
  for (const MissingScores& work : portion) {
    words.push_back(work.unit);
    words.push_back(work.wanted.size());
    words.insert(words.end(), work.wanted.begin(), work.wanted.end());
  }
  const auto* first = reinterpret_cast<const std::uint8_t*>(words.data());
  return {first, first + words.size() * sizeof words[0]};
}

std::vector<MissingScores> unpack(const Bytes& bytes) {
  const auto* word = reinterpret_cast<const std::uint64_t*>(bytes.data());
  std::vector<MissingScores> portion(*word++);
  for (MissingScores& work : portion) {
    work.unit = *word++;
    const std::uint64_t count = *word++;
    work.wanted.assign(word, word + count);
    word += count;
  }
  return portion;
}

void send(const Bytes& bytes, int to, Tag tag) {
  MPI_Request request;
  MPI_Isend(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, to, tag, MPI_COMM_WORLD, &request);
  for (int done = 0;;) {
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (done) return;
    rest();
  }
}

bool arrived(int from, Tag tag, MPI_Status& status) {
  int flag = 0;
  MPI_Iprobe(from, tag, MPI_COMM_WORLD, &flag, &status);
  return flag != 0;
}

Bytes receive(const MPI_Status& status) {
  int size = 0;
  MPI_Get_count(&status, MPI_BYTE, &size);
  Bytes bytes(static_cast<std::size_t>(size));
  MPI_Recv(bytes.data(), size, MPI_BYTE, status.MPI_SOURCE, status.MPI_TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  return bytes;
}

// Measures on a thread of its own, so that the owner can answer the others meanwhile.
class OwnWorker {
 public:
  explicit OwnWorker(Evaluation& evaluation) : thread_([this, &evaluation] { loop(evaluation); }) {}
  ~OwnWorker() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  bool idle() const {
    const std::lock_guard lock(mutex_);
    return work_.empty() && !batch_ && !failure_;
  }
  void give(std::vector<MissingScores> work) {
    {
      const std::lock_guard lock(mutex_);
      work_ = std::move(work);
    }
    changed_.notify_all();
  }
  // What was measured, once. Throws what measuring threw.
  std::optional<ResultBatch> take() {
    const std::lock_guard lock(mutex_);
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    return std::exchange(batch_, std::nullopt);
  }

 private:
  void loop(Evaluation& evaluation) {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ends_ || !work_.empty(); });
      if (ends_) return;
      const std::vector<MissingScores> work = work_;
      lock.unlock();
      std::optional<ResultBatch> batch;
      std::exception_ptr failure;
      try {
        batch = evaluation.measure(work);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      batch_ = std::move(batch), failure_ = failure;
      work_.clear();
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<MissingScores> work_;
  std::optional<ResultBatch> batch_;
  std::exception_ptr failure_;
  bool ends_ = false;
  std::thread thread_;
};

class MpiRanks : public Ranks {
 public:
  MpiRanks() {
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    MPI_Comm machine;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
    MPI_Comm_size(machine, &onThisMachine_);
    MPI_Comm_free(&machine);
  }
  ~MpiRanks() override { MPI_Finalize(); }

  bool owner() const override { return rank_ == kOwner; }
  int count() const override { return size_; }
  int onThisMachine() const override { return onThisMachine_; }
  void abort(int exitCode) override { MPI_Abort(MPI_COMM_WORLD, exitCode); }

  void own(Evaluation& evaluation, Store& store, Portions& portions, const std::function<bool()>& again,
           const std::function<void(const ResultBatch&)>& written) override {
    OwnWorker worker(evaluation);
    int others = size_ - 1;
    bool ended = false;
    while (others > 0 || !ended) {
      bool active = false;
      if (std::optional<ResultBatch> batch = worker.take()) {
        store.write(*batch);
        written(*batch);
        active = true;
      }
      if (!ended && worker.idle()) {
        std::vector<MissingScores> portion = again() ? portions.next() : std::vector<MissingScores>();
        ended = portion.empty();
        if (!ended) worker.give(std::move(portion));
      }
      MPI_Status status;
      if (arrived(MPI_ANY_SOURCE, kResult, status)) {
        takeIn(receive(status), store, written);
        const std::vector<MissingScores> portion = again() ? portions.next() : std::vector<MissingScores>();
        others -= portion.empty();
        send(pack(portion), status.MPI_SOURCE, kPortion);
        active = true;
      }
      if (!active) rest();
    }
  }

  void work(Evaluation& evaluation, const std::function<bool()>& again) override {
    Bytes result;
    for (;;) {
      send(result, kOwner, kResult);
      MPI_Status status;
      while (!arrived(kOwner, kPortion, status)) rest();
      const std::vector<MissingScores> portion = unpack(receive(status));
      if (portion.empty()) return;
      result = measured(evaluation, portion, again);
    }
  }

 private:
  static void takeIn(const Bytes& bytes, Store& store, const std::function<void(const ResultBatch&)>& written) {
    if (bytes.empty()) return;
    const Store part = Store::fromBytes(bytes);
    store.merge(part);
    written({part.pictures(), {}, {}});
  }

  // A store in memory is what travels. Nothing travels of a portion that was broken off.
  static Bytes measured(Evaluation& evaluation, const std::vector<MissingScores>& portion,
                        const std::function<bool()>& again) {
    ResultBatch batch;
    try {
      batch = evaluation.measure(portion);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::Cancelled || again()) throw;
      return {};
    }
    Store store = Store::inMemory();
    store.beginRun(evaluation.provenance());
    store.put(evaluation.modelFacts());
    store.write(batch);
    return store.bytes();
  }

  int rank_ = 0, size_ = 1, onThisMachine_ = 1;
};

}  // namespace
#endif

std::unique_ptr<Ranks> Ranks::join() {
  const char* size = std::getenv("OMPI_COMM_WORLD_SIZE");
  if (!size) return nullptr;
#ifdef RELPROP_WITH_MPI
  return std::make_unique<MpiRanks>();
#else
  throw Error(ErrorCode::InvalidArgument, "mpirun", "this program was built without MPI", "",
              "install libopenmpi-dev and build again, or use --shard and relprop merge");
#endif
}

}  // namespace relprop::cli

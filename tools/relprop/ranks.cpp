#include "ranks.h"

#include <cstdlib>

#include "relprop/error.h"

#ifdef RELPROP_WITH_MPI
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>
#endif

namespace relprop::cli {

#ifdef RELPROP_WITH_MPI
namespace {

using Bytes = std::vector<std::uint8_t>;
using Clock = std::chrono::steady_clock;

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

// What a rank sends: how long a unit took it, 0 where nothing is known yet, and a store in memory.
struct Answer {
  double secondsAUnit = 0;
  Bytes store;
};

Bytes pack(const Answer& answer) {
  Bytes bytes(sizeof answer.secondsAUnit);
  std::memcpy(bytes.data(), &answer.secondsAUnit, sizeof answer.secondsAUnit);
  bytes.insert(bytes.end(), answer.store.begin(), answer.store.end());
  return bytes;
}

Answer unpackAnswer(const Bytes& bytes) {
  Answer answer;
  std::memcpy(&answer.secondsAUnit, bytes.data(), sizeof answer.secondsAUnit);
  answer.store.assign(bytes.begin() + sizeof answer.secondsAUnit, bytes.end());
  return answer;
}

// A rank's measuring of one portion, a few units at a time. What was finished before an interruption travels.
class RankWorker {
 public:
  RankWorker(Evaluation& evaluation, const std::function<bool()>& again) : evaluation_(evaluation), again_(again) {}

  Answer measure(const std::vector<MissingScores>& portion) {
    const Clock::time_point start = Clock::now();
    Store store = Store::inMemory();
    store.beginRun(evaluation_.provenance());
    store.put(evaluation_.modelFacts());
    const std::size_t together = evaluation_.portion();
    for (std::size_t from = 0; from < portion.size(); from += together) {
      const auto first = portion.begin() + static_cast<std::ptrdiff_t>(from);
      const std::size_t count = std::min(together, portion.size() - from);
      if (!put({first, first + static_cast<std::ptrdiff_t>(count)}, store)) break;
    }
    const std::chrono::duration<double> seconds = Clock::now() - start;
    return {seconds.count() / static_cast<double>(portion.size()), store.bytes()};
  }

 private:
  // False when the user wants no more.
  bool put(const std::vector<MissingScores>& units, Store& store) {
    try {
      store.write(evaluation_.measure(units));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::Cancelled || again_()) throw;
      return false;
    }
    return true;
  }

  Evaluation& evaluation_;
  const std::function<bool()>& again_;
};

// The owner's side: what ranks get and what becomes of what they send.
class Owner {
 public:
  Owner(Evaluation& evaluation, Store& store, Portions& portions, int ranks, const std::function<bool()>& again,
        const std::function<void(const ResultBatch&)>& written)
      : worker_(evaluation),
        step_(evaluation.portion()),
        store_(store),
        portions_(portions),
        ranks_(static_cast<std::size_t>(ranks)),
        again_(again),
        written_(written) {}

  Served run() {
    std::size_t others = ranks_ - 1;
    bool ended = false;
    while (others > 0 || !ended) {
      const bool own = takeOwn();
      ended = ended || !giveOwn();
      const Clock::time_point start = Clock::now();
      const std::size_t served = serve(others);
      if (served > 0) served_.seconds += std::chrono::duration<double>(Clock::now() - start).count();
      if (!own && served == 0) rest();
    }
    return served_;
  }

 private:
  bool takeOwn() {
    const std::optional<ResultBatch> batch = worker_.take();
    if (!batch) return false;
    store_.write(*batch);
    written_(*batch);
    return true;
  }

  // False when there is nothing left for this rank.
  bool giveOwn() {
    if (!worker_.idle()) return true;
    std::vector<MissingScores> portion = next(0);
    if (portion.empty()) return false;
    worker_.give(std::move(portion));
    return true;
  }

  // Answers all that have sent something by now; the disk is waited for once.
  std::size_t serve(std::size_t& others) {
    std::vector<std::pair<int, Answer>> answers;
    for (MPI_Status status; answers.size() < ranks_ && arrived(MPI_ANY_SOURCE, kResult, status);)
      answers.emplace_back(status.MPI_SOURCE, unpackAnswer(receive(status)));
    if (answers.empty()) return 0;
    std::vector<ResultBatch> batches;
    std::vector<std::vector<MissingScores>> portions;
    store_.together([&] {
      for (const auto& [rank, answer] : answers) takeIn(answer.store, batches);
      for (const auto& [rank, answer] : answers) portions.push_back(next(units(answer.secondsAUnit)));
    });
    for (const ResultBatch& batch : batches) written_(batch);
    for (std::size_t i = 0; i < answers.size(); ++i) {
      others -= portions[i].empty();
      served_.units += portions[i].size();
      send(pack(portions[i]), answers[i].first, kPortion);
    }
    return answers.size();
  }

  void takeIn(const Bytes& bytes, std::vector<ResultBatch>& batches) {
    if (bytes.empty()) return;
    const Store part = Store::fromBytes(bytes);
    store_.merge(part);
    batches.push_back({part.pictures(), {}, part.results(false)});
  }

  // As many units as take a rank a few seconds, which is what it loses when it dies; fewer towards the end so that all
  // ranks end together.
  std::size_t units(double secondsAUnit) const {
    constexpr double kSeconds = 4.0, kMost = 64;  // with their maps they have to travel in one message
    if (secondsAUnit <= 0) return 0;
    const double most = static_cast<double>(portions_.left()) / (2.0 * static_cast<double>(ranks_));
    const double wanted = std::min({most, kSeconds / secondsAUnit, kMost}) / static_cast<double>(step_);
    return step_ * static_cast<std::size_t>(std::max(wanted, 1.0));
  }

  std::vector<MissingScores> next(std::size_t units) {
    return again_() ? portions_.next(units) : std::vector<MissingScores>();
  }

  OwnWorker worker_;
  const std::size_t step_;
  Store& store_;
  Portions& portions_;
  const std::size_t ranks_;
  const std::function<bool()>& again_;
  const std::function<void(const ResultBatch&)>& written_;
  Served served_;
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

  Served own(Evaluation& evaluation, Store& store, Portions& portions, const std::function<bool()>& again,
             const std::function<void(const ResultBatch&)>& written) override {
    return Owner(evaluation, store, portions, size_, again, written).run();
  }

  void work(Evaluation& evaluation, const std::function<bool()>& again) override {
    RankWorker worker(evaluation, again);
    Answer answer;
    for (;;) {
      send(pack(answer), kOwner, kResult);
      MPI_Status status;
      while (!arrived(kOwner, kPortion, status)) rest();
      const std::vector<MissingScores> portion = unpack(receive(status));
      if (portion.empty()) return;
      answer = worker.measure(portion);
    }
  }

 private:
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

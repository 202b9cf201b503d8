// Runs a harness without Clang: over files and folders of files, and over damaged copies of them, the same ones each
// time.
//   relprop_fuzz [--mutate N] [--seed N] [--seconds N] [--runs N] [--dictionary FILE] [--keep FILE] PATH…
// --seconds goes on with other copies, a seed behind the other, until so many have passed, or so many inputs been run
// as --runs says, or SIGTERM came. --keep writes every input to FILE before it runs, so that the one that ended the
// program lies there. An input that takes more than a minute ends it too (SIGALRM; a program that was stopped meanwhile
// as well).
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "fuzz/dice.h"
#include "fuzz/entry.h"

namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

constexpr unsigned kSeconds = 60;

struct Options {
  int mutations = 0, seconds = 0;
  std::size_t runs = SIZE_MAX;
  unsigned seed = 1;
  std::vector<Bytes> words;  // of the dictionary
  int keep = -1;             // the file's descriptor
  std::vector<Bytes> inputs;
};

Bytes readAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes((std::istreambuf_iterator<char>(file)), {});
}

int digit(char c) {
  return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

// As libFuzzer writes them: name="text", with \xAB, \\ and \".
std::vector<Bytes> readDictionary(const fs::path& path) {
  std::vector<Bytes> words;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find('"'), last = line.rfind('"');
    if (line.starts_with('#') || first == last) continue;
    Bytes word;
    for (std::size_t i = first + 1; i < last; ++i) {
      const bool hex = line[i] == '\\' && line[i + 1] == 'x';
      if (line[i] == '\\' && !hex) ++i;
      word.push_back(static_cast<std::uint8_t>(hex ? 16 * digit(line[i + 2]) + digit(line[i + 3]) : line[i]));
      if (hex) i += 3;
    }
    words.push_back(word);
  }
  return words;
}

void addFiles(const fs::path& path, std::vector<fs::path>& files) {
  if (!fs::is_directory(path)) return files.push_back(path);
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file()) files.push_back(entry.path());
}

Options parse(int argc, char** argv) {
  Options options;
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool valued = i + 1 < argc;
    if (argument == "--mutate" && valued)
      options.mutations = std::atoi(argv[++i]);
    else if (argument == "--seed" && valued)
      options.seed = static_cast<unsigned>(std::atoi(argv[++i]));
    else if (argument == "--seconds" && valued)
      options.seconds = std::atoi(argv[++i]);
    else if (argument == "--runs" && valued)
      options.runs = std::strtoull(argv[++i], nullptr, 10);
    else if (argument == "--dictionary" && valued)
      options.words = readDictionary(argv[++i]);
    else if (argument == "--keep" && valued)
      options.keep = open(argv[++i], O_CREAT | O_WRONLY | O_TRUNC, 0644);
    else
      addFiles(argument, files);
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& path : files) options.inputs.push_back(readAll(path));
  return options;
}

// Where readers of text go wrong: around the bounds of types, and what no number is.
const std::vector<std::string> kNumbers = {"0",
                                           "-1",
                                           "1",
                                           "2147483647",
                                           "2147483648",
                                           "4294967296",
                                           "-2147483649",
                                           "9223372036854775807",
                                           "9223372036854775808",
                                           "-9223372036854775808",
                                           "18446744073709551616",
                                           "1e999",
                                           "-1e-999",
                                           "nan",
                                           "inf",
                                           "0.1",
                                           "1e9",
                                           "007",
                                           "0x10",
                                           ""};

class Damage {
 public:
  Damage(const Options& options, unsigned seed) : words_(options.words), others_(options.inputs), random_(seed) {}

  // Three of four within the structure, where there is one.
  Bytes operator()(Bytes bytes) {
    if (random_() % 4 != 0)
      if (std::optional<Bytes> damaged = damagedWithinStructure(bytes, random_)) return *std::move(damaged);
    for (std::size_t times = 1 + random_() % 4; times > 0; --times) once(bytes);
    return bytes;
  }

 private:
  std::size_t below(std::size_t count) { return dice_.below(count); }
  // One of: bytes overwritten, a bit turned, a number made extreme, a piece cut out, a piece repeated, the end cut off,
  // a piece of another input put in or over, a number that is written out exchanged, a word of the dictionary put in or
  // over.
  void once(Bytes& bytes) {
    const std::size_t at = below(bytes.size() + 1), end = std::min(bytes.size(), at + below(64));
    const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(at),
               to = bytes.begin() + static_cast<std::ptrdiff_t>(end);
    switch (below(words_.empty() ? 8 : 10)) {
      case 0:
        return std::generate(from, std::min(to, from + 4), [&] { return static_cast<std::uint8_t>(random_()); });
      case 1:
        if (from != bytes.end()) *from = static_cast<std::uint8_t>(*from ^ (1u << below(8)));
        return;
      case 2:
        return std::fill(from, std::min(to, from + 8), below(2) ? std::uint8_t{0xff} : std::uint8_t{0});
      case 3:
        bytes.erase(from, to);
        return;
      case 4:
        return put(bytes, end, 0, Bytes(from, to));
      case 5:
        if (below(4) == 0) bytes.erase(from, bytes.end());
        return;
      case 6:
        return put(bytes, at, below(2) * (end - at), pieceOf(dice_.oneOf(others_)));
      case 7:
        return exchangeNumber(bytes, at);
      case 8:
        return put(bytes, at, 0, dice_.oneOf(words_));
      default: {
        const Bytes& word = dice_.oneOf(words_);
        return put(bytes, at, std::min(end - at, word.size()), word);
      }
    }
  }
  Bytes pieceOf(const Bytes& other) {
    const std::size_t at = below(other.size() + 1), end = std::min(other.size(), at + 1 + below(256));
    return {other.begin() + static_cast<std::ptrdiff_t>(at), other.begin() + static_cast<std::ptrdiff_t>(end)};
  }
  // The first behind `at`.
  void exchangeNumber(Bytes& bytes, std::size_t at) {
    const auto isDigit = [](std::uint8_t byte) { return byte >= '0' && byte <= '9'; };
    const auto first = std::find_if(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(), isDigit);
    const auto last = std::find_if_not(first, bytes.end(), isDigit);
    const std::string& number = dice_.oneOf(kNumbers);
    put(bytes, static_cast<std::size_t>(first - bytes.begin()), static_cast<std::size_t>(last - first),
        Bytes(number.begin(), number.end()));
  }
  static void put(Bytes& bytes, std::size_t at, std::size_t over, const Bytes& what) {
    const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    const auto place = bytes.erase(from, from + static_cast<std::ptrdiff_t>(over));
    bytes.insert(place, what.begin(), what.end());
  }

  const std::vector<Bytes>& words_;
  const std::vector<Bytes>& others_;
  std::mt19937 random_;
  relprop::fuzz::Dice dice_{random_};
};

// Over what lay in the file before; opening it anew would take longer than many an input does.
void keep(int file, const Bytes& bytes) {
  const auto size = static_cast<off_t>(bytes.size());
  if (pwrite(file, bytes.data(), bytes.size(), 0) == size && ftruncate(file, size) == 0) return;
  std::cerr << "relprop_fuzz: the file of --keep cannot be written\n";
  std::exit(2);
}

void runOne(const Options& options, const Bytes& bytes) {
  if (options.keep >= 0) keep(options.keep, bytes);
  alarm(kSeconds);
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  alarm(0);
}

volatile std::sig_atomic_t stopped = 0;

// What --seconds and --runs leave, until SIGTERM. Without --seconds it is one round over all files.
class Budget {
 public:
  explicit Budget(const Options& options)
      : most_(options.runs), timed_(options.seconds > 0), end_(Clock::now() + std::chrono::seconds(options.seconds)) {}
  void count(std::size_t runs) { runs_ += runs; }
  std::size_t runs() const { return runs_; }
  bool spent() const { return stopped || runs_ >= most_ || (timed_ && Clock::now() >= end_); }
  bool anotherRound() const { return timed_ && !spent(); }

 private:
  using Clock = std::chrono::steady_clock;
  std::size_t most_, runs_ = 0;
  bool timed_;
  Clock::time_point end_;
};

// Every input and its damaged copies, or as many as the budget has left: each seed has another order.
void runAll(const Options& options, unsigned seed, Budget& budget) {
  Damage damage(options, seed);
  std::vector<std::size_t> order(options.inputs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), std::mt19937(seed));
  for (const std::size_t i : order) {
    if (budget.spent()) return;
    runOne(options, options.inputs[i]);
    for (int copy = 0; copy < options.mutations; ++copy) runOne(options, damage(options.inputs[i]));
    budget.count(static_cast<std::size_t>(options.mutations) + 1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  if (options.inputs.empty()) {
    std::cerr << "relprop_fuzz: no input\n";
    return 2;
  }
  LLVMFuzzerInitialize(&argc, &argv);
  std::signal(SIGTERM, [](int) { stopped = 1; });
  Budget budget(options);
  unsigned seed = options.seed;
  do runAll(options, seed++, budget);
  while (budget.anotherRound());
  std::cout << budget.runs() << " inputs from " << options.inputs.size() << " files, the next seed is " << seed << "\n";
}

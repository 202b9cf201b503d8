#include "bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "table.h"

namespace relprop::cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string ms(double seconds) {
  return fmt::format("{:.2f} ms", seconds * 1e3);
}

// "207.8 ms", and the quartiles where runs scatter.
std::string ms(const Spread& spread) {
  return fmt::format("{} ({:.2f}–{:.2f})", ms(spread.median), spread.low * 1e3, spread.high * 1e3);
}

std::string megabytes(std::int64_t bytes) {
  return bytes > 0 ? fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6) : "-";
}

double perSecond(std::int64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds / 1e9 : 0;
}

std::string passes(const LayerWork& work) {
  return work.layers > 0 ? fmt::format("{} + {}", work.forwardPasses, work.backwardPasses) : "-";
}

std::string times(double seconds, double floor) {
  return floor > 0 ? fmt::format("{:.2f} ×", seconds / floor) : "-";
}

void printTimes(Console& console, const BenchReport& report) {
  Rows rows = {{"method", "batch", "threads", "compile", "forward", "backward", "all (quartiles)", "floor", "ratio",
                "peak memory", "estimate"}};
  for (const BenchRun& r : report.runs)
    rows.push_back({r.asked, std::to_string(r.batch), std::to_string(r.threads), ms(r.compile), ms(r.forward.median),
                    ms(r.backward.median), ms(r.total), r.floor > 0 ? ms(r.floor) : "-", times(r.total.median, r.floor),
                    megabytes(r.peakBytes), megabytes(r.estimatedBytes)});
  printTable(console, rows);
}

// One pass over all layers of a kind, what a method makes of it, and how many executions the plan has.
std::vector<std::string> layerRow(const BenchRun& run, const char* kind, const LayerWork& work, const Floor& floor) {
  const bool timed = run.floor > 0;
  return {run.asked,
          std::to_string(run.batch),
          std::to_string(run.threads),
          kind,
          std::to_string(work.layers),
          timed ? ms(floor.forward.median) : "-",
          timed ? ms(floor.backward.median) : "-",
          passes(work),
          fmt::format("{} + {}", work.forward, work.backward),
          fmt::format("{:.2f}", static_cast<double>(work.forwardFlops + work.backwardFlops) / 1e9),
          timed ? ms(floor.seconds) : "-"};
}

void printLayers(Console& console, const BenchReport& report) {
  Rows rows = {{"method", "batch", "threads", "bare", "layers", "forward", "backward", "passes", "executions", "GFLOP",
                "floor"}};
  for (const BenchRun& r : report.runs) {
    if (r.work.convolutions.layers > 0)
      rows.push_back(layerRow(r, "convolutions", r.work.convolutions, r.convolutions));
    if (r.work.dense.layers > 0) rows.push_back(layerRow(r, "dense", r.work.dense, r.dense));
  }
  console.heading("Bare layers, and how often the method runs them forward + backward");
  printTable(console, rows);
}

std::int64_t sumOf(const std::vector<StepReport>& steps, std::int64_t StepReport::*what) {
  std::int64_t sum = 0;
  for (const StepReport& s : steps) sum += s.*what;
  return sum;
}

// Of the products that the direct computation has, the share that is carried out, by algorithm.
std::string productsDone(const std::vector<StepReport>& steps) {
  const std::int64_t direct = sumOf(steps, &StepReport::flops), done = sumOf(steps, &StepReport::multiplied);
  return direct == 0 ? "-" : fmt::format("{:.0f} %", 100 * static_cast<double>(done) / static_cast<double>(direct));
}

Json algorithmsJson(const std::vector<StepReport>& steps) {
  Json json = Json::object();
  for (const StepReport& s : steps) {
    if (s.algorithm.empty()) continue;
    Json& one = json[s.algorithm];
    if (one.is_null()) one = {{"steps", 0}, {"flops", 0}, {"multiplied", 0}};
    one["steps"] = one["steps"].get<std::int64_t>() + 1;
    one["flops"] = one["flops"].get<std::int64_t>() + s.flops;
    one["multiplied"] = one["multiplied"].get<std::int64_t>() + s.multiplied;
  }
  return json;
}

void printOthers(Console& console, const BenchReport& report) {
  Rows rows = {{"method", "batch", "threads", "every execution, bare", "ratio", "products done", "programs", "moved",
                "other kernels", "moved"}};
  for (const BenchRun& r : report.runs)
    rows.push_back({r.asked, std::to_string(r.batch), std::to_string(r.threads), r.floor > 0 ? ms(r.planned) : "-",
                    times(r.total.median, r.planned), productsDone(r.steps), std::to_string(r.work.programs),
                    megabytes(r.work.programBytes), std::to_string(r.work.kernels), megabytes(r.work.kernelBytes)});
  console.heading("Work beside the linear layers");
  printTable(console, rows);
}

// Seconds by phase and kind of step.
void printSums(Console& console, const BenchRun& run) {
  Rows rows = {{"kind", "forward", "backward", "steps", "share"}};
  double all = 0;
  for (const StepReport& s : run.steps) all += s.seconds;
  for (const char* kind : {"linear", "program", "kernel", "scalar"}) {
    double seconds[2] = {0, 0};
    int count = 0;
    for (const StepReport& s : run.steps)
      if (s.kind == kind) seconds[s.phase == "backward"] += s.seconds, ++count;
    rows.push_back({kind, ms(seconds[0]), ms(seconds[1]), std::to_string(count),
                    fmt::format("{:.1f} %", all > 0 ? (seconds[0] + seconds[1]) / all * 100 : 0)});
  }
  printTable(console, rows);
}

void printProfile(Console& console, const BenchRun& run) {
  constexpr std::size_t kShown = 40;
  std::vector<StepReport> steps = run.steps;
  std::stable_sort(steps.begin(), steps.end(),
                   [](const StepReport& a, const StepReport& b) { return a.seconds > b.seconds; });
  Rows rows = {{"time", "phase", "kind", "step", "shape", "moved", "GB/s", "GFLOP/s"}};
  for (std::size_t i = 0; i < std::min(kShown, steps.size()); ++i) {
    const StepReport& s = steps[i];
    rows.push_back({fmt::format("{:.3f} ms", s.seconds * 1e3), s.phase, s.kind, s.name, s.shape,
                    fmt::format("{:.2f} MB", static_cast<double>(s.bytes) / 1e6),
                    fmt::format("{:.1f}", perSecond(s.bytes, s.seconds)),
                    s.flops > 0 ? fmt::format("{:.1f}", perSecond(s.flops, s.seconds)) : "-"});
  }
  console.heading(fmt::format("Steps of {}, batch {}, {} threads: the {} that take longest of {}", run.asked, run.batch,
                              run.threads, rows.size() - 1, steps.size()));
  printTable(console, rows);
  console.data("");
  printSums(console, run);
}

Json spreadJson(const Spread& s) {
  return {{"median", s.median}, {"low", s.low}, {"high", s.high}};
}

Json layerJson(const LayerWork& work, const Floor& floor) {
  return {{"layers", work.layers},
          {"passes", {work.forwardPasses, work.backwardPasses}},
          {"executions", {work.forward, work.backward}},
          {"flops", {work.forwardFlops, work.backwardFlops}},
          {"bareForward", spreadJson(floor.forward)},
          {"bareBackward", spreadJson(floor.backward)},
          {"floor", floor.seconds}};
}

Json stepJson(const StepReport& s) {
  return {{"name", s.name},           {"phase", s.phase},           {"kind", s.kind},
          {"shape", s.shape},         {"bytes", s.bytes},           {"flops", s.flops},
          {"algorithm", s.algorithm}, {"multiplied", s.multiplied}, {"seconds", s.seconds}};
}

Json runJson(const BenchRun& r, bool profile) {
  Json json = {{"asked", r.asked},
               {"method", r.method},
               {"batch", r.batch},
               {"threads", r.threads},
               {"compile", r.compile},
               {"forward", spreadJson(r.forward)},
               {"backward", spreadJson(r.backward)},
               {"all", spreadJson(r.total)},
               {"floor", r.floor > 0 ? Json(r.floor) : Json()},
               {"ratio", r.floor > 0 ? Json(r.ratio()) : Json()},
               {"everyExecution", r.floor > 0 ? Json(r.planned) : Json()},
               {"convolutions", layerJson(r.work.convolutions, r.convolutions)},
               {"dense", layerJson(r.work.dense, r.dense)},
               {"products", {{"count", r.work.products}, {"flops", r.work.productFlops}}},
               {"algorithms", algorithmsJson(r.steps)},
               {"programs", {{"count", r.work.programs}, {"bytes", r.work.programBytes}}},
               {"kernels", {{"count", r.work.kernels}, {"bytes", r.work.kernelBytes}}},
               {"peakBytes", r.peakBytes > 0 ? Json(r.peakBytes) : Json()},
               {"estimatedBytes", r.estimatedBytes}};
  for (std::size_t i = 0; profile && i < r.steps.size(); ++i) json["steps"].push_back(stepJson(r.steps[i]));
  return json;
}

Json traceEvent(const StepReport& s, std::size_t process, double start) {
  return {{"name", s.name},
          {"cat", s.kind},
          {"ph", "X"},
          {"pid", process},
          {"tid", s.phase == "backward" ? 2 : 1},
          {"ts", start * 1e6},
          {"dur", s.seconds * 1e6},
          {"args",
           {{"shape", s.shape},
            {"bytes", s.bytes},
            {"GB/s", perSecond(s.bytes, s.seconds)},
            {"GFLOP/s", perSecond(s.flops, s.seconds)}}}};
}

Json nameEvent(const char* what, std::size_t process, int thread, const std::string& name) {
  return {{"name", what}, {"ph", "M"}, {"pid", process}, {"tid", thread}, {"args", {{"name", name}}}};
}

void appendRun(Json& events, const BenchRun& run, std::size_t process) {
  events.push_back(nameEvent("process_name", process, 0,
                             fmt::format("{}, batch {}, {} threads", run.asked, run.batch, run.threads)));
  events.push_back(nameEvent("thread_name", process, 1, "forward"));
  events.push_back(nameEvent("thread_name", process, 2, "backward"));
  double start = 0;
  for (const StepReport& step : run.steps) {
    events.push_back(traceEvent(step, process, start));
    start += step.seconds;
  }
}

}  // namespace

std::string waitingText() {
  const char *policy = std::getenv("OMP_WAIT_POLICY"), *spins = std::getenv("GOMP_SPINCOUNT");
  if (spins) return fmt::format("as GOMP_SPINCOUNT={} says", spins);
  if (policy) return fmt::format("as OMP_WAIT_POLICY={} says", policy);
  return "by spinning, the default (other commands: asleep)";
}

void printBench(Console& console, const BenchReport& report, bool profile) {
  console.data(fmt::format("model    {} ({})", report.model, report.hash));
  console.data(fmt::format("input    {}{}", toString(report.input),
                           report.neutralRange ? ", pixels from −1 to 1 as no preprocessing is known" : ""));
  console.data(fmt::format("load     {}", ms(report.load)));
  console.data(fmt::format("threads  wait {}", waitingText()));
  console.data("");
  printTimes(console, report);
  printLayers(console, report);
  printOthers(console, report);
  for (const BenchRun& run : report.runs)
    if (profile) printProfile(console, run);
}

Json benchJson(const BenchReport& report, bool profile) {
  Json json = {{"model", report.model},
               {"modelHash", report.hash},
               {"inputShape", report.input},
               {"neutralRange", report.neutralRange},
               {"waiting", waitingText()},
               {"versions", versions()},
               {"load", spreadJson(report.load)},
               {"warnings", report.warnings},
               {"runs", Json::array()}};
  for (const BenchRun& run : report.runs) json["runs"].push_back(runJson(run, profile));
  return json;
}

void printFidelity(Console& console, const std::vector<Fidelity>& all) {
  Rows rows = {{"method", "pictures", "Spearman ρ (lowest)", "top-1 changed", "conservation f32", "bf16",
                "largest difference of logits"}};
  for (const Fidelity& f : all) {
    const AgreementSummary& v = f.pictures;
    rows.push_back({f.asked, std::to_string(v.pictures), fmt::format("{:.5f} ({:.5f})", v.spearman, v.lowestSpearman),
                    std::to_string(v.topChanged), v.conserves ? shortExponent(v.conservation[0]) : "-",
                    v.conserves ? shortExponent(v.conservation[1]) : "-", shortExponent(v.logits)});
  }
  console.data("Maps in bf16 beside those in f32; medians over the pictures");
  printTable(console, rows);
}

Json fidelityJson(const std::vector<Fidelity>& all) {
  Json json = Json::array();
  for (const Fidelity& f : all) {
    const AgreementSummary& v = f.pictures;
    json.push_back({{"asked", f.asked},
                    {"method", f.method},
                    {"pictures", v.pictures},
                    {"spearman", v.spearman},
                    {"lowestSpearman", v.lowestSpearman},
                    {"topChanged", v.topChanged},
                    {"conservation", v.conserves ? Json{v.conservation[0], v.conservation[1]} : Json()},
                    {"logits", v.logits}});
  }
  return json;
}

std::string traceText(const BenchReport& report) {
  Json events = Json::array();
  for (std::size_t i = 0; i < report.runs.size(); ++i) appendRun(events, report.runs[i], i + 1);
  return dump({{"traceEvents", events}, {"displayTimeUnit", "ms"}}, -1) + "\n";
}

}  // namespace relprop::cli

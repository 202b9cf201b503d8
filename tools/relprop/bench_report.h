// What bench says: tables for people, JSON for scripts, a trace for a browser.
#pragma once

#include <string>
#include <vector>

#include "console.h"
#include "relprop/bench.h"
#include "report.h"

namespace relprop::cli {

// Agreement of one method's maps over the pictures.
struct Fidelity {
  std::string asked, method;  // as in BenchRun
  AgreementSummary pictures;
};

// "spinning (OMP_WAIT_POLICY is not set)"
std::string waitingText();

void printBench(Console& console, const BenchReport& report, bool profile);
Json benchJson(const BenchReport& report, bool profile);

void printFidelity(Console& console, const std::vector<Fidelity>& all);
Json fidelityJson(const std::vector<Fidelity>& all);

// Chrome's trace format: every run a process, forward and backward a thread each, the steps of one run end to end.
std::string traceText(const BenchReport& report);

}  // namespace relprop::cli

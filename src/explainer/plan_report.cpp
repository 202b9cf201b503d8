#include "explainer/plan_report.h"

#include <fmt/format.h>

#include <algorithm>

namespace relprop {
namespace {

// Each image is held some three times, as it comes, as the caller gives it, and its map.
constexpr std::int64_t kCopies = 3;

// Explaining or, for large models of which a method needs little, reading the file takes most: its bytes lie beside the
// weights that are made of them.
std::int64_t mostMemory(const PlanReport& report, const CompiledMethod& compiled) {
  const std::int64_t images =
      kCopies * compiled.rows() * compiled.inputFloats() * static_cast<std::int64_t>(sizeof(float));
  return kProgramBytes + report.modelBytes +
         std::max(report.arenaBytes + report.weightBytes + images, report.modelBytes);
}

NodeReport nodeReport(const CompiledMethod& compiled, int index) {
  const Node& n = compiled.graph().nodes[static_cast<std::size_t>(index)];
  const Rule* rule = compiled.rule(index);
  std::string text = rule ? rule->text : "none";
  if (compiled.halves(index)) text += " (half each)";
  return {n.name, opName(n.op), toString(compiled.graph().value(n.outputs[0]).shape), text, n.folded};
}

// What was assumed where nothing in the network says what is meant.
std::vector<std::string> halvedProducts(const CompiledMethod& compiled) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < compiled.graph().nodes.size(); ++i)
    if (compiled.halves(static_cast<int>(i))) names.push_back(compiled.graph().nodes[i].name);
  if (names.empty()) return {};
  const std::size_t count = names.size(), shown = std::min<std::size_t>(count, 3);
  names.resize(shown);
  return {fmt::format("{} product{} of operands of which neither is a gate: half of the relevance to each ({}{})",
                      count, count == 1 ? "" : "s", fmt::join(names, ", "), shown < count ? ", …" : "")};
}

}  // namespace

std::vector<StepReport> stepsOf(CompiledMethod& compiled) {
  std::vector<StepReport> steps;
  for (const StepInfo& s : compiled.plan().steps()) {
    if (!compiled.runs(s)) continue;
    steps.push_back({s.name, s.node, s.phase == Phase::Forward ? "forward" : "backward", kindName(s.kind),
                     toString(s.shape), s.bytes, s.flops, s.algorithm, s.multiplied, s.seconds});
  }
  return steps;
}

std::vector<LedgerEntry> ledgerOf(CompiledMethod& compiled, std::int64_t row) {
  const auto total = [&](const std::vector<ScalarId>& ids) {
    double sum = 0;
    for (ScalarId id : ids) sum += compiled.scalar(id)[row];
    return sum;
  };
  const auto scale = [&](ScalarId id) { return id < 0 ? 1.0 : compiled.scalar(id)[row]; };
  std::vector<LedgerEntry> all;
  for (const LedgerSlots& slots : compiled.ledger()) {
    const Node& node = compiled.graph().nodes[static_cast<std::size_t>(slots.node)];
    const double in = scale(slots.scaleIn);
    LedgerEntry e{node.name, opName(node.op), compiled.rule(slots.node)->text, in * compiled.scalar(slots.in)[row]};
    e.out = scale(slots.scaleOut) * total(slots.out);
    e.bias = in * total(slots.absorbed[static_cast<std::size_t>(Absorbed::Bias)]);
    e.stabiliser = in * total(slots.absorbed[static_cast<std::size_t>(Absorbed::Stabiliser)]);
    e.zeroDenominator = in * total(slots.absorbed[static_cast<std::size_t>(Absorbed::ZeroDenominator)]);
    all.push_back(std::move(e));
  }
  return all;
}

PlanReport reportOf(CompiledMethod& compiled, CompiledMethod* probe) {
  PlanReport r;
  r.method = compiled.method().text;
  r.table = compiled.method().table.print();
  for (std::size_t i = 0; i < compiled.graph().nodes.size(); ++i)
    r.nodes.push_back(nodeReport(compiled, static_cast<int>(i)));
  r.warnings = halvedProducts(compiled);
  for (const std::string& row : compiled.idleUserRows())
    r.warnings.push_back("--rule " + row + " has no effect: at every node that it matches another row comes first");
  r.steps = stepsOf(compiled);
  r.modelBytes = compiled.constantBytes();
  for (Plan* plan : {&compiled.plan(), probe ? &probe->plan() : nullptr}) {
    if (!plan) continue;
    r.arenaBytes += plan->arenaBytes();
    r.weightBytes += plan->weightBytes();
  }
  r.memory = mostMemory(r, compiled);
  return r;
}

}  // namespace relprop

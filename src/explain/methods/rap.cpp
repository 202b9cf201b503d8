// Relative attributing propagation and its variants. [RAP] Nam et al., AAAI 2020.
#include <fmt/format.h>

#include "explain/methods/method_list.h"

namespace relprop {
namespace {

Method rapLike(Parameters& p, const std::string& conv, const std::string& dense, const std::string& top,
               const std::string& first, float stabilizer) {
  Method m;
  m.table.append("Conv", conv);
  m.table.append("Dense", dense);
  appendNodeRows(m, p, {"ratio", stabilizer});
  prependFirstRow(m, p, first, "image", stabilizer, "");
  m.table.prepend("top", top);
  m.seed = seedOf(p, "logit");
  return m;
}

}  // namespace

Method rap(Parameters& p) {
  return rapLike(p, "rap", "rap", "rap-top", "zbox", 0);
}

Method rapSigned(Parameters& p) {
  return rapLike(p, "rap-signed", "rap", "rap-top", "zbox", 0);
}

Method rapSummary(Parameters& p) {
  const float stab = stabiliserOf(p);
  const std::string rule = fmt::format("rap-summary:stabilizer={}", stab);
  return rapLike(p, rule, rule, "rap-summary-top", "none", stab);
}

}  // namespace relprop

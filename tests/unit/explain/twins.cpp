#include "unit/explain/twins.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <stdexcept>

#include "graph/geometry.h"

namespace relprop::test {
namespace {

using Doubles = std::vector<double>;

double pos(double v) {
  return std::max(v, 0.0);
}
double neg(double v) {
  return std::min(v, 0.0);
}
// a/(z + ε·sign z), sign(0) = +1; safe division for ε = 0.
double over(double a, double z, double epsilon) {
  if (epsilon == 0) return z == 0 ? 0 : a / z;
  return a / (z + (z < 0 ? -epsilon : epsilon));
}

struct Text {
  std::string name;
  std::map<std::string, std::string> values;
  double number(const std::string& key, double fallback) const {
    return values.count(key) ? std::stod(values.at(key)) : fallback;
  }
  bool is(const std::string& key, const std::string& value) const {
    return values.count(key) && values.at(key) == value;
  }
};

Text parsed(const std::string& rule) {
  Text t{rule.substr(0, rule.find(':')), {}};
  std::size_t at = rule.find(':');
  while (at != std::string::npos) {
    const std::size_t equals = rule.find('=', at), comma = rule.find(',', at + 1);
    t.values[rule.substr(at + 1, equals - at - 1)] = rule.substr(equals + 1, comma - equals - 1);
    at = comma;
  }
  return t;
}

// Shares of one output's relevance r by contributions c_i over their sum plus `bias` (its own share is kept, dropped or
// spread).
struct Share {
  std::function<double(double x, double w, std::size_t i)> contribution;
  std::function<double(double b)> bias;
  double epsilon = 1e-6;
};

void distribute(const Layer& l, const Doubles& x, const Doubles& r, const Text& t, const Share& s, Doubles& into) {
  for (std::size_t j = 0; j < l.taps.size(); ++j) {
    const double b = t.is("bias", "drop") || !s.bias ? 0 : s.bias(l.b(j));
    double z = b;
    for (const auto& [i, w] : l.taps[j]) z += s.contribution(x[i], w, i);
    for (const auto& [i, w] : l.taps[j]) {
      into[i] += over(s.contribution(x[i], w, i) * r[j], z, s.epsilon);
      if (t.is("bias", "spread")) into[i] += over(b / static_cast<double>(l.taps[j].size()) * r[j], z, s.epsilon);
    }
  }
}

Doubles scaled(const Doubles& r, double k) {
  Doubles out = r;
  for (double& v : out) v *= k;
  return out;
}

Doubles epsilonRule(const Text& t, const Layer& l, const Doubles& x, const Doubles& r) {
  Doubles out(l.inputs);
  distribute(
      l, x, r, t,
      {[](double v, double w, std::size_t) { return v * w; }, [](double b) { return b; }, t.number("epsilon", 1e-6)},
      out);
  return out;
}

const Share kPositive = {[](double v, double w, std::size_t) { return pos(v) * pos(w) + neg(v) * neg(w); }, pos};
const Share kNegative = {[](double v, double w, std::size_t) { return pos(v) * neg(w) + neg(v) * pos(w); }, neg};

Doubles zplusRule(const Text& t, const Layer& l, const Doubles& x, const Doubles& r) {
  Doubles out(l.inputs);
  Share s = kPositive;
  s.epsilon = t.number("stabilizer", 1e-6);
  distribute(l, x, r, t, s, out);
  return out;
}

Doubles alphaBetaRule(const Text& t, const Layer& l, const Doubles& x, const Doubles& r) {
  const double alpha = t.number("alpha", 2), beta = t.number("beta", alpha - 1);
  Doubles out(l.inputs);
  distribute(l, x, scaled(r, alpha), t, kPositive, out);
  distribute(l, x, scaled(r, -beta), t, kNegative, out);
  return out;
}

Doubles contrastRule(const Text& t, const Layer& l, const Doubles& x, const Doubles& r) {
  Share up = kPositive, down = kNegative;
  up.epsilon = down.epsilon = t.number("stabilizer", 1e-6);
  Doubles out(l.inputs);
  distribute(l, x, r, t, up, out);
  distribute(l, x, scaled(r, -1), t, down, out);
  return out;
}

Doubles gammaRule(const Text& t, const Layer& l, const Doubles& x, const Doubles& r) {
  const double g = t.number("gamma", 0.25);
  const Share up = {
      [g](double v, double w, std::size_t) { return pos(v) * (w + g * pos(w)) + neg(v) * (w + g * neg(w)); },
      [g](double b) { return b + g * pos(b); }, 0};
  const Share down = {
      [g](double v, double w, std::size_t) { return pos(v) * (w + g * neg(w)) + neg(v) * (w + g * pos(w)); },
      [g](double b) { return b + g * neg(b); }, 0};
  const Doubles z = outputsOf(l, x);
  Doubles above = r, below = r, out(l.inputs);
  for (std::size_t j = 0; j < r.size(); ++j) {
    if (z[j] <= 0) above[j] = 0;
    if (z[j] >= 0) below[j] = 0;
  }
  distribute(l, x, above, t, up, out);
  distribute(l, x, below, t, down, out);
  return out;
}

Doubles zboxRule(const Text& t, const Layer& l, const Doubles& x, const Doubles& r) {
  Doubles low = l.low, high = l.high, out(l.inputs);
  if (t.is("bounds", "image")) {
    low.assign(l.inputs, *std::min_element(x.begin(), x.end()));
    high.assign(l.inputs, *std::max_element(x.begin(), x.end()));
  }
  distribute(l, x, r, t,
             {[&](double v, double w, std::size_t i) { return v * w - low[i] * pos(w) - high[i] * neg(w); }, nullptr,
              t.number("stabilizer", 1e-6)},
             out);
  return out;
}

Doubles wsquareRule(const Text& t, const Layer& l, const Doubles& x, const Doubles& r) {
  Doubles out(l.inputs);
  distribute(l, x, r, t, {[](double, double w, std::size_t) { return w * w; }, [](double b) { return b * b; }}, out);
  return out;
}

Doubles flatRule(const Text& t, const Layer& l, const Doubles& x, const Doubles& r) {
  Doubles out(l.inputs);
  distribute(l, x, r, t, {[](double, double, std::size_t) { return 1.0; }, nullptr}, out);
  return out;
}

// Σ over positive weights alone: of x (sign and all), or of ones.
Doubles positiveWeightRule(const Text& t, const Layer& l, const Doubles& x, const Doubles& r, bool ones) {
  Doubles out(l.inputs);
  distribute(l, x, r, t,
             {[ones](double v, double w, std::size_t) { return (ones ? 1 : v) * pos(w); }, nullptr,
              t.number("stabilizer", 1e-5)},
             out);
  return out;
}

Doubles gradientRule(const Text&, const Layer& l, const Doubles&, const Doubles& r) {
  Doubles out(l.inputs);
  for (std::size_t j = 0; j < r.size(); ++j)
    for (const auto& [i, w] : l.taps[j]) out[i] += w * r[j];
  return out;
}

// Γ neurons are activated; each gives back (ΣR̄ − ΣR)/Γ.
Doubles shifted(Doubles raw, const Doubles& r) {
  const double total = std::accumulate(raw.begin(), raw.end(), 0.0), wanted = std::accumulate(r.begin(), r.end(), 0.0);
  const auto active = static_cast<double>(std::count_if(raw.begin(), raw.end(), [](double v) { return v != 0; }));
  for (double& v : raw)
    if (v != 0) v -= (total - wanted) / active;
  return raw;
}

Doubles rapRule(const Layer& l, const Doubles& x, const Doubles& r, bool isSigned) {
  Doubles out(l.inputs);
  for (std::size_t j = 0; j < r.size(); ++j) {
    double p = 0, n = 0;
    for (const auto& [i, w] : l.taps[j]) p += pos(x[i] * w), n += std::abs(neg(x[i] * w));
    const double v = over(r[j] * n, p + n, 0);
    for (const auto& [i, w] : l.taps[j]) {
      out[i] += over(pos(x[i] * w), p, 0) * (isSigned ? pos(r[j]) : r[j]);
      out[i] += over(std::abs(neg(x[i] * w)), n, 0) * (isSigned ? neg(r[j]) + v : v);
    }
  }
  return shifted(out, r);
}

Doubles rapTopRule(const Text& t, const Layer& l, const Doubles& x, const Doubles& r) {
  Doubles out(l.inputs);
  distribute(l, x, r, t, {[](double v, double w, std::size_t) { return v * w; }, nullptr, 0}, out);
  double total = 0, magnitude = 0;
  for (double v : out) total += v, magnitude += std::abs(v);
  for (double& v : out) v = std::abs(v) * total / magnitude;
  return out;
}

Doubles rapSummaryRule(const Text& t, const Layer& l, const Doubles& x, const Doubles& r) {
  const double eps = t.number("stabilizer", 1e-6);
  Doubles out(l.inputs);
  for (std::size_t j = 0; j < r.size(); ++j) {
    double p = 0, n = 0;
    for (const auto& [i, w] : l.taps[j]) p += pos(x[i] * w), n += neg(x[i] * w);
    for (const auto& [i, w] : l.taps[j])
      out[i] += pos(x[i] * w) / (p + eps) * pos(r[j]) + neg(x[i] * w) / (n - eps) * neg(r[j]);
  }
  return out;
}

Doubles rapSummaryTopRule(const Text& t, const Layer& l, const Doubles& x, const Doubles& r) {
  Doubles out(l.inputs);
  distribute(l, x, r, t, {[](double v, double w, std::size_t) { return std::abs(v * w); }, nullptr, 0}, out);
  const double missing = std::accumulate(r.begin(), r.end(), 0.0) - std::accumulate(out.begin(), out.end(), 0.0);
  for (double& v : out) v += missing / static_cast<double>(l.inputs);
  return out;
}

using Rule = Doubles (*)(const Text&, const Layer&, const Doubles&, const Doubles&);

const std::map<std::string, Rule>& rules() {
  static const std::map<std::string, Rule> all = {
      {"epsilon", epsilonRule},
      {"zplus", zplusRule},
      {"alphabeta", alphaBetaRule},
      {"contrast", contrastRule},
      {"gamma", gammaRule},
      {"zbox", zboxRule},
      {"wsquare", wsquareRule},
      {"flat", flatRule},
      {"gradient", gradientRule},
      {"wplus", [](const Text& t, const Layer& l, const Doubles& x,
                   const Doubles& r) { return positiveWeightRule(t, l, x, r, false); }},
      {"ones", [](const Text& t, const Layer& l, const Doubles& x,
                  const Doubles& r) { return positiveWeightRule(t, l, x, r, true); }},
      {"rap", [](const Text&, const Layer& l, const Doubles& x, const Doubles& r) { return rapRule(l, x, r, false); }},
      {"rap-signed",
       [](const Text&, const Layer& l, const Doubles& x, const Doubles& r) { return rapRule(l, x, r, true); }},
      {"rap-top", rapTopRule},
      {"rap-summary", rapSummaryRule},
      {"rap-summary-top", rapSummaryTopRule}};
  return all;
}

Doubles biasOf(const Graph& graph, const Node& node) {
  if (node.inputs.size() < 3) return {};
  const std::vector<float>& b = *graph.value(node.inputs[2]).constant->floats;
  const Shape& out = graph.value(node.outputs[0]).shape;
  const std::int64_t count = elementCount(out) / out[0], each = count / static_cast<std::int64_t>(b.size());
  Doubles all;
  for (std::int64_t j = 0; j < count; ++j) {
    const std::int64_t at = node.op == Op::Dense ? j % static_cast<std::int64_t>(b.size()) : j / each;
    all.push_back(b[static_cast<std::size_t>(at)]);
  }
  return all;
}

void addConvTaps(const ConvGeometry& g, const std::vector<float>& w, Layer& l) {
  const std::int64_t per = g.C / g.groups;
  for (std::int64_t o = 0; o < g.O; ++o)
    for (std::int64_t y = 0; y < g.OH; ++y)
      for (std::int64_t x = 0; x < g.OW; ++x) {
        auto& taps = l.taps.emplace_back();
        for (std::int64_t c = 0; c < per; ++c)
          for (std::int64_t ky = 0; ky < g.KH; ++ky)
            for (std::int64_t kx = 0; kx < g.KW; ++kx) {
              const std::int64_t iy = y * g.SH - g.padTop + ky * g.DH, ix = x * g.SW - g.padLeft + kx * g.DW;
              if (iy < 0 || ix < 0 || iy >= g.H || ix >= g.W) continue;
              const std::int64_t channel = o / (g.O / g.groups) * per + c;
              taps.push_back({static_cast<std::size_t>((channel * g.H + iy) * g.W + ix),
                              w[static_cast<std::size_t>(((o * per + c) * g.KH + ky) * g.KW + kx)]});
            }
      }
}

void addDenseTaps(std::size_t in, std::size_t out, const std::vector<float>& w, Layer& l) {
  for (std::size_t first = 0; first < l.inputs; first += in)
    for (std::size_t o = 0; o < out; ++o) {
      auto& taps = l.taps.emplace_back();
      for (std::size_t i = 0; i < in; ++i) taps.push_back({first + i, w[o * in + i]});
    }
}

}  // namespace

Layer layerOf(const Graph& graph, const Node& node) {
  const Shape& in = graph.value(node.inputs[0]).shape;
  const std::vector<float>& w = *graph.value(node.inputs[1]).constant->floats;
  Layer l;
  l.inputs = static_cast<std::size_t>(elementCount(in) / in[0]);
  l.bias = biasOf(graph, node);
  if (node.op == Op::Conv)
    addConvTaps(geometryOf(graph, node), w, l);
  else
    addDenseTaps(static_cast<std::size_t>(in.back()),
                 static_cast<std::size_t>(graph.value(node.outputs[0]).shape.back()), w, l);
  return l;
}

std::vector<double> outputsOf(const Layer& layer, const std::vector<double>& x) {
  Doubles z;
  for (std::size_t j = 0; j < layer.taps.size(); ++j) {
    z.push_back(layer.b(j));
    for (const auto& [i, w] : layer.taps[j]) z.back() += x[i] * w;
  }
  return z;
}

std::vector<double> twin(const std::string& rule, const Layer& layer, const std::vector<double>& x,
                         const std::vector<double>& r) {
  const Text t = parsed(rule);
  return rules().at(t.name)(t, layer, x, r);
}

}  // namespace relprop::test

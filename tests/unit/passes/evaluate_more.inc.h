// Part of evaluate.cpp, within its namespace: comparisons, choices, what rounds to grids of integers, Gelu and
// LayerNormalization.

double compared(Op op, double a, double b) {
  switch (op) {
    case Op::Greater:
      return a > b;
    case Op::Less:
      return a < b;
    case Op::GreaterOrEqual:
      return a >= b;
    case Op::LessOrEqual:
      return a <= b;
    case Op::Equal:
      return a == b;
    case Op::And:
      return a != 0 && b != 0;
    case Op::Or:
      return a != 0 || b != 0;
    case Op::Xor:
      return (a != 0) != (b != 0);
    case Op::Max:
      return std::max(a, b);
    case Op::Min:
      return std::min(a, b);
    default:
      throw std::logic_error("no comparison");
  }
}

Arrays comparison(const Call& c) {
  Array y = c.zeros();
  each(y.shape,
       [&](const Index& i) { at(y, i) = compared(c.node.op, broadcastAt(*c.in[0], i), broadcastAt(*c.in[1], i)); });
  return {y};
}

Arrays where(const Call& c) {
  Array y = c.zeros();
  each(y.shape, [&](const Index& i) { at(y, i) = broadcastAt(*c.in[broadcastAt(*c.in[0], i) != 0 ? 1 : 2], i); });
  return {y};
}

// Scale or zero point of the element at `index`.
double along(const Call& c, std::size_t input, const Index& index) {
  if (!c.has(input)) return 0;
  const Array& p = *c.in[input];
  const std::int64_t rank = static_cast<std::int64_t>(index.size()), given = c.node.intAttr("axis", 1);
  const std::size_t axis = sz(given < 0 ? given + rank : given);
  if (p.data.size() == 1) return p.data[0];
  if (p.shape.size() == 1) return p.data.at(sz(index[axis]));
  Index block = index;
  block[axis] /= c.node.intAttr("block_size", 1);
  return at(p, block);
}

Arrays quantizeLinear(const Call& c) {
  Array y = c.x();
  each(y.shape, [&](const Index& i) {
    const double level = std::nearbyint(at(c.x(), i) / along(c, 1, i)) + along(c, 2, i);
    at(y, i) = std::clamp<double>(level, c.node.floatAttr("low", 0), c.node.floatAttr("high", 0));
  });
  return {y};
}

Arrays dequantizeLinear(const Call& c) {
  Array y = c.x();
  each(y.shape, [&](const Index& i) { at(y, i) = (at(c.x(), i) - along(c, 2, i)) * along(c, 1, i); });
  return {y};
}

struct ByteGrid {
  double scale, zero;
  double level(double v) const { return std::clamp(std::nearbyint(v / scale) + zero, 0.0, 255.0); }
};

ByteGrid byteGridOf(const double* first, const double* last) {
  const double low = std::min(0.0, *std::min_element(first, last)),
               high = std::max(0.0, *std::max_element(first, last));
  const double scale = high > low ? (high - low) / 255 : 1;
  return {scale, std::clamp(std::nearbyint(-low / scale), 0.0, 255.0)};
}

Arrays dynamicQuantizeLinear(const Call& c) {
  Array y = c.x();
  const ByteGrid grid = byteGridOf(y.data.data(), y.data.data() + y.data.size());
  for (double& v : y.data) v = grid.level(v);
  return {y, {{}, {grid.scale}}, {{}, {grid.zero}}};
}

Arrays dynamicFakeQuantize(const Call& c) {
  Array y = c.x();
  const std::size_t image = y.data.size() / sz(y.shape[0]);
  for (std::size_t i = 0; i < y.data.size(); ++i) {
    const double* first = c.x().data.data() + i / image * image;
    const ByteGrid grid = byteGridOf(first, first + image);
    y.data[i] = (grid.level(y.data[i]) - grid.zero) * grid.scale;
  }
  return {y};
}

Arrays fakeQuantize(const Call& c) {
  const double scale = c.node.floatAttr("scale", 1), zero = c.node.floatAttr("zero_point", 0);
  const double low = c.node.floatAttr("low", -128), high = c.node.floatAttr("high", 127);
  return mapped(c, [&](double v) { return (std::clamp(std::nearbyint(v / scale) + zero, low, high) - zero) * scale; });
}

Arrays gelu(const Call& c) {
  const bool tanh = c.node.stringAttr("approximate", "none") == "tanh";
  return mapped(c, [&](double v) {
    const double gate = tanh ? std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)) : std::erf(v / M_SQRT2);
    return v * (1 + gate) / 2;
  });
}

Arrays layerNorm(const Call& c) {
  const std::size_t axis = axisOf(c.node.intAttr("axis", -1), c.x().shape.size());
  const Shape normalised(c.x().shape.begin() + static_cast<std::ptrdiff_t>(axis), c.x().shape.end());
  const std::size_t extent = sz(elementCount(normalised));
  Array y = c.x();
  for (std::size_t first = 0; first < y.data.size(); first += extent) {
    const auto from = y.data.begin() + static_cast<std::ptrdiff_t>(first);
    const double mean =
        std::accumulate(from, from + static_cast<std::ptrdiff_t>(extent), 0.0) / static_cast<double>(extent);
    double variance = 0;
    for (std::size_t i = 0; i < extent; ++i)
      variance += std::pow(y.data[first + i] - mean, 2) / static_cast<double>(extent);
    std::size_t i = first;
    each(normalised, [&](const Index& at) {
      const double unit =
          (y.data[i] - mean) / std::sqrt(variance + static_cast<double>(c.node.floatAttr("epsilon", 1e-5f)));
      y.data[i++] = unit * broadcastAt(*c.in[1], at) + (c.has(2) ? broadcastAt(*c.in[2], at) : 0.0);
    });
  }
  return {y};
}

// Within each image, both flat.
Arrays take(const Call& c) {
  Array y = c.zeros();
  const Index indices = c.node.intsAttr("indices");
  const std::size_t image = c.x().data.size() / sz(c.x().shape[0]);
  for (std::size_t i = 0; i < y.data.size(); ++i) {
    const std::int64_t from = indices[i % indices.size()];
    y.data[i] = from < 0 ? static_cast<double>(c.node.floatAttr("value", 0))
                         : c.x().data[i / indices.size() * image + sz(from)];
  }
  return {y};
}

// Resize of one axis by weights that are written out.
Arrays weighted(const Call& c) {
  Array y = c.zeros();
  const std::size_t axis = sz(c.node.intAttr("axis", 1));
  const Index indices = c.node.intsAttr("indices");
  const std::vector<float> weights = c.node.floatsAttr("weights");
  const std::size_t taps = indices.size() / sz(y.shape[axis]);
  each(y.shape, [&](const Index& i) {
    for (std::size_t k = 0; k < taps; ++k) {
      Index source = i;
      const std::size_t tap = sz(i[axis]) * taps + k;
      source[axis] = indices[tap];
      at(y, i) += static_cast<double>(weights[tap]) * at(c.x(), source);
    }
  });
  return {y};
}

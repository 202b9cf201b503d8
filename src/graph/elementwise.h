// Value and derivative of every elementwise op, side by side, over any arithmetic E: the engine's expressions over
// buffers, or double (constants, tests). E has + and − and · among its own and + and · with a number, and the functions
// that stand below for double.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "graph/graph.h"

namespace relprop {

// Where an op is evaluated.
template <class E>
struct Point {
  const Node& node;                       // for its attributes
  std::function<E(std::size_t)> operand;  // broadcast to the output's shape; asked for once, and only where it is read
  std::function<E()> output = {};         // for derivatives
  std::size_t by = 0;                     // the operand that a derivative is taken by

  E x() const { return operand(0); }
  E y() const { return output(); }
};

template <class E>
struct Formula {
  E (*value)(const Point<E>&) = nullptr;
  E (*derivative)(const Point<E>&) = nullptr;
};

// A number that depends on no operand.
template <class E>
E number(float value);
template <>
inline double number<double>(float value) {
  return value;
}

namespace formula {

using std::ceil, std::cos, std::erf, std::exp, std::expm1, std::floor, std::log, std::log1p, std::sin, std::sqrt,
    std::tanh;
inline double divide(double a, double b) {
  return a / b;
}
inline double positive(double v) {
  return std::max(v, 0.0);
}
inline double negative(double v) {
  return std::min(v, 0.0);
}
inline double absolute(double v) {
  return std::abs(v);
}
inline double isPositive(double v) {
  return v > 0 ? 1.0 : 0.0;
}
inline double roundToEven(double v) {
  return std::nearbyint(v);
}
inline double power(double a, double b) {
  return std::pow(a, b);
}
inline double maximum(double a, double b) {
  return std::max(a, b);
}
inline double minimum(double a, double b) {
  return std::min(a, b);
}
inline double isGreater(double a, double b) {
  return a > b ? 1.0 : 0.0;
}
inline double isEqual(double a, double b) {
  return a == b ? 1.0 : 0.0;
}
inline double keptWhere(double a, double condition) {
  return condition != 0 ? a : 0.0;
}
inline double sigmoid(double v) {
  return 1 / (1 + std::exp(-v));
}
inline double clamp(double v, double low, double high) {
  return std::min(std::max(v, low), high);
}

template <class E>
struct Relu {
  static E value(const Point<E>& p) { return positive(p.x()); }
  static E derivative(const Point<E>& p) { return isPositive(p.y()); }
};

template <class E>
struct LeakyRelu {
  static float alpha(const Point<E>& p) { return p.node.floatAttr("alpha", 0.01f); }
  static E value(const Point<E>& p) {
    const E x = p.x();
    return positive(x) + negative(x) * alpha(p);
  }
  static E derivative(const Point<E>& p) { return isPositive(p.x()) * (1 - alpha(p)) + alpha(p); }
};

// The slope is a constant: nobody asks for the derivative by it.
template <class E>
struct PRelu {
  static E value(const Point<E>& p) {
    const E x = p.x();
    return positive(x) + negative(x) * p.operand(1);
  }
  static E derivative(const Point<E>& p) {
    const E slope = p.operand(1), up = isPositive(p.x());
    return up + slope * (up * -1.0f + 1.0f);
  }
};

template <class E>
struct Elu {
  static float alpha(const Point<E>& p) { return p.node.floatAttr("alpha", 1.0f); }
  static E value(const Point<E>& p) {
    const E x = p.x();
    return positive(x) + expm1(negative(x)) * alpha(p);
  }
  static E derivative(const Point<E>& p) {
    const E x = p.x(), up = isPositive(x);
    return up + (up * -1.0f + 1.0f) * exp(negative(x)) * alpha(p);
  }
};

template <class E>
struct Clip {
  static constexpr float kInfinity = std::numeric_limits<float>::infinity();
  static float low(const Point<E>& p) { return p.node.floatAttr("min", -kInfinity); }
  static float high(const Point<E>& p) { return p.node.floatAttr("max", kInfinity); }
  static E value(const Point<E>& p) { return clamp(p.x(), low(p), high(p)); }
  static E derivative(const Point<E>& p) {
    const E x = p.x();
    E inside = x * 0.0f + 1.0f;
    if (low(p) > -kInfinity) inside = inside * isPositive(x + -low(p));
    if (high(p) < kInfinity) inside = inside * isPositive(x * -1.0f + high(p));
    return inside;
  }
};

template <class E>
struct Sigmoid {
  static E value(const Point<E>& p) { return sigmoid(p.x()); }
  static E derivative(const Point<E>& p) {
    const E y = p.y();
    return y * (y * -1.0f + 1.0f);
  }
};

template <class E>
struct HardSigmoid {
  static float alpha(const Point<E>& p) { return p.node.floatAttr("alpha", 0.2f); }
  static E value(const Point<E>& p) { return clamp(p.x() * alpha(p) + p.node.floatAttr("beta", 0.5f), 0.0f, 1.0f); }
  static E derivative(const Point<E>& p) {
    const E y = p.y();
    return isPositive(y) * isPositive(y * -1.0f + 1.0f) * alpha(p);
  }
};

// Derivative: 0 below −3, 1 above 3, x/3 + 1/2 between.
template <class E>
struct HardSwish {
  static E value(const Point<E>& p) {
    const E x = p.x();
    return x * clamp(x * (1.0 / 6.0) + 0.5f, 0.0f, 1.0f);
  }
  static E derivative(const Point<E>& p) {
    const E x = p.x(), between = isPositive(x + 3.0f) * (isPositive(x + -3.0f) * -1.0f + 1.0f);
    return between * (x * (1.0 / 3.0) + 0.5f) + isPositive(x + -3.0f);
  }
};

template <class E>
struct Tanh {
  static E value(const Point<E>& p) { return tanh(p.x()); }
  static E derivative(const Point<E>& p) {
    const E y = p.y();
    return y * y * -1.0f + 1.0f;
  }
};

template <class E>
struct Erf {
  static constexpr double kTwoOverRootPi = 1.1283791670955126;
  static E value(const Point<E>& p) { return erf(p.x()); }
  static E derivative(const Point<E>& p) {
    const E x = p.x();
    return exp(x * x * -1.0f) * kTwoOverRootPi;
  }
};

// ½x(1 + g) with g = erf(x/√2), or tanh u with u = √(2/π)(x + 0.044715x³). Derivatives: Φ(x) + x·φ(x) with the normal
// distribution's Φ and density φ, or ½(1 + g) + ½x(1 − g²)u′.
template <class E>
struct Gelu {
  static constexpr double kRootHalf = 0.70710678118654752, kInverseRootTwoPi = 0.39894228040143268,
                          kRootTwoOverPi = 0.79788456080286536;
  static constexpr float kCubic = 0.044715f;

  static bool byTanh(const Point<E>& p) { return p.node.stringAttr("approximate", "none") == "tanh"; }
  static E gate(const E& x) { return erf(x * kRootHalf); }
  static E tanhGate(const E& x, const E& square) { return tanh((square * kCubic + 1.0f) * x * kRootTwoOverPi); }

  static E value(const Point<E>& p) {
    const E x = p.x(), g = byTanh(p) ? tanhGate(x, x * x) : gate(x);
    return x * (g + 1.0f) * 0.5f;
  }
  static E derivative(const Point<E>& p) {
    const E x = p.x();
    if (byTanh(p)) return tanhDerivative(x);
    return (gate(x) + 1.0f) * 0.5f + x * exp(x * x * -0.5f) * kInverseRootTwoPi;
  }
  static E tanhDerivative(const E& x) {
    const E square = x * x, g = tanhGate(x, square);
    const E slope = (square * (3.0f * kCubic) + 1.0f) * kRootTwoOverPi;
    return (g + 1.0f) * 0.5f + x * (g * g * -1.0f + 1.0f) * slope * 0.5f;
  }
};

// max(x, 0) + log(1 + e^−|x|): the exponential cannot overflow.
template <class E>
struct Softplus {
  static E value(const Point<E>& p) {
    const E x = p.x();
    return positive(x) + log1p(exp(absolute(x) * -1.0f));
  }
  static E derivative(const Point<E>& p) { return sigmoid(p.x()); }
};

template <class E>
struct Softsign {
  static E value(const Point<E>& p) {
    const E x = p.x();
    return divide(x, absolute(x) + 1.0f);
  }
  static E derivative(const Point<E>& p) {
    const E d = absolute(p.x()) + 1.0f;
    return divide(1.0f, d * d);
  }
};

template <class E>
struct Sqrt {
  static E value(const Point<E>& p) { return sqrt(p.x()); }
  // 0 at 0, as the norm of a vector of zeros has it: ∞ there would make NaN of every 0 before and behind it.
  static E derivative(const Point<E>& p) {
    const E y = p.y();
    return keptWhere(divide(0.5f, y), isPositive(y));
  }
};

template <class E>
struct Neg {
  static E value(const Point<E>& p) { return p.x() * -1.0f; }
  static E derivative(const Point<E>&) { return number<E>(-1.0f); }
};

template <class E>
struct Abs {
  static E value(const Point<E>& p) { return absolute(p.x()); }
  static E derivative(const Point<E>& p) {
    const E x = p.x();
    return isPositive(x) - isPositive(x * -1.0f);
  }
};

template <class E>
struct Exp {
  static E value(const Point<E>& p) { return exp(p.x()); }
  static E derivative(const Point<E>& p) { return p.y(); }
};

template <class E>
struct Log {
  static E value(const Point<E>& p) { return log(p.x()); }
  static E derivative(const Point<E>& p) { return divide(1.0f, p.x()); }
};

template <class E>
struct Reciprocal {
  static E value(const Point<E>& p) { return divide(1.0f, p.x()); }
  static E derivative(const Point<E>& p) {
    const E y = p.y();
    return y * y * -1.0f;
  }
};

// Steps: flat but where they jump.
template <class E>
E flat(const Point<E>& p) {
  return p.operand(p.by) * 0.0f;
}

template <class E>
struct SignOf {
  static E value(const Point<E>& p) {
    const E x = p.x();
    return isPositive(x) - isPositive(x * -1.0f);
  }
  static E derivative(const Point<E>& p) { return flat(p); }
};

template <class E>
struct Floor {
  static E value(const Point<E>& p) { return floor(p.x()); }
  static E derivative(const Point<E>& p) { return flat(p); }
};

template <class E>
struct Ceil {
  static E value(const Point<E>& p) { return ceil(p.x()); }
  static E derivative(const Point<E>& p) { return flat(p); }
};

// Halves go to the even neighbour.
template <class E>
struct Round {
  static E value(const Point<E>& p) { return roundToEven(p.x()); }
  static E derivative(const Point<E>& p) { return flat(p); }
};

// Rounding counts as passing the value on: the derivative is that of the straight line, as far as no value is cut off.
template <class E>
struct FakeQuantize {
  static float zero(const Point<E>& p) { return p.node.floatAttr("zero_point", 0.0f); }
  static float scale(const Point<E>& p) { return p.node.floatAttr("scale", 1.0f); }
  static float low(const Point<E>& p) { return p.node.floatAttr("low", -128.0f); }
  static float high(const Point<E>& p) { return p.node.floatAttr("high", 127.0f); }
  static E level(const Point<E>& p) { return roundToEven(divide(p.x(), number<E>(scale(p)))) + zero(p); }
  static E value(const Point<E>& p) { return (clamp(level(p), low(p), high(p)) + -zero(p)) * scale(p); }
  static E derivative(const Point<E>& p) {
    const E at = level(p), above = isGreater(at, number<E>(high(p))), below = isGreater(number<E>(low(p)), at);
    return (above + below) * -1.0f + 1.0f;
  }
};

template <class E>
struct Sin {
  static E value(const Point<E>& p) { return sin(p.x()); }
  static E derivative(const Point<E>& p) { return cos(p.x()); }
};

template <class E>
struct Cos {
  static E value(const Point<E>& p) { return cos(p.x()); }
  static E derivative(const Point<E>& p) { return sin(p.x()) * -1.0f; }
};

// The exponent is a constant: nobody asks for the derivative by it.
template <class E>
struct Pow {
  static E value(const Point<E>& p) {
    const E x = p.x();
    return power(x, p.operand(1));
  }
  static E derivative(const Point<E>& p) {
    const E x = p.x(), exponent = p.operand(1);
    const E root = isEqual(x, number<E>(0)) * isPositive(exponent * -1.0f + 1.0f);  // as of Sqrt at 0
    return keptWhere(exponent * power(x, exponent + -1.0f), root * -1.0f + 1.0f);
  }
};

// Of equals the first is chosen.
template <class E>
struct Max {
  static E value(const Point<E>& p) {
    const E a = p.operand(0), b = p.operand(1);
    return maximum(a, b);
  }
  static E derivative(const Point<E>& p) {
    const E a = p.operand(0), b = p.operand(1), second = isGreater(b, a);
    return p.by == 1 ? second : second * -1.0f + 1.0f;
  }
};

template <class E>
struct Min {
  static E value(const Point<E>& p) {
    const E a = p.operand(0), b = p.operand(1);
    return minimum(a, b);
  }
  static E derivative(const Point<E>& p) {
    const E a = p.operand(0), b = p.operand(1), second = isGreater(a, b);
    return p.by == 1 ? second : second * -1.0f + 1.0f;
  }
};

// The condition is 0 or 1. What is not chosen may be infinite.
template <class E>
struct Where {
  static E value(const Point<E>& p) {
    const E condition = p.operand(0), otherwise = condition * -1.0f + 1.0f;
    const E a = p.operand(1), b = p.operand(2);
    return keptWhere(a, condition) + keptWhere(b, otherwise);
  }
  static E derivative(const Point<E>& p) {
    if (p.by == 0) return flat(p);
    const E condition = p.operand(0);
    return p.by == 1 ? condition : condition * -1.0f + 1.0f;
  }
};

template <class E>
struct Greater {
  static E value(const Point<E>& p) {
    const E a = p.operand(0), b = p.operand(1);
    return isGreater(a, b);
  }
  static E derivative(const Point<E>& p) { return flat(p); }
};

template <class E>
struct Less {
  static E value(const Point<E>& p) {
    const E a = p.operand(0), b = p.operand(1);
    return isGreater(b, a);
  }
  static E derivative(const Point<E>& p) { return flat(p); }
};

template <class E>
struct GreaterOrEqual {
  static E value(const Point<E>& p) { return Less<E>::value(p) * -1.0f + 1.0f; }
  static E derivative(const Point<E>& p) { return flat(p); }
};

template <class E>
struct LessOrEqual {
  static E value(const Point<E>& p) { return Greater<E>::value(p) * -1.0f + 1.0f; }
  static E derivative(const Point<E>& p) { return flat(p); }
};

template <class E>
struct Equal {
  static E value(const Point<E>& p) {
    const E a = p.operand(0), b = p.operand(1);
    return isEqual(a, b);
  }
  static E derivative(const Point<E>& p) { return flat(p); }
};

// Booleans are 0 or 1; anything above 0 counts as 1.
template <class E>
struct And {
  static E value(const Point<E>& p) {
    const E a = p.operand(0), b = p.operand(1);
    return isPositive(a) * isPositive(b);
  }
  static E derivative(const Point<E>& p) { return flat(p); }
};

template <class E>
struct Or {
  static E value(const Point<E>& p) {
    const E a = p.operand(0), b = p.operand(1);
    return isPositive(isPositive(a) + isPositive(b));
  }
  static E derivative(const Point<E>& p) { return flat(p); }
};

template <class E>
struct Xor {
  static E value(const Point<E>& p) {
    const E a = p.operand(0), b = p.operand(1);
    return absolute(isPositive(a) - isPositive(b));
  }
  static E derivative(const Point<E>& p) { return flat(p); }
};

template <class E>
struct Not {
  static E value(const Point<E>& p) { return isPositive(p.x()) * -1.0f + 1.0f; }
  static E derivative(const Point<E>& p) { return flat(p); }
};

template <class E>
struct Add {
  static E value(const Point<E>& p) {
    const E a = p.operand(0), b = p.operand(1);
    return a + b;
  }
  static E derivative(const Point<E>&) { return number<E>(1.0f); }
};

template <class E>
struct Sub {
  static E value(const Point<E>& p) {
    const E a = p.operand(0), b = p.operand(1);
    return a - b;
  }
  static E derivative(const Point<E>& p) { return number<E>(p.by == 1 ? -1.0f : 1.0f); }
};

template <class E>
struct Mul {
  static E value(const Point<E>& p) {
    const E a = p.operand(0), b = p.operand(1);
    return a * b;
  }
  static E derivative(const Point<E>& p) { return p.operand(1 - p.by); }
};

template <class E>
struct Div {
  static E value(const Point<E>& p) {
    const E a = p.operand(0), b = p.operand(1);
    return divide(a, b);
  }
  static E derivative(const Point<E>& p) {
    if (p.by == 0) return divide(1.0f, p.operand(1));
    const E a = p.operand(0), b = p.operand(1);
    return divide(a * -1.0f, b * b);
  }
};

}  // namespace formula
}  // namespace relprop

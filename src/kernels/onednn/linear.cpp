#include "kernels/onednn/linear.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "kernels/buffers.h"
#include "kernels/onednn/engine.h"
#include "system/memory_bound.h"

namespace relprop::onednn {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

memory::data_type typeOf(Element element) {
  return element == Element::Float32 ? memory::data_type::f32 : memory::data_type::bf16;
}

memory::desc described(const memory::dims& dims, Tag tag, Element element = Element::Float32) {
  return {dims, typeOf(element), tag};
}

// One block of all channels is the same memory as channels last, but oneDNN has other kernels for the two.
Tag layoutOf(std::int64_t channels, int block, bool channelsLast) {
  if (block == 1) return Tag::nchw;
  if (block == channels && (channelsLast || (block != 16 && block != 8))) return Tag::nhwc;
  return block == 16 ? Tag::nChw16c : Tag::nChw8c;
}

// 1-D and 2-D activations share the 4-D tags: a missing axis has extent 1.
memory::desc activation(const TensorDesc& d) {
  const memory::dims dims = {d.rows(), d.channels(), 1, d.spatial()};
  return described(dims, layoutOf(d.channels(), d.block, false), d.element);
}

// The layer's input or output. Layers of narrow operands lie with their channels last.
memory::desc activation(const LinearKernelSpec& spec, bool input, Element element) {
  const Shape s = input ? spec.shape.inputShape() : spec.shape.outputShape();
  if (s.size() == 2) return described({s[0], s[1]}, Tag::nc, element);
  const Tag tag = layoutOf(s[1], input ? spec.srcBlock : spec.dstBlock, spec.operands == Element::Bfloat16);
  return described({s[0], s[1], s[2], s[3]}, tag, element);
}

memory::desc plainWeights(const LinearShape& s) {
  if (s.dense) return described({s.oc, s.ic}, Tag::oi);
  if (s.groups == 1) return described({s.oc, s.ic, s.kh, s.kw}, Tag::oihw);
  return described({s.groups, s.oc / s.groups, s.ic / s.groups, s.kh, s.kw}, Tag::goihw);
}

// Those of a layer whose way back this shape is, in their own order: of single pixels, which have no ends.
memory::desc turnedWeights(const LinearShape& s) {
  const std::int64_t outputs = s.oc / s.groups, inputs = s.ic / s.groups;
  if (s.groups == 1) return {{outputs, inputs, 1, 1}, memory::data_type::f32, memory::dims{1, outputs, 1, 1}};
  return {{s.groups, outputs, inputs, 1, 1}, memory::data_type::f32, memory::dims{outputs * inputs, 1, outputs, 1, 1}};
}

memory::desc freeLayout(const memory::desc& d) {
  return {dimsOf(d), dataTypeOf(d), Tag::any};
}

// Forward: src is what is multiplied, dst the sums. Backward: the other way round.
ConvDescs describe(const LinearKernelSpec& spec, bool forward) {
  const LinearShape& s = spec.shape;
  const Element src = forward ? spec.operands : spec.out, dst = forward ? spec.out : spec.operands;
  ConvDescs d{activation(spec, true, src),
              described(dimsOf(plainWeights(s)), Tag::any, spec.operands),
              {},
              activation(spec, false, dst),
              {s.sh, s.sw},
              {s.dh - 1, s.dw - 1},
              {s.pt, s.pl},
              {s.pb, s.pr}};
  if (!spec.bias.empty()) d.bias = described({s.oc}, Tag::x);
  return d;
}

dnnl::primitive_attr attributes(const LinearKernelSpec& spec) {
  dnnl::post_ops ops;
  if (spec.accumulate) ops.append_sum(1.f);
  if (spec.relu) appendRelu(ops, spec.most);
  dnnl::primitive_attr attr;
  attr.set_post_ops(ops);
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

bool isReference(const std::string& implementation) {
  return implementation.find("ref") != std::string::npos;
}

bool isSlow(const std::string& implementation) {
  return isReference(implementation) || implementation.find("gemm") != std::string::npos;
}

memory::desc plainLayout(const memory::desc& d) {
  return {dimsOf(d), dataTypeOf(d), Tag::nchw};
}

ConvDescs onPlainLayouts(ConvDescs d) {
  d.src = plainLayout(d.src);
  d.dst = plainLayout(d.dst);
  return d;
}

// The layouts asked for, unless oneDNN only has a slow loop for them and a fast one for layouts of its own choice, or
// at least products of matrices for plain ones (back through large windows that do not overlap, say).
template <class Make>
auto choose(const ConvDescs& d, Make make) {
  auto asked = make(d);
  if (!isSlow(asked.impl_info_str())) return asked;
  ConvDescs other = d;
  other.src = freeLayout(d.src);
  other.dst = freeLayout(d.dst);
  auto own = make(other);
  if (!isSlow(own.impl_info_str())) return own;
  if (!isReference(asked.impl_info_str())) return asked;
  auto plain = make(onPlainLayouts(d));
  return isReference(plain.impl_info_str()) ? asked : plain;
}

// build(what is described) with the layouts chosen, or with plain ones, for products of matrices, where oneDNN chooses
// what it then has no code for: distances of 2^31 bytes within a block of channels, say.
template <class Make, class Build>
KernelPtr buildConvolution(const ConvDescs& d, Make make, Build build) {
  try {
    return build(choose(d, make));
  } catch (const dnnl::error& e) {
    if (lacksMemory(e)) throw;
    return build(make(onPlainLayouts(d)));
  }
}

std::int64_t alignedBytes(std::size_t bytes) {
  return static_cast<std::int64_t>((bytes + 63) / 64 * 64);
}

memory packed(const float* values, const memory::desc& plain, const memory::desc& wanted) {
  memory source(plain, cpu(), const_cast<float*>(values)), target(wanted, cpu());
  dnnl::reorder(source, target).execute(stream(), source, target);
  stream().wait();
  return target;
}

void takePart(const SharedFloats& weights, WeightSlopes part, float* to) {
  const auto count = static_cast<std::int64_t>(weights.size());
  const float* from = weights.data();
#pragma omp parallel for simd schedule(static)
  for (std::int64_t i = 0; i < count; ++i) to[i] = part.of(from[i]);
}

// The same for the way back as a layer of this shape: inputs and outputs change places, windows are read from their
// ends.
void takeTurned(const SharedFloats& weights, WeightSlopes part, const LinearShape& s, float* to) {
  const std::int64_t outputs = s.oc / s.groups, inputs = s.ic / s.groups, window = s.kh * s.kw;
  const float* all = weights.data();
#pragma omp parallel for schedule(static)
  for (std::int64_t row = 0; row < s.oc; ++row)
    for (std::int64_t i = 0; i < inputs; ++i) {
      const float* from = all + ((row / outputs * inputs + i) * outputs + row % outputs + 1) * window;
      for (std::int64_t k = 0; k < window; ++k) to[(row * inputs + i) * window + k] = part.of(*--from);
    }
}

// A part of a layer's weights as its primitive reads them.
class Weights {
 public:
  Weights(const LinearKernelSpec& spec, const memory::desc& wanted, Packed* shared, bool turned)
      : source_(spec.weights),
        part_(spec.part),
        shape_(spec.shape),
        turned_(turned && spec.shape.kh * spec.shape.kw > 1),
        plain_(turned && !turned_ ? turnedWeights(spec.shape) : plainWeights(spec.shape), cpu(), nullptr) {
    if (!shared) {
      packed_ = memory(wanted, cpu(), nullptr);
      reorder_ = dnnl::reorder(plain_, packed_);
      return;
    }
    const auto [weights, isNew] = shared->get(source_, part_, {plain_.get_desc(), wanted, turned_}, [&] {
      requireMemory(static_cast<std::int64_t>(wanted.get_size()), kPackedWeights);
      std::vector<float> values(isAsGiven() ? 0 : source_.size());
      return std::make_shared<memory>(packed(taken(values.data()), plain_.get_desc(), wanted));
    });
    shared_ = weights, packed_ = *weights, isNew_ = isNew;
    source_ = SharedFloats();
  }

  std::int64_t keptBytes() const {
    return reorder_ || !isNew_ ? 0 : static_cast<std::int64_t>(packed_.get_desc().get_size());
  }
  std::int64_t scratchBytes() const { return reorder_ ? partBytes() + alignedBytes(packed_.get_desc().get_size()) : 0; }
  const memory& at(char* scratch) const {
    if (!reorder_) return packed_;
    plain_.set_data_handle(const_cast<float*>(taken(reinterpret_cast<float*>(scratch))));
    packed_.set_data_handle(scratch + partBytes());
    reorder_.execute(stream(), plain_, packed_);
    return packed_;
  }

 private:
  bool isAsGiven() const { return part_.isAll() && !turned_; }
  std::int64_t partBytes() const { return isAsGiven() ? 0 : alignedBytes(source_.size() * sizeof(float)); }
  // In their plain order: where they lie, or written to `own`.
  const float* taken(float* own) const {
    if (isAsGiven()) return source_.data();
    turned_ ? takeTurned(source_, part_, shape_, own) : takePart(source_, part_, own);
    return own;
  }

  SharedFloats source_;  // none once they are packed
  WeightSlopes part_;
  LinearShape shape_;
  bool turned_;
  mutable memory plain_, packed_;
  std::shared_ptr<memory> shared_;  // the same, for as long as it is in use
  bool isNew_ = true;               // nobody else had them before
  dnnl::reorder reorder_;
};

// A layout change at a primitive's border; absent when both sides agree.
class Border {
 public:
  // reads, writes: does the primitive read what lies there, write it, or (an accumulating result) both?
  Border(const memory::desc& outside, const memory::desc& inside, bool reads, bool writes)
      : outside_(outside, cpu(), nullptr), inside_(inside, cpu(), nullptr), differs_(outside != inside) {
    if (differs_ && reads) enter_ = dnnl::reorder(outside_, inside_);
    if (differs_ && writes) leave_ = dnnl::reorder(inside_, outside_);
  }
  std::int64_t bytes() const { return differs_ ? alignedBytes(inside_.get_desc().get_size()) : 0; }
  memory& enter(const std::byte* data, void* own) {
    outside_.set_data_handle(const_cast<std::byte*>(data));
    inside_.set_data_handle(differs_ ? own : const_cast<std::byte*>(data));
    if (enter_) enter_.execute(stream(), outside_, inside_);
    return inside_;
  }
  void leave() {
    if (leave_) leave_.execute(stream(), inside_, outside_);
  }

 private:
  memory outside_, inside_;
  bool differs_;
  dnnl::reorder enter_, leave_;
};

struct Wanted {
  memory::desc in, out, weights, scratch;
};

// Forwards, back by the primitive for that, or back as a forward layer whose weights are turned round.
enum class Way { Forward, Gradient, Turned };

// One linear primitive with its packed weights. A kernel runs once at a time (its memory handles are re-pointed).
class Linear : public Kernel {
 public:
  Linear(const LinearKernelSpec& spec, const dnnl::primitive& primitive, const Wanted& w, Way way, Packed* shared)
      : primitive_(primitive),
        forward_(way != Way::Gradient),
        in_(outer(spec, forward_, true), w.in, true, false),
        out_(outer(spec, !forward_, false), w.out, spec.accumulate, true),
        weights_(spec, w.weights, shared, way == Way::Turned),
        scratch_(w.scratch, cpu(), nullptr) {
    if (!spec.bias.empty()) {
      const memory::desc md = described({spec.shape.oc}, Tag::x);
      bias_ = packed(spec.bias.data(), md, md);
      hasBias_ = true;
    }
  }

  void run(const std::byte* const* in, std::byte* const* out, void* scratch) const override {
    char* own = static_cast<char*>(scratch);
    memory& source = in_.enter(in[0], own);
    memory& target = out_.enter(out[0], own + in_.bytes());
    char* rest = own + in_.bytes() + out_.bytes();
    scratch_.set_data_handle(rest + weights_.scratchBytes());
    std::unordered_map<int, memory> args = {{forward_ ? DNNL_ARG_SRC : DNNL_ARG_DIFF_DST, source},
                                            {forward_ ? DNNL_ARG_DST : DNNL_ARG_DIFF_SRC, target},
                                            {DNNL_ARG_WEIGHTS, weights_.at(rest)},
                                            {DNNL_ARG_SCRATCHPAD, scratch_}};
    if (hasBias_) args.insert({DNNL_ARG_BIAS, bias_});
    primitive_.execute(stream(), args);
    out_.leave();
    stream().wait();
  }

  std::int64_t scratchBytes() const override {
    const auto own = static_cast<std::int64_t>(scratch_.get_desc().get_size());
    return in_.bytes() + out_.bytes() + weights_.scratchBytes() + own;
  }
  std::int64_t weightBytes() const override { return weights_.keptBytes(); }
  const char* algorithm() const override { return nameOf(Algorithm::Direct); }

 private:
  // What the caller sees: the layer's input or output, of the type that the kernel reads or writes.
  static memory::desc outer(const LinearKernelSpec& s, bool input, bool reads) {
    return activation(s, input, reads ? s.in : s.out);
  }

  dnnl::primitive primitive_;
  bool forward_, hasBias_ = false;
  mutable Border in_, out_;
  Weights weights_;
  memory bias_;
  mutable memory scratch_;
};

template <class Desc, class Primitive>
KernelPtr finish(const LinearKernelSpec& spec, const Desc& pd, const Primitive& p, Way way, Packed* shared) {
  const Wanted w = way != Way::Gradient
                       ? Wanted{pd.query_md(dnnl::query::src_md), pd.query_md(dnnl::query::dst_md),
                                pd.query_md(dnnl::query::weights_md), pd.scratchpad_desc()}
                       : Wanted{pd.query_md(dnnl::query::diff_dst_md), pd.query_md(dnnl::query::diff_src_md),
                                pd.query_md(dnnl::query::weights_md), pd.scratchpad_desc()};
  return std::make_unique<Linear>(spec, p, w, way, shared);
}

KernelPtr convolution(const LinearKernelSpec& spec, Way way, Packed* shared) {
  const auto attr = attributes(spec);
  return buildConvolution(
      describe(spec, true), [&](const ConvDescs& d) { return convForward(d, attr, cpu()); },
      [&](const auto& pd) { return finish(spec, pd, dnnl::convolution_forward(pd), way, shared); });
}

// R_i = Σ_o Σ_k w_oi(k)·s_o(i + pad − k) is a convolution of s, and what the padding cut off is padded.
LinearKernelSpec turned(const LinearKernelSpec& spec) {
  const LinearShape& s = spec.shape;
  const std::int64_t high = s.dh * (s.kh - 1), wide = s.dw * (s.kw - 1);
  LinearKernelSpec t = spec;
  std::swap(t.shape.ic, t.shape.oc), std::swap(t.shape.ih, t.shape.oh), std::swap(t.shape.iw, t.shape.ow);
  t.shape.pt = high - s.pt, t.shape.pb = high - s.pb, t.shape.pl = wide - s.pl, t.shape.pr = wide - s.pr;
  std::swap(t.srcBlock, t.dstBlock);
  return t;
}

// oneDNN's forward convolutions are faster than those back, and can add to what is there.
bool canTurn(const LinearKernelSpec& spec) {
  if (spec.shape.dense || spec.shape.sh != 1 || spec.shape.sw != 1) return false;
  const LinearShape t = turned(spec).shape;
  return std::min({t.pt, t.pb, t.pl, t.pr}) >= 0;
}

// Σ + Wᵀs where the primitive only knows Wᵀs.
class Added : public Kernel {
 public:
  Added(KernelPtr kernel, std::int64_t floats) : kernel_(std::move(kernel)), floats_(floats) {}

  void run(const std::byte* const* in, std::byte* const* out, void* scratch) const override {
    auto* own = static_cast<std::byte*>(scratch);
    kernel_->run(in, &own, own + ownBytes());
    const float* from = static_cast<const float*>(scratch);
    float* to = FloatsOut{out}[0];
#pragma omp parallel for simd schedule(static)
    for (std::int64_t i = 0; i < floats_; ++i) to[i] += from[i];
  }
  std::int64_t scratchBytes() const override {
    return ownBytes() + kernel_->scratchBytes();
  }
  std::int64_t weightBytes() const override {
    return kernel_->weightBytes();
  }
  const char* algorithm() const override {
    return kernel_->algorithm();
  }

 private:
  std::int64_t ownBytes() const {
    return alignedBytes(static_cast<std::size_t>(floats_) * sizeof(float));
  }

  KernelPtr kernel_;
  std::int64_t floats_;
};

KernelPtr added(LinearKernelSpec spec, Packed* shared) {
  spec.accumulate = false;
  const std::int64_t floats = TensorDesc{spec.shape.inputShape(), spec.shape.dense ? 1 : spec.srcBlock}.floats();
  return std::make_unique<Added>(linearBackward(spec, shared), floats);
}

// x and g meet in a primitive that makes weights.
class WeightGradient : public Kernel {
 public:
  template <class Desc>
  WeightGradient(const LinearKernelSpec& spec, const Desc& pd, const dnnl::primitive& primitive)
      : primitive_(primitive),
        x_(activation(spec, true, spec.in), pd.query_md(dnnl::query::src_md), true, false),
        g_(activation(spec, false, spec.in), pd.query_md(dnnl::query::diff_dst_md), true, false),
        sums_(plainWeights(spec.shape), pd.query_md(dnnl::query::diff_weights_md), false, true),
        scratch_(pd.scratchpad_desc(), cpu(), nullptr) {}

  void run(const std::byte* const* in, std::byte* const* out, void* scratch) const override {
    char* own = static_cast<char*>(scratch);
    memory& x = x_.enter(in[0], own);
    memory& g = g_.enter(in[1], own + x_.bytes());
    memory& sums = sums_.enter(out[0], own + x_.bytes() + g_.bytes());
    scratch_.set_data_handle(own + x_.bytes() + g_.bytes() + sums_.bytes());
    primitive_.execute(
        stream(),
        {{DNNL_ARG_SRC, x}, {DNNL_ARG_DIFF_DST, g}, {DNNL_ARG_DIFF_WEIGHTS, sums}, {DNNL_ARG_SCRATCHPAD, scratch_}});
    sums_.leave();
    stream().wait();
  }

  std::int64_t scratchBytes() const override {
    return x_.bytes() + g_.bytes() + sums_.bytes() + static_cast<std::int64_t>(scratch_.get_desc().get_size());
  }

 private:
  dnnl::primitive primitive_;
  mutable Border x_, g_, sums_;
  mutable memory scratch_;
};

class Reorder : public Kernel {
 public:
  Reorder(const TensorDesc& from, const TensorDesc& to)
      : from_(activation(from), cpu(), nullptr), to_(activation(to), cpu(), nullptr), primitive_(from_, to_) {}
  void run(const std::byte* const* in, std::byte* const* out, void*) const override {
    from_.set_data_handle(const_cast<std::byte*>(in[0]));
    to_.set_data_handle(out[0]);
    primitive_.execute(stream(), from_, to_);
    stream().wait();
  }

 private:
  mutable memory from_, to_;
  dnnl::reorder primitive_;
};

class Lrn : public Kernel {
 public:
  explicit Lrn(const LrnSpec& s) : src_(md(s), cpu(), nullptr), dst_(md(s), cpu(), nullptr) {
    dnnl::primitive_attr attr;
    const auto pd = lrnForward(md(s), s.size, s.alpha, s.beta, s.bias, attr, cpu());
    primitive_ = dnnl::lrn_forward(pd);
  }
  void run(const std::byte* const* in, std::byte* const* out, void*) const override {
    src_.set_data_handle(const_cast<std::byte*>(in[0]));
    dst_.set_data_handle(out[0]);
    primitive_.execute(stream(), {{DNNL_ARG_SRC, src_}, {DNNL_ARG_DST, dst_}});
    stream().wait();
  }

 private:
  static memory::desc md(const LrnSpec& s) { return activation(s.desc); }
  mutable memory src_, dst_;
  dnnl::lrn_forward primitive_;
};

}  // namespace

KernelPtr linearForward(const LinearKernelSpec& spec, Packed* shared) {
  if (!spec.shape.dense) return convolution(spec, Way::Forward, shared);
  const auto pd = denseForward(describe(spec, true), attributes(spec), cpu());
  return finish(spec, pd, dnnl::inner_product_forward(pd), Way::Forward, shared);
}

KernelPtr linearBackward(const LinearKernelSpec& spec, Packed* shared) {
  LinearKernelSpec plain = spec;
  plain.bias.clear(), plain.relu = false;
  if (canTurn(plain)) return convolution(turned(plain), Way::Turned, shared);
  if (spec.accumulate) return added(plain, shared);
  const auto attr = attributes({.shape = spec.shape, .weights = {}, .bias = {}});
  if (spec.shape.dense) {
    const auto pd = denseGradient<dnnl::inner_product_backward_data>(describe(plain, false), attr, cpu());
    return finish(plain, pd, dnnl::inner_product_backward_data(pd), Way::Gradient, shared);
  }
  using Gradient = dnnl::convolution_backward_data;
  return buildConvolution(
      describe(plain, false), [&](const ConvDescs& d) { return convGradient<Gradient>(d, attr, cpu()); },
      [&](const auto& pd) { return finish(plain, pd, Gradient(pd), Way::Gradient, shared); });
}

KernelPtr linearWeightGradient(const LinearKernelSpec& spec) {
  LinearKernelSpec plain{
      .shape = spec.shape, .srcBlock = spec.srcBlock, .dstBlock = spec.dstBlock, .weights = {}, .bias = {}};
  const auto attr = attributes(plain);
  if (spec.shape.dense) {
    const auto pd = denseGradient<dnnl::inner_product_backward_weights>(describe(plain, true), attr, cpu());
    return std::make_unique<WeightGradient>(plain, pd, dnnl::inner_product_backward_weights(pd));
  }
  using Gradient = dnnl::convolution_backward_weights;
  return buildConvolution(
      describe(plain, true), [&](const ConvDescs& d) { return convGradient<Gradient>(d, attr, cpu()); },
      [&](const auto& pd) { return std::make_unique<WeightGradient>(plain, pd, Gradient(pd)); });
}

KernelPtr reorder(const TensorDesc& from, const TensorDesc& to) {
  return std::make_unique<Reorder>(from, to);
}
KernelPtr lrn(const LrnSpec& spec) {
  return std::make_unique<Lrn>(spec);
}

}  // namespace relprop::onednn

#include "kernels/onednn/linear.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "kernels/onednn/engine.h"

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
  if (spec.relu) appendRelu(ops);
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

// The layouts asked for, unless oneDNN only has a slow loop for them and a fast one for layouts of its own choice, or
// at least products of matrices for plain ones (back through large windows that do not overlap, say).
template <class Make>
auto choose(ConvDescs d, bool dense, Make make) {
  auto asked = make(d);
  if (dense || !isSlow(asked.impl_info_str())) return asked;
  ConvDescs other = d;
  other.src = freeLayout(d.src);
  other.dst = freeLayout(d.dst);
  auto own = make(other);
  if (!isSlow(own.impl_info_str())) return own;
  if (!isReference(asked.impl_info_str())) return asked;
  other.src = plainLayout(d.src);
  other.dst = plainLayout(d.dst);
  auto plain = make(other);
  return isReference(plain.impl_info_str()) ? asked : plain;
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

// A part of a layer's weights as its primitive reads them.
class Weights {
 public:
  Weights(const LinearKernelSpec& spec, const memory::desc& wanted, Packed* shared)
      : source_(spec.weights), part_(spec.part), plain_(plainWeights(spec.shape), cpu(), nullptr) {
    if (!shared) {
      packed_ = memory(wanted, cpu(), nullptr);
      reorder_ = dnnl::reorder(plain_, packed_);
      return;
    }
    const auto [weights, isNew] = shared->get(source_, part_, {plain_.get_desc(), wanted}, [&] {
      std::vector<float> values(part_.isAll() ? 0 : source_.size());
      if (!part_.isAll()) takePart(source_, part_, values.data());
      return std::make_shared<memory>(
          packed(part_.isAll() ? source_.data() : values.data(), plain_.get_desc(), wanted));
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
    float* part = reinterpret_cast<float*>(scratch);
    if (!part_.isAll()) takePart(source_, part_, part);
    plain_.set_data_handle(part_.isAll() ? const_cast<float*>(source_.data()) : part);
    packed_.set_data_handle(scratch + partBytes());
    reorder_.execute(stream(), plain_, packed_);
    return packed_;
  }

 private:
  std::int64_t partBytes() const { return part_.isAll() ? 0 : alignedBytes(source_.size() * sizeof(float)); }

  SharedFloats source_;  // none once they are packed
  WeightSlopes part_;
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

// One linear primitive with its packed weights. A kernel runs once at a time (its memory handles are re-pointed).
class Linear : public Kernel {
 public:
  Linear(const LinearKernelSpec& spec, const dnnl::primitive& primitive, const Wanted& w, bool forward, Packed* shared)
      : primitive_(primitive),
        forward_(forward),
        in_(outer(spec, forward, true), w.in, true, false),
        out_(outer(spec, !forward, false), w.out, spec.accumulate, true),
        weights_(spec, w.weights, shared),
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
KernelPtr finish(const LinearKernelSpec& spec, const Desc& pd, const Primitive& p, bool forward, Packed* shared) {
  const Wanted w = forward ? Wanted{pd.query_md(dnnl::query::src_md), pd.query_md(dnnl::query::dst_md),
                                    pd.query_md(dnnl::query::weights_md), pd.scratchpad_desc()}
                           : Wanted{pd.query_md(dnnl::query::diff_dst_md), pd.query_md(dnnl::query::diff_src_md),
                                    pd.query_md(dnnl::query::weights_md), pd.scratchpad_desc()};
  return std::make_unique<Linear>(spec, p, w, forward, shared);
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
  const auto attr = attributes(spec);
  if (spec.shape.dense) {
    const auto pd = denseForward(describe(spec, true), attr, cpu());
    return finish(spec, pd, dnnl::inner_product_forward(pd), true, shared);
  }
  const auto pd = choose(describe(spec, true), false, [&](const ConvDescs& d) { return convForward(d, attr, cpu()); });
  return finish(spec, pd, dnnl::convolution_forward(pd), true, shared);
}

KernelPtr linearBackward(const LinearKernelSpec& spec, Packed* shared) {
  LinearKernelSpec plain = spec;
  plain.bias.clear();
  const auto attr = attributes({.shape = spec.shape, .weights = {}, .bias = {}});
  if (spec.shape.dense) {
    const auto pd = denseGradient<dnnl::inner_product_backward_data>(describe(plain, false), attr, cpu());
    return finish(plain, pd, dnnl::inner_product_backward_data(pd), false, shared);
  }
  const auto pd = choose(describe(plain, false), false, [&](const ConvDescs& d) {
    return convGradient<dnnl::convolution_backward_data>(d, attr, cpu());
  });
  return finish(plain, pd, dnnl::convolution_backward_data(pd), false, shared);
}

KernelPtr linearWeightGradient(const LinearKernelSpec& spec) {
  LinearKernelSpec plain{
      .shape = spec.shape, .srcBlock = spec.srcBlock, .dstBlock = spec.dstBlock, .weights = {}, .bias = {}};
  const auto attr = attributes(plain);
  if (spec.shape.dense) {
    const auto pd = denseGradient<dnnl::inner_product_backward_weights>(describe(plain, true), attr, cpu());
    return std::make_unique<WeightGradient>(plain, pd, dnnl::inner_product_backward_weights(pd));
  }
  const auto pd = choose(describe(plain, true), false, [&](const ConvDescs& d) {
    return convGradient<dnnl::convolution_backward_weights>(d, attr, cpu());
  });
  return std::make_unique<WeightGradient>(plain, pd, dnnl::convolution_backward_weights(pd));
}

KernelPtr reorder(const TensorDesc& from, const TensorDesc& to) {
  return std::make_unique<Reorder>(from, to);
}
KernelPtr lrn(const LrnSpec& spec) {
  return std::make_unique<Lrn>(spec);
}

}  // namespace relprop::onednn

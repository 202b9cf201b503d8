// The one place where oneDNN 2.x and 3.x differ: primitive descriptors are made in two steps there, in one here, and
// memory descriptions are asked by other names.
#pragma once

#include <cmath>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>

namespace relprop::onednn {

struct ConvDescs {
  dnnl::memory::desc src, weights, bias, dst;
  dnnl::memory::dims strides, dilates, padBegin, padEnd;
};

inline dnnl::memory::dims dimsOf(const dnnl::memory::desc& d) {
#if DNNL_VERSION_MAJOR >= 3
  return d.get_dims();
#else
  return d.dims();
#endif
}

inline dnnl::memory::data_type dataTypeOf(const dnnl::memory::desc& d) {
#if DNNL_VERSION_MAJOR >= 3
  return d.get_data_type();
#else
  return d.data_type();
#endif
}

inline void appendElementwise(dnnl::post_ops& ops, dnnl::algorithm algorithm, float alpha, float beta) {
#if DNNL_VERSION_MAJOR >= 3
  ops.append_eltwise(algorithm, alpha, beta);
#else
  ops.append_eltwise(1.f, algorithm, alpha, beta);
#endif
}

// min(max(0, ·), most)
inline void appendRelu(dnnl::post_ops& ops, float most) {
  if (std::isinf(most))
    appendElementwise(ops, dnnl::algorithm::eltwise_relu, 0.f, 0.f);
  else
    appendElementwise(ops, dnnl::algorithm::eltwise_clip, 0.f, most);
}

inline dnnl::convolution_forward::primitive_desc convForward(const ConvDescs& d, const dnnl::primitive_attr& attr,
                                                             const dnnl::engine& engine) {
  constexpr auto kind = dnnl::prop_kind::forward_inference;
  constexpr auto alg = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  return {engine, kind, alg, d.src, d.weights, d.bias, d.dst, d.strides, d.dilates, d.padBegin, d.padEnd, attr};
#else
  return {{kind, alg, d.src, d.weights, d.bias, d.dst, d.strides, d.dilates, d.padBegin, d.padEnd}, attr, engine};
#endif
}

// The forward description that a backward one is derived from; its activations' layouts are free, and their type is
// that of the weights.
inline dnnl::convolution_forward::primitive_desc convHint(const ConvDescs& d, const dnnl::engine& engine) {
  constexpr auto kind = dnnl::prop_kind::forward_training;
  constexpr auto alg = dnnl::algorithm::convolution_direct;
  const auto any = dnnl::memory::format_tag::any;
  const dnnl::memory::desc src(dimsOf(d.src), dataTypeOf(d.weights), any);
  const dnnl::memory::desc dst(dimsOf(d.dst), dataTypeOf(d.weights), any);
#if DNNL_VERSION_MAJOR >= 3
  return {engine, kind, alg, src, d.weights, dst, d.strides, d.dilates, d.padBegin, d.padEnd};
#else
  return {{kind, alg, src, d.weights, dst, d.strides, d.dilates, d.padBegin, d.padEnd}, engine};
#endif
}

// Primitive: dnnl::convolution_backward_data or dnnl::convolution_backward_weights, which are described alike.
template <class Primitive>
typename Primitive::primitive_desc convGradient(const ConvDescs& d, const dnnl::primitive_attr& attr,
                                                const dnnl::engine& engine) {
  constexpr auto alg = dnnl::algorithm::convolution_direct;
  const auto hint = convHint(d, engine);
#if DNNL_VERSION_MAJOR >= 3
  return {engine, alg, d.src, d.weights, d.dst, d.strides, d.dilates, d.padBegin, d.padEnd, hint, attr};
#else
  return {{alg, d.src, d.weights, d.dst, d.strides, d.dilates, d.padBegin, d.padEnd}, attr, engine, hint};
#endif
}

inline dnnl::inner_product_forward::primitive_desc denseForward(const ConvDescs& d, const dnnl::primitive_attr& attr,
                                                                const dnnl::engine& engine) {
  constexpr auto kind = dnnl::prop_kind::forward_inference;
#if DNNL_VERSION_MAJOR >= 3
  return {engine, kind, d.src, d.weights, d.bias, d.dst, attr};
#else
  return {{kind, d.src, d.weights, d.bias, d.dst}, attr, engine};
#endif
}

inline dnnl::inner_product_forward::primitive_desc denseHint(const ConvDescs& d, const dnnl::engine& engine) {
  constexpr auto kind = dnnl::prop_kind::forward_training;
  const dnnl::memory::desc src(dimsOf(d.src), dataTypeOf(d.weights), dnnl::memory::format_tag::any);
  const dnnl::memory::desc dst(dimsOf(d.dst), dataTypeOf(d.weights), dnnl::memory::format_tag::any);
#if DNNL_VERSION_MAJOR >= 3
  return {engine, kind, src, d.weights, dst};
#else
  return {{kind, src, d.weights, dst}, engine};
#endif
}

// Primitive: dnnl::inner_product_backward_data or dnnl::inner_product_backward_weights.
template <class Primitive>
typename Primitive::primitive_desc denseGradient(const ConvDescs& d, const dnnl::primitive_attr& attr,
                                                 const dnnl::engine& engine) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine, d.src, d.weights, d.dst, denseHint(d, engine), attr};
#else
  return {{d.src, d.weights, d.dst}, attr, engine, denseHint(d, engine)};
#endif
}

inline dnnl::lrn_forward::primitive_desc lrnForward(const dnnl::memory::desc& md, dnnl::memory::dim size, float alpha,
                                                    float beta, float k, const dnnl::primitive_attr& attr,
                                                    const dnnl::engine& engine) {
  constexpr auto kind = dnnl::prop_kind::forward_inference;
  constexpr auto alg = dnnl::algorithm::lrn_across_channels;
#if DNNL_VERSION_MAJOR >= 3
  return {engine, kind, alg, md, md, size, alpha, beta, k, attr};
#else
  return {{kind, alg, md, size, alpha, beta, k}, attr, engine};
#endif
}

inline dnnl::matmul::primitive_desc matmulForward(const dnnl::memory::desc& a, const dnnl::memory::desc& b,
                                                  const dnnl::memory::desc& c, const dnnl::primitive_attr& attr,
                                                  const dnnl::engine& engine) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine, a, b, c, attr};
#else
  return {{a, b, c}, attr, engine};
#endif
}

}  // namespace relprop::onednn

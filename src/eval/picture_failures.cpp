#include "eval/picture_failures.h"

namespace relprop::eval {

bool concernsOnePicture(const Error& error) {
  switch (error.code()) {
    case ErrorCode::Cancelled:
    case ErrorCode::OutOfMemory:
    case ErrorCode::Internal:
    case ErrorCode::FileWriteFailed:
    case ErrorCode::StoreUnusable:
    case ErrorCode::NotSupportedByHardware:
      return false;
    case ErrorCode::InvalidArgument:
    case ErrorCode::FileNotFound:
    case ErrorCode::FileUnreadable:
    case ErrorCode::MalformedModel:
    case ErrorCode::UnsupportedModel:
    case ErrorCode::ShapeMismatch:
    case ErrorCode::NonFiniteWeights:
    case ErrorCode::NonFiniteInput:
    case ErrorCode::MalformedImage:
    case ErrorCode::UnsupportedImage:
    case ErrorCode::MalformedTensor:
    case ErrorCode::MalformedPreprocess:
    case ErrorCode::UnknownMethod:
    case ErrorCode::InvalidMethodParameter:
    case ErrorCode::InvalidRule:
    case ErrorCode::UnknownTarget:
    case ErrorCode::UnknownNode:
    case ErrorCode::NotSupportedByMethod:
    case ErrorCode::NumericFailure:
    case ErrorCode::UnknownMetric:
    case ErrorCode::InvalidMetricParameter:
    case ErrorCode::MalformedDataset:
    case ErrorCode::NotConserved:
      return true;
  }
  return false;  // no code of this list
}

}  // namespace relprop::eval

// The double-precision evaluator, for this module's tests.
#include "unit/passes/evaluate.cpp"

// A user's program: finds the installed headers and library, and gets an answer and a relprop::Error out of them.
#include <relprop/error.h>
#include <relprop/explain.h>
#include <relprop/image.h>
#include <relprop/tensor.h>

#include <iostream>

// What a program asks for without a model at hand: it has to be linked with all of it.
bool asks() {
  relprop::Tensor pixels{{1, 2}, {0.5f, 1.0f}};
  relprop::TensorView view = pixels;
  relprop::ExplainOptions options{.method = "rap", .targets = {relprop::Target::rank(1).againstOthers()}};
  return view.data == pixels.data.data() && options.targets[0].kind() == relprop::Target::Kind::Rank &&
         relprop::Target::of(3).against(9).index() == 3;
}

int main() {
  if (!asks()) return 1;
  std::cout << "relprop " << relprop::version() << ", " << relprop::methods().size() << " methods, "
            << relprop::encodePng({1, 1, {255, 0, 0}}).size() << " bytes of PNG\n";
  try {
    relprop::Model::load("there/is/no/such/model.onnx");
  } catch (const relprop::Error& error) {
    std::cout << relprop::errorCodeName(error.code()) << ": " << error.what() << "\n";
    return error.code() == relprop::ErrorCode::FileNotFound ? 0 : 1;
  }
  return 1;
}

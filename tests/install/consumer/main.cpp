// A user's program: finds the installed headers and library, and gets an answer and a relprop::Error out of them.
#include <relprop/error.h>
#include <relprop/explain.h>
#include <relprop/image.h>
#include <relprop/tensor.h>

#include <iostream>

int main() {
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

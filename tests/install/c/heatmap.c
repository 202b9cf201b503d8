// heatmap MODEL PICTURE FILE: a user's program in C: explains the picture by rap and writes the map's floats to FILE.
#include <relprop/relprop.h>
#include <stdio.h>
#include <stdlib.h>

static void check(int32_t code) {
  if (code == 0) return;
  relprop_error error = {.size = sizeof error};
  relprop_last_error(&error);
  fprintf(stderr, "%s: %s\n", error.name, error.message);
  exit(1);
}

static relprop_array read_bytes(const char* path) {
  FILE* file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) exit(2);
  long size = ftell(file);
  rewind(file);
  void* bytes = malloc((size_t)size);
  if (!bytes || fread(bytes, 1, (size_t)size, file) != (size_t)size) exit(2);
  fclose(file);
  relprop_array array = {sizeof array, RELPROP_UINT8, 1, {size}, bytes};
  return array;
}

static void write_floats(const char* path, const relprop_array* array) {
  size_t count = 1;
  for (int32_t i = 0; i < array->rank; ++i) count *= (size_t)array->shape[i];
  FILE* file = fopen(path, "wb");
  if (!file || fwrite(array->data, sizeof(float), count, file) != count || fclose(file)) exit(2);
  printf("%zu relevances in %s\n", count, path);
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  relprop_model* model;
  relprop_explainer* explainer;
  relprop_result *prepared, *result;
  relprop_array picture = read_bytes(argv[2]), input = {.size = sizeof input}, map = {.size = sizeof map};
  check(relprop_model_load(argv[1], NULL, &model));
  check(relprop_explainer_create(model, "{\"method\": \"rap\"}", &explainer));
  check(relprop_prepare(model, &picture, NULL, &prepared));
  check(relprop_result_array(prepared, 0, "input", &input));
  check(relprop_explain(explainer, &input, NULL, NULL, &result));
  check(relprop_result_array(result, 0, "relevance", &map));
  write_floats(argv[3], &map);
  check(relprop_result_free(result));
  check(relprop_result_free(prepared));
  check(relprop_explainer_free(explainer));
  check(relprop_model_free(model));
  free((void*)picture.data);
  return 0;
}

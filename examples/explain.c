/* explain MODEL PICTURE HEATMAP.png: what speaks for the class the network sees, drawn over the picture. */
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

static void fail(const char* path) {
  perror(path);
  exit(1);
}

static relprop_array file_bytes(const char* path) {
  FILE* file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) fail(path);
  const long size = ftell(file);
  rewind(file);
  unsigned char* bytes = malloc((size_t)size + 1);
  if (bytes == NULL || fread(bytes, 1, (size_t)size, file) != (size_t)size) fail(path);
  fclose(file);
  return (relprop_array){sizeof(relprop_array), RELPROP_UINT8, 1, {size}, bytes};
}

static relprop_array array_of(relprop_result* result, const char* name) {
  relprop_array array = {.size = sizeof array};
  check(relprop_result_array(result, 0, name, &array));
  return array;
}

int main(int argc, char** argv) {
  if (argc != 4) return fprintf(stderr, "usage: explain MODEL PICTURE HEATMAP.png\n"), 2;
  relprop_model* model;
  check(relprop_model_load(argv[1], NULL, &model));

  /* The picture as the network wants it, and as it sees it. */
  const relprop_array file = file_bytes(argv[2]);
  relprop_result* prepared;
  check(relprop_prepare(model, &file, NULL, &prepared));
  const relprop_array input = array_of(prepared, "input"), view = array_of(prepared, "view");

  /* A plan is made once and explains any number of pictures. */
  relprop_explainer* explainer;
  check(relprop_explainer_create(model, "{\"method\": \"rap\", \"target\": \"argmax\"}", &explainer));
  relprop_result* result;
  check(relprop_explain(explainer, &input, NULL, NULL, &result));
  char* json;
  check(relprop_result_json(result, 0, &json));
  puts(json);

  const relprop_array relevance = array_of(result, "relevance");
  relprop_result* drawn;
  check(relprop_render(&relevance, &view, "{\"view\": \"overlay\", \"zoom\": 2}", &drawn));
  const relprop_array png = array_of(drawn, "png");
  FILE* out = fopen(argv[3], "wb");
  if (out == NULL || fwrite(png.data, 1, (size_t)png.shape[0], out) != (size_t)png.shape[0] || fclose(out) != 0)
    return perror(argv[3]), 1;

  relprop_text_free(json);
  relprop_result_free(drawn);
  relprop_result_free(result);
  relprop_explainer_free(explainer);
  relprop_result_free(prepared);
  relprop_model_free(model);
  free((void*)file.data);
  return 0;
}

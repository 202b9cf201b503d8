/* relprop from C, and from every language that calls C: load a model, explain arrays, draw maps, measure.
 *
 *   relprop_model* model;
 *   if (relprop_model_load("resnet50.onnx", NULL, &model) != 0) …            relprop_last_error says what was wrong
 *   relprop_explainer* explainer;
 *   relprop_explainer_create(model, "{\"method\": \"rap\"}", &explainer);
 *   relprop_array batch = {sizeof batch, RELPROP_FLOAT32, 4, {1, 3, 224, 224}, pixels};
 *   relprop_result* result;
 *   relprop_explain(explainer, &batch, NULL, NULL, &result);
 *   relprop_array map = {.size = sizeof map};
 *   relprop_result_array(result, 0, "relevance", &map);                      map.data until the result is freed
 *
 * Errors. A function that can fail returns 0 or a code, numbered as ErrorCode in relprop/error.h; what it was asked for
 * is then not written, and relprop_last_error tells of it until the thread's next call that fails. No exception leaves
 * a function, and none prints, aborts or exits.
 *
 * Handles. Every handle is the caller's to free, in any order, each once; NULL is freed without effect. A handle that
 * is NULL, of another kind or freed already gives InvalidArgument and no more. Any number of threads may call at once,
 * also with the same handle: calls that use one explainer wait for one another.
 *
 * Text is UTF-8 and ends with a zero byte; a path that is an argument of its own is the system's bytes. Text that is
 * given is read before the function returns. A `char**` receives
 * text for the caller to free with relprop_text_free; a `const char*` that is returned is the library's and stays.
 * `options` is a JSON object, or NULL for none: keys are the command line's options without their dashes and with _ for
 * - ("identity_skip"); relprop_options lists those of each function. An unknown key or a wrong value is InvalidArgument
 * with the option as its place; null is as if the option were not there.
 *
 * Structures begin with their size, so that later versions can add to their ends: set it to sizeof of the structure. */
#ifndef RELPROP_RELPROP_H
#define RELPROP_RELPROP_H

#include <stddef.h>
#include <stdint.h>

#include "relprop/export.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct relprop_model relprop_model;
typedef struct relprop_explainer relprop_explainer;
typedef struct relprop_result relprop_result;

enum relprop_type { RELPROP_FLOAT32 = 1, RELPROP_UINT8 = 2 };

/* An array in row-major order without gaps, where it lies: nothing is copied that does not have to be. */
typedef struct relprop_array {
  size_t size;      /* of this structure */
  int32_t type;     /* relprop_type */
  int32_t rank;     /* 0 to 8 */
  int64_t shape[8]; /* the first `rank` count */
  const void* data;
} relprop_array;

/* An error's parts as in relprop/error.h; "" where one does not apply. */
typedef struct relprop_error {
  size_t size;
  int32_t code;
  const char* name;     /* of the code, "MalformedModel" */
  const char* where;    /* the node, file or option */
  const char* got;      /* what was found */
  const char* expected; /* what would have been right */
  const char* hint;     /* what to do */
  const char* message;  /* all of it in a sentence */
} relprop_error;

/* Called in the thread of the call it belongs to, about ten times a second and when more is done. Not 0 stops with
 * Cancelled. It may call relprop_cancel, but nothing else with the explainer whose call it belongs to. It has to
 * return: no longjmp, no end of the thread; a C++ exception out of it ends the call with InvalidArgument. */
typedef int (*relprop_progress)(void* user, int64_t done, int64_t total);

typedef struct relprop_call {
  size_t size;
  relprop_progress progress; /* may be NULL */
  void* user;                /* handed to it */
} relprop_call;

/* ---- the library */

RELPROP_API const char* relprop_version(void);            /* "0.2.0" */
RELPROP_API const char* relprop_error_name(int32_t code); /* "MalformedModel"; "" of a number that is no code */
/* Of this thread's last call that failed. Its text lasts until the next one fails. Code 0: none has. */
RELPROP_API int32_t relprop_last_error(relprop_error* error);
RELPROP_API int32_t relprop_text_free(char* text);

RELPROP_API int32_t relprop_versions(char** json); /* {"relprop": "0.2.0", "oneDNN": "2.6.3", …} */
/* A list of objects: name, summary, citation, parameters (key, default), and what it can be applied to or needs. */
RELPROP_API int32_t relprop_methods(char** json);
RELPROP_API int32_t relprop_metrics(char** json);
/* {"load": {"output": "…what it is…", …}, "explainer": …, "prepare": …, "render": …, "evaluate": …} */
RELPROP_API int32_t relprop_options(char** json);

/* How much a file may cause (relprop/budgets.h), for the whole process and from the next file on. Options: pixels,
 * model, archive, stream; one that is not given, or 0, is as it is unless somebody says otherwise. */
RELPROP_API int32_t relprop_set_budgets(const char* options);
RELPROP_API int32_t relprop_budgets(char** json); /* those in force: {"pixels": 16777216, …} */

/* ---- models */

/* An ONNX file or a model.bow. Options: output, feed. */
RELPROP_API int32_t relprop_model_load(const char* path, const char* options, relprop_model** model);
/* From the file's bytes, which are read once. Options also: name, what messages call it; folder, of the files that hold
 * its weights. */
RELPROP_API int32_t relprop_model_from_bytes(const void* bytes, size_t length, const char* options,
                                             relprop_model** model);
/* What it is and what was assumed: path, hash, input (shape with null where it is open, layout, layoutReason, channels,
 * bytes), outputs, output, classes, preprocess and preprocessFrom, labels and labelsFrom, notes, metadata, bagOfWords.
 * Options: preprocess, labels, shape, layout. */
RELPROP_API int32_t relprop_model_describe(relprop_model* model, const char* options, char** json);
RELPROP_API int32_t relprop_model_free(relprop_model* model);

/* A picture as the network wants it: `picture` is the bytes of a JPEG, PNG or WebP file (uint8, rank 1) or pixels
 * (uint8, H×W×3, RGB). The result has the arrays "input", 1×C×H×W float32 (1×H×W×C where the model has its channels
 * last), and "view", the same pixels before normalisation, H×W×3 uint8. Options: preprocess, shape, layout; name, what
 * messages call the picture. */
RELPROP_API int32_t relprop_prepare(relprop_model* model, const relprop_array* picture, const char* options,
                                    relprop_result** prepared);

/* ---- explaining */

/* Compiles a plan for one method. Options: method and what belongs to it (rule, patterns, residual, …), shape, layout,
 * batch, threads, tuning, precision, memory, reference, preprocess, labels, target, contrast, from, at, ledger,
 * require_conservation. */
RELPROP_API int32_t relprop_explainer_create(relprop_model* model, const char* options, relprop_explainer** explainer);
/* The plan as `relprop inspect --json` has it: method with all parameters, inputShape, batch, targets, memory, table,
 * nodes, steps, warnings, … */
RELPROP_API int32_t relprop_explainer_describe(relprop_explainer* explainer, char** json);
/* N inputs, float32, each of the explainer's inputShape. The result has a map for each input and target, input by
 * input. `question`: NULL for the targets that the explainer was made with, or a JSON object with other ones, as many:
 * target and contrast; what it leaves out is as the explainer was made, "contrast": false is none. A target that is a
 * list of N lists has each input's own. A target that is named twice is answered once. `call` may be NULL. */
RELPROP_API int32_t relprop_explain(relprop_explainer* explainer, const relprop_array* input, const char* question,
                                    const relprop_call* call, relprop_result** result);
/* The forward pass alone: one "scores" array, N×classes. */
RELPROP_API int32_t relprop_forward(relprop_explainer* explainer, const relprop_array* input, const relprop_call* call,
                                    relprop_result** result);
/* The call that uses the explainer now, in another thread, ends with Cancelled as soon as a step of its plan is over.
 * Without one there is no effect. */
RELPROP_API int32_t relprop_cancel(relprop_explainer* explainer);
RELPROP_API int32_t relprop_explainer_free(relprop_explainer* explainer);

/* ---- results */

/* How many maps: of relprop_explain N × targets, else 1. */
RELPROP_API int32_t relprop_result_count(relprop_result* result, int64_t* count);
/* An array of map `index`, where it lies in the result: it holds until the result is freed. Of relprop_explain
 * "relevance" (one input's shape, with one channel of methods that draw one plane, as CAM, occlusion and RISE do),
 * "map" (its sum over channels, H×W) where the input is a picture, "scores" and "at:NODE" of the nodes in `at`. */
RELPROP_API int32_t relprop_result_array(relprop_result* result, int64_t index, const char* name, relprop_array* array);
/* What `relprop explain --json` says of the map (prediction, top5, target, seed, sum, conservation, facts, warnings),
 * with `ledger`, and `arrays`, the names for relprop_result_array. */
RELPROP_API int32_t relprop_result_json(relprop_result* result, int64_t index, char** json);
RELPROP_API int32_t relprop_result_free(relprop_result* result);

/* A map as a picture. `map`: float32, H×W, C×H×W or 1×C×H×W; `photo`: its view, uint8 H×W×3, or NULL where the view
 * asked for does not need it. Of an input that is no picture: `map` 1×D, 1×C×L with a float32 `photo` of its shape,
 * the input's values, or 1×C×D×H×W. The result has "pixels", H×W×3 uint8, and "png", a file's bytes. Options: view,
 * percentile, opacity, zoom, layout. */
RELPROP_API int32_t relprop_render(const relprop_array* map, const relprop_array* photo, const char* options,
                                   relprop_result** picture);

/* ---- measuring */

/* As `relprop evaluate`: data, method, metrics, store (a file; without one results are kept in memory), target,
 * only_correct, limit, keep, seed and what belongs to methods and the model. progress counts pictures. `json`: done,
 * skipped, warnings, notes, and `tables` as of relprop_store_read. What was measured before a call was stopped is in
 * the store, and the same call goes on from there. */
RELPROP_API int32_t relprop_evaluate(relprop_model* model, const char* options, const relprop_call* call, char** json);
/* What a store holds: {"tables": [{model, dataset, target, pictures, rows: [{method, protocol, score, better, mean,
 * standardError, count, median, logMean, logStandardError, best, tied, seconds}], samples}]}. Options: results (true:
 * also every row, as `relprop export --format json` has it, under "results"). */
RELPROP_API int32_t relprop_store_read(const char* path, const char* options, char** json);

#ifdef __cplusplus
}
#endif

#endif

/* figureground for C: frames in, verdicts out. Made by cbindgen; `cargo test -p figureground-c` says when it is not
   what the source says, and FIGUREGROUND_HEADER=write makes it anew.

   Nothing here may be called from two threads at once for one object; different objects are free. */

#ifndef FIGUREGROUND_H
#define FIGUREGROUND_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// What a gate decided.
typedef enum {
  // The person shows the action more than the background does.
  fg_decision_accept = 0,
  // The background alone explains the prediction: do not act on it.
  fg_decision_flag = 1,
  // Nobody is seen, too little background is, or nothing is probable.
  fg_decision_abstain = 2,
} fg_decision;

// Judges the windows of one stream, one after another.
typedef struct fg_gate fg_gate;

// A stream that is judged window by window.
typedef struct fg_pipeline fg_pipeline;

// What is said of one window. Probabilities are from 0 to 1, areas are fractions of the encoder's crop.
typedef struct {
  // Index of the predicted class, for `fg_label`.
  size_t label;
  // What the gate decided.
  fg_decision decision;
  // Why, in a word that is never freed; null where the decision is to accept.
  const char *reason;
  // Of the label in the whole picture, the person alone and the background alone.
  float p[3];
  // ln p of the label in the background less that in the person, in nats.
  float dominance;
  // How much of the crop the person covers, mean over the frames.
  float person_area;
  // How much of the crop is visible background, mean over the frames.
  float background_area;
  // Whether the gate was calibrated on labelled clips.
  bool calibrated;
  // When the first and the last frame of the window were captured, in microseconds.
  uint64_t time_us[2];
} fg_verdict;

// How a stream is judged. `fg_options_usual` gives the usual ones.
typedef struct {
  // Length of a window in seconds.
  double window;
  // Seconds from the end of a window to that of the next.
  double stride;
  // Threads on the CPU; 0 is all cores.
  uint32_t threads;
  // Models run on a GPU where it is true, else on the CPU; never on another than was asked for.
  bool gpu;
} fg_options;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// A gate that flags above `tau`, by the log-ratio of background and person, and takes back a flag `hysteresis` below it. Null
// when a number is not finite.
fg_gate *fg_gate_open(float tau,
                      float hysteresis);

// Judges one window: `classes` log-probabilities or logits of each view, and the fractions of the crop that person and visible
// background cover. 0, or -1 on an error.
//
// # Safety
// `gate` comes from `fg_gate_open`; `full`, `person` and `background` point to `classes` numbers each; `verdict` to a verdict.
int fg_gate_judge(fg_gate *gate,
                  const float *full,
                  const float *person,
                  const float *background,
                  size_t classes,
                  float person_area,
                  float background_area,
                  fg_verdict *verdict);

// Lets a gate go; null is none.
//
// # Safety
// `gate` comes from `fg_gate_open` and is not used any more.
void fg_gate_close(fg_gate *gate);

// Windows of 2 seconds, one every half, on all cores.
fg_options fg_options_usual(void);

// Opens the bundle in the directory `bundle`, or the one inside the library where it is null. Null on an error.
//
// # Safety
// `bundle` is null or ends with a 0; `options` is null, for the usual ones, or points to some.
fg_pipeline *fg_open(const char *bundle,
                     const fg_options *options);

// Takes the next frame: `height` rows of `width` pixels, each R, G, B; a row begins `stride` bytes after the one before it.
// `time_us` is when it was captured, in microseconds; it never runs backwards. 1 when `verdict` was filled in, 0 when the window
// goes on, -1 on an error, after which the next frame may be given.
//
// # Safety
// `pipeline` comes from `fg_open`, `pixels` points to all rows, `verdict` to a verdict.
int fg_step(fg_pipeline *pipeline,
            const uint8_t *pixels,
            uint32_t width,
            uint32_t height,
            size_t stride,
            uint64_t time_us,
            fg_verdict *verdict);

// Forgets the frames so far: another stream begins. 0, or -1 on an error.
//
// # Safety
// `pipeline` comes from `fg_open`.
int fg_reset(fg_pipeline *pipeline);

// Tells `labels` apart from the next window on: names in UTF-8, one a line. They are embedded now, which may take seconds. 0, or
// -1 on an error; the old ones then stay.
//
// # Safety
// `pipeline` comes from `fg_open`, `labels` ends with a 0.
int fg_set_labels(fg_pipeline *pipeline,
                  const char *labels);

// Flags above `tau` from the next window on. 0, or -1 on an error.
//
// # Safety
// `pipeline` comes from `fg_open`.
int fg_set_tau(fg_pipeline *pipeline, float tau);

// How many labels are told apart; 0 on an error.
//
// # Safety
// `pipeline` comes from `fg_open`.
size_t fg_label_count(fg_pipeline *pipeline);

// The name of a label in UTF-8, valid until labels change or the pipeline is closed. Null on an error.
//
// # Safety
// `pipeline` comes from `fg_open`.
const char *fg_label(fg_pipeline *pipeline, size_t label);

// Lets a pipeline go; null is none.
//
// # Safety
// `pipeline` comes from `fg_open` and is not used any more.
void fg_close(fg_pipeline *pipeline);

// Why the last call of this thread that failed did: one sentence in UTF-8, which is valid until the next call fails. Empty
// where none has failed.
const char *fg_error(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* FIGUREGROUND_H */

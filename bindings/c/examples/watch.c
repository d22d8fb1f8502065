/* Verdicts on raw RGB pictures from stdin:

     cc watch.c -I../include -L../../../target/release -lfigureground_c -o watch
     ffmpeg -i clip.mp4 -f rawvideo -pix_fmt rgb24 - | ./watch 640 480 25 [BUNDLE]
*/

#include "figureground.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const decisions[] = {"accept", "flag", "abstain"};

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: %s WIDTH HEIGHT FPS [BUNDLE]\n", argv[0]);
    return 2;
  }
  const uint32_t width = (uint32_t)strtoul(argv[1], NULL, 10);
  const uint32_t height = (uint32_t)strtoul(argv[2], NULL, 10);
  const double fps = strtod(argv[3], NULL);
  const size_t row = 3 * (size_t)width, size = row * height;
  if (size == 0 || !(fps > 0)) {
    fprintf(stderr, "width, height and frame rate must be above 0\n");
    return 2;
  }

  fg_options options = fg_options_usual();
  options.window = 1.0;
  options.stride = 0.5;
  fg_pipeline *pipeline = fg_open(argc > 4 ? argv[4] : NULL, &options);
  uint8_t *pixels = malloc(size);
  if (pipeline == NULL || pixels == NULL) {
    fprintf(stderr, "%s\n", fg_error());
    return 2;
  }

  int code = 0;
  fg_verdict verdict;
  for (uint64_t frame = 0; fread(pixels, 1, size, stdin) == size; frame++) {
    const uint64_t time_us = (uint64_t)(1e6 * (double)frame / fps);
    const int result = fg_step(pipeline, pixels, width, height, row, time_us, &verdict);
    if (result < 0) {
      fprintf(stderr, "%s\n", fg_error());
      code = 2;
      break;
    }
    if (result > 0) {
      printf("%" PRIu64 " %s: %s%s%s, full %.2f person %.2f background %.2f\n", verdict.time_us[1],
             fg_label(pipeline, verdict.label), decisions[verdict.decision], verdict.reason ? ", " : "",
             verdict.reason ? verdict.reason : "", verdict.p[0], verdict.p[1], verdict.p[2]);
    }
  }
  free(pixels);
  fg_close(pipeline);
  return code;
}

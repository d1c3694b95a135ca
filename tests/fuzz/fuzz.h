/*
 * What the fuzz targets share. A target reads bytes as its module would get
 * them from outside and asserts what must hold whatever they are.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "defs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* A path under which these bytes can be read, until the next call. */
const char *fuzz_file(const uint8_t *data, size_t size);
/* The configuration with its defaults and the shipped template. */
struct conf *fuzz_conf(void);
/* Whether text is JSON by our own reader. */
bool fuzz_is_json(const char *text, size_t len);

#endif

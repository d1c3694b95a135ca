/*
 * What to do about what keeps an application from running, or ended it: a
 * sentence for words of Kubernetes, the operator and Spark, which are told
 * verbatim beside it. Pure.
 */
#ifndef LIVY_ADVICE_H
#define LIVY_ADVICE_H

#include <stddef.h>

/* The sentence for the first of these words that text holds, or NULL. */
const char *livy_advice(const char *text);

#endif

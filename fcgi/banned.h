/*
 * Functions that this program forbids itself; using one is a compile error.
 * Numbers go through num.h, strings through buf.h, time through num.h.
 */
#ifndef BANNED_H
#define BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok
#pragma GCC poison atoi atol atoll atof gmtime localtime ctime asctime
#pragma GCC poison system popen tmpnam mktemp gets

#endif

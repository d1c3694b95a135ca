/*
 * What spark-submit would make of an application's settings: the Spark conf
 * of the driver in the order that decides, sizes, and the refusals. The
 * driver runs with master local[*], so what only a cluster can use is left
 * out. Pure.
 */
#ifndef LOCALSPARK_CONF_H
#define LOCALSPARK_CONF_H

#include <json-c/json.h>

#include "defs.h"

struct err;

/*
 * The conf of the driver: sparkConf, hadoopConf, then the fields of driver
 * and executor over them. A refusal is worded as spark-submit's stderr.
 */
bool spark_conf(json_object *app, json_object **ret_new, struct err *err)
    MUST_CHECK;

/* A string setting of sparkConf itself, NULL if it is not there. */
const char *spark_conf_asked(json_object *app, const char *key);

/* Whether the application's main file is Python or R. */
bool spark_is_script(json_object *app);

/* MiB that the driver's container may use: heap and what lies beside it. */
bool spark_driver_mib(json_object *app, int64_t *ret, struct err *err)
    MUST_CHECK;

/* Fails as spark-submit does: err holds what it prints. */
bool spark_refuse(struct err *err, const char *exception, const char *fmt, ...)
    PRINTF(3, 4);

#endif

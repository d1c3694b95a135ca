/*
 * The table behind the configuration: one row a setting.
 */
#ifndef CONF_TABLE_H
#define CONF_TABLE_H

#include "defs.h"

#endif

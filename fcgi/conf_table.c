#include "config.h"

#include "conf_table.h"

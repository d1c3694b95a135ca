#include "config.h"

#include "applog.h"

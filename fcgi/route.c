#include "config.h"

#include "route.h"

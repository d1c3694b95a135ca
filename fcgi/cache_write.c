#include "config.h"

#include "cache_write.h"

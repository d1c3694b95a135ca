#include "config.h"

#include "ids.h"

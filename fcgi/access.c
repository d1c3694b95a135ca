#include "config.h"

#include "access.h"

#include "config.h"

#include "request.h"

#include "config.h"

#include "own.h"

#include "config.h"

#include "slots.h"
